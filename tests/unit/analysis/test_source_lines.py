"""The lines shown are the engine's own: they stand in its files, at the numbers that are told."""

import textwrap
from itertools import product

import numpy as np
import pytest

from mlp.analysis.source_lines import SourceChangedError, code_of, lines_of
from mlp.analysis.walk import StepSettings, coming_batch, dropout_masks, walk_step
from mlp.nn import ACTIVATIONS, LOSSES, MLP, OPTIMIZERS, Linear, cross_entropy
from mlp.training import RunConfig, Trainer


@pytest.fixture(scope="module")
def trainer(digits):
    return Trainer(RunConfig(train_size=500, validation_size=200), digits)


def walk_of(trainer, *, activation="relu", loss="cross_entropy", optimizer="sgd", decay=0.0, clip=None):
    network = MLP([784, 8, 10], activation, rng=np.random.default_rng(0), dropout=0.2)
    settings = StepSettings(loss, optimizer, 0.01, weight_decay=decay, gradient_clip=clip)
    return walk_step(network, coming_batch(trainer, 0, 4), settings, masks=dropout_masks(trainer, 0))


def check_place(repository, lines):
    text = (repository / lines.file).read_text(encoding="utf-8").splitlines()
    span = text[lines.first - 1 : lines.last]
    shown = [line.strip() for line in lines.text.splitlines()]
    stripped = [line.strip() for line in span]
    assert shown[0] == stripped[0], lines
    assert shown[-1] == stripped[-1], lines
    left = iter(stripped)
    assert all(line in left for line in shown), f"{lines.place} does not hold, in this order:\n{lines.text}"


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_stage_has_lines_of_the_engine(trainer, repository, activation):
    for loss, clip in product(LOSSES, (None, 1.0)):
        walk = walk_of(trainer, activation=activation, loss=loss, clip=clip)
        for stage in walk.stages:
            found = code_of(walk, stage)
            assert found, stage.key
            for lines in found:
                assert lines.text.strip()
                assert not lines.text.startswith(" ")
                assert '"""' not in lines.text
                check_place(repository, lines)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_shows_its_rule(trainer, repository, optimizer):
    plain = code_of(walk := walk_of(trainer, optimizer=optimizer), walk.stage("update"))
    assert plain[0].name.endswith("._update")
    assert "w -= s" in plain[0].text
    decayed = code_of(walk := walk_of(trainer, optimizer=optimizer, decay=0.1), walk.stage("update"))
    assert decayed[0].name == ("AdamW._decay" if optimizer == "adamw" else "Optimizer._decay")
    for lines in plain + decayed:
        check_place(repository, lines)


def test_the_lines_that_a_reader_looks_for(trainer):
    walk = walk_of(trainer)
    text = {stage.key: "\n".join(lines.text for lines in code_of(walk, stage)) for stage in walk.stages}
    assert text["z1"].splitlines()[1] == "y += self.b"
    assert "np.matmul(x, self.W" in text["z1"]
    assert "np.maximum(x, 0" in text["a1"]
    assert text["dW1"].splitlines()[-1] == "product(self._x.T, dy, out=self.dW)"
    assert text["db1"] == "np.add.reduce(dy, axis=0, out=self.db)"
    assert "np.matmul(dy, self.W.T" in text["dh1"]
    assert text["dlogits"].splitlines()[1:] == ["dz -= one_hot", "dz /= len(dz)"]
    assert text["update"] == "np.multiply(g, η, out=s)\nw -= s"


def test_lines_that_are_gone_fail_loudly():
    with pytest.raises(SourceChangedError, match=r"Linear\.forward has no statement with 'np\.einsum"):
        lines_of(Linear.forward, "np.einsum(")


def test_the_numbers_of_the_lines(repository):
    lines = lines_of(cross_entropy, "dz -= ")
    assert lines.first == lines.last
    text = (repository / "mlp/nn/losses.py").read_text(encoding="utf-8").splitlines()
    assert text[lines.first - 1].strip() == lines.text
    assert lines.place == f"mlp/nn/losses.py, line {lines.first}"


def test_a_whole_body_keeps_its_shape(repository):
    lines = lines_of(ACTIVATIONS["gelu"].backward)
    text = (repository / lines.file).read_text(encoding="utf-8").splitlines()
    assert lines.text == textwrap.dedent("\n".join(text[lines.first - 1 : lines.last]))
    assert lines.text.startswith("x, t = self._x, self._t")
    assert lines.text.endswith("return dx")
