"""The computation graph: every stage can be pressed, the current one is lit, and nothing leaves the drawing."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mlp.analysis.walk import StepSettings, coming_batch, dropout_masks, walk_step
from mlp.nn import MLP
from mlp.training import RunConfig, Trainer
from mlp.viz.graph import BOX_WIDTH, Block, Node, computation_graph, letters
from mlp.viz.walk import step_blocks


@pytest.fixture(scope="module")
def trainer(digits):
    return Trainer(RunConfig(train_size=500, validation_size=200), digits)


def walk_of(trainer, hidden=(16,), dropout=0.0, **settings):
    network = MLP([784, *hidden, 10], rng=np.random.default_rng(0), dropout=dropout)
    chosen = StepSettings(**{"loss": "cross_entropy", "optimizer": "sgd", "learning_rate": 0.1, **settings})
    return walk_step(network, coming_batch(trainer, 0, 8), chosen, masks=dropout_masks(trainer, 0) if dropout else None)


def drawn(walk, current="x", width=900):
    return ElementTree.fromstring(computation_graph(step_blocks(walk), current, width=width))


def nodes(svg):
    return [group for group in svg.iter("g") if "node" in group.get("class")]


def texts(group):
    return [text.text for text in group.iter("text")]


WALKS = {
    "regression": {"hidden": ()},
    "one": {},
    "squares": {"loss": "mean_squared_error"},
    "clipped, dropped": {"dropout": 0.2, "gradient_clip": 1.0, "hidden": (12, 10)},
    "six": {"hidden": (30, 25, 20, 15, 12, 11)},
    "six, dropped": {"hidden": (30, 25, 20, 15, 12, 11), "dropout": 0.1},
}


@pytest.mark.parametrize("width", [350, 900])
@pytest.mark.parametrize("settings", WALKS.values(), ids=WALKS)
def test_every_stage_is_lit_at_its_turn_and_can_be_reached(trainer, settings, width):
    walk = walk_of(trainer, **settings)
    pressable = set()
    for key in walk.keys:
        lit = [group for group in nodes(drawn(walk, key, width)) if "lit" in group.get("class")]
        assert lit, key
        assert all(group.get("aria-current") == "step" for group in lit)
        if key not in ("clip", "update"):
            (one,) = lit
            assert texts(one)[0] == ("loss after" if key == "after" else letters(key))
            assert one.get("data-stage") == key
        pressable |= {group.get("data-stage") for group in nodes(drawn(walk, key, width))}
    assert pressable - {None} == set(walk.keys) - {"clip"}  # clipping acts on the gradients, which have boxes


@pytest.mark.parametrize("settings", WALKS.values(), ids=WALKS)
@pytest.mark.parametrize("width", [350, 900])
def test_all_of_it_is_inside(trainer, settings, width):
    svg = drawn(walk_of(trainer, **settings), width=width)
    _, _, full, height = map(float, svg.get("viewBox").split())
    assert full <= width
    boxes = [{name: float(rect.get(name)) for name in ("x", "y", "width", "height")} for rect in svg.iter("rect")]
    for box in boxes:
        assert 0 <= box["x"] <= full - box["width"]
        assert 0 <= box["y"] <= height - box["height"]
    places = [(box["x"], box["y"]) for box in boxes]
    assert len(set(places)) == len(places), "boxes lie over one another"
    for line in svg.iter("path"):
        if "line" in line.get("class"):
            for x in re.findall(r"[MH](-?[\d.]+)", line.get("d")):
                assert 0 <= float(x) <= full, line.get("d")


def test_shapes_are_those_of_this_batch(trainer):
    walk = walk_of(trainer)
    shapes = {texts(group)[0]: texts(group)[1] for group in nodes(drawn(walk))}
    assert shapes["x"] == "8 × 784"
    assert shapes["W₁"] == shapes["dW₁"] == "784 × 16"
    assert shapes["z₁"] == shapes["dz₁"] == shapes["a₁"] == shapes["da₁"] == "8 × 16"
    assert shapes["b₂"] == shapes["db₂"] == "10"
    assert shapes["logits"] == shapes["dlogits"] == shapes["p"] == "8 × 10"
    for stage in walk.stages:
        if stage.kind not in ("loss", "update", "after"):
            assert shapes[letters(stage.key)] == " × ".join(map(str, stage.value.shape)), stage.key


def test_sizes_are_root_mean_squares(trainer):
    walk = walk_of(trainer)
    sizes = {texts(group)[0]: texts(group)[-1] for group in nodes(drawn(walk))}
    wanted = np.sqrt(np.mean(walk.stage("z1").value.astype(float) ** 2))
    assert sizes["z₁"] == f"rms {wanted:.2g}"
    assert float(sizes["loss"]) == pytest.approx(walk.loss, rel=1e-3)
    assert float(sizes["loss after"]) == pytest.approx(walk.loss_after, rel=1e-3)


def test_gradients_stand_below_their_values(trainer):
    places = {
        texts(group)[0]: (float(group.find("rect").get("x")), float(group.find("rect").get("y")))
        for group in nodes(drawn(walk_of(trainer)))
    }
    for value, gradient in (("z₁", "dz₁"), ("a₁", "da₁"), ("logits", "dlogits"), ("W₁", "dW₁"), ("b₂", "db₂")):
        assert places[value][0] == places[gradient][0]
        assert places[value][1] < places[gradient][1]


def test_a_walk_that_stopped_has_boxes_for_what_was_not_reached(trainer):
    network = MLP([784, 10], rng=np.random.default_rng(0))
    network.parameters[:] = np.nan
    walk = walk_step(network, coming_batch(trainer, 0, 4), StepSettings("cross_entropy", "sgd", 0.1))
    by_name = {texts(group)[0]: group for group in nodes(drawn(walk, "loss"))}
    assert by_name["dW₁"].get("data-stage") is None
    assert "not finite" in texts(by_name["logits"])[-1]
    assert "loss after" not in by_name


def test_what_is_written_is_escaped():
    drawing = computation_graph([Block("a < b", (Node("x<y", "1 & 2", keys=("k",)),))], "k", width=BOX_WIDTH * 3)
    assert "a &lt; b" in drawing
    ElementTree.fromstring(drawing)
