"""The scripts: run as they are, without this project in reach, they train the same network as the Trainer."""

import ast
import gzip
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from mlp.data import sources
from mlp.data.randomness import Stream
from mlp.training import FRAMEWORKS, FULL_BATCH, RunConfig, Trainer, as_code

BASE = RunConfig(
    hidden_layers=(24, 12), train_size=400, validation_size=100, epochs=1, batch_size=50, learning_rate=0.05
)
OFF = {"train_size": None, "validation_size": 0}
WARPS = {
    "augment_shift": 2.0,
    "augment_rotation": 12.0,
    "augment_scale": 0.1,
    "augment_shear": 0.2,
    "augment_elastic": 20.0,
}


def variations():
    """Every choice of every setting, each number setting on, and what may get in each other's way."""
    for name in ("activation", "weight_init", "input_scaling", "loss", "dtype"):
        for choice in RunConfig.choices(name):
            rate = 1e-4 if choice == "none" else 0.05
            yield choice, {name: choice, "learning_rate": rate}
    for optimizer in RunConfig.choices("optimizer"):
        rate = 0.05 if optimizer in ("sgd", "momentum", "nesterov", "adagrad") else 0.002
        used = {"optimizer": optimizer, "learning_rate": rate, "momentum": 0.7, "epochs": 2}
        yield optimizer, used
        yield f"{optimizer} with decay", {**used, "weight_decay": 0.02}
    for schedule in RunConfig.choices("schedule"):
        decay = {"schedule": schedule, "decay_epochs": 0.25, "decay_factor": 0.3, "epochs": 2}
        yield f"{schedule} schedule", decay
        yield f"{schedule} after warm-up", {**decay, "warmup_epochs": 0.4}
    for name, strength in WARPS.items():
        yield name, {name: strength}
    yield "per pixel with a schedule", {"input_scaling": "per_pixel", "schedule": "cosine"}
    yield "per pixel with a warm-up", {"input_scaling": "per_pixel", "warmup_epochs": 0.5}
    yield "all warps", WARPS
    yield "affine", {"augment_rotation": 12.0, "augment_scale": 0.1, "augment_shear": 0.2}
    yield "gelu in float64", {"activation": "gelu", "dtype": "float64", "input_scaling": "per_pixel"}
    yield "squares, warped", {"loss": "mean_squared_error", "augment_shift": 2.0}
    yield "squares in float64", {"loss": "mean_squared_error", "dtype": "float64"}
    yield "clipping", {"gradient_clip": 0.5}
    yield "dropout", {"dropout": 0.3}
    yield "dropout in float64", {"dropout": 0.3, "dtype": "float64"}
    yield "classes", {"classes": (7, 1, 3)}
    yield "classes unsplit", {"classes": (7, 1, 3), **OFF}
    yield "two classes", {"classes": (2, 5), "label_noise": 0.3, "validation_size": 0}
    yield "noise", {"label_noise": 0.3}
    yield "unsplit", OFF
    yield "validation only", {"train_size": None}
    yield "fewer digits only", {"validation_size": 0}
    yield "full batch", {"batch_size": FULL_BATCH, "epochs": 3}
    yield "batch of one", {"batch_size": 1, "train_size": 40}
    yield "larger than all", {"batch_size": 1000}
    yield "odd batch", {"batch_size": 33}
    yield "in chunks", {"batch_size": FULL_BATCH, "train_size": None, "epochs": 2, "augment_shift": 1.0}
    yield "in chunks, squares", {"batch_size": 4200, "train_size": 4500, "loss": "mean_squared_error"}
    yield "in chunks, clipped", {"batch_size": 4200, "train_size": 4500, "gradient_clip": 0.3, "weight_init": "normal"}
    yield "no hidden layer", {"hidden_layers": ()}
    yield "six layers", {"hidden_layers": (16,) * 6, "dropout": 0.1, "gradient_clip": 1.0}
    yield "the last seed", {"seed": 2**32 - 1}
    yield "no momentum", {"optimizer": "nesterov", "momentum": 0.0}


CONFIGS = {name: BASE.changed(**changes) for name, changes in variations()}

# Runs scripts one after the other and writes down the losses of each. Stands alone, as they do.
RUNNER = """
import importlib.util, json, runpy, sys

assert importlib.util.find_spec("mlp") is None, "the project must be out of reach"
framework, folder, *paths = sys.argv[1:]
losses = {}
if framework == "pytorch":
    import numpy as np
    import torch

    torch.set_num_threads(1)

    class Masks(torch.nn.Module):
        "Dropout with the masks of the app: the one part that PyTorch draws itself."
        first = None

        def __init__(self, p):
            super().__init__()
            self.p = p

        def forward(self, x):
            if not self.training:
                return x
            if Masks.first is None:
                Masks.first, Masks.step = self, 0
            if Masks.first is self:
                Masks.rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(DROPOUT_STREAM, Masks.step)))
                Masks.step += 1
            kind = x.detach().numpy().dtype
            return x * torch.from_numpy((Masks.rng.random(x.shape, kind) >= self.p).astype(kind)) / (1 - self.p)

    torch.nn.Dropout = Masks
for path in paths:
    if framework == "pytorch":
        torch.set_default_dtype(torch.float32)
        Masks.first = None
    sys.argv = [path, folder]
    losses[path] = [float(loss) for loss in runpy.run_path(path, run_name="__main__").get("losses", [])]
open("losses.json", "w").write(json.dumps(losses))
""".replace("DROPOUT_STREAM", str(int(Stream.DROPOUT)))


@pytest.fixture(scope="module")
def small():
    """The first digits of MNIST, in place of all."""
    raw = sources.load_arrays("mnist")
    return sources.RawArrays(
        raw.train_images[:6000], raw.train_labels[:6000], raw.test_images[:300], raw.test_labels[:300]
    )


@pytest.fixture
def mnist(small, monkeypatch):
    monkeypatch.setitem(sources._loaded, "mnist", small)


@pytest.fixture(scope="module")
def run_all(small, tmp_path_factory):
    """Runs the scripts of some configs in a process of their own: {name: losses}, and what they print."""

    def run(framework, configs):
        folder = tmp_path_factory.mktemp(framework)
        for array, name in zip(
            (small.train_images, small.train_labels, small.test_images, small.test_labels),
            ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"),
            strict=True,
        ):
            content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
            (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(content, 1))
        (folder / "runner").write_text(RUNNER)
        paths = {}
        for number, (name, config) in enumerate(configs.items()):
            paths[name] = folder / f"script_{number}.py"
            paths[name].write_text(as_code(config, framework))
        done = subprocess.run(
            [sys.executable, "-I", "runner", framework, folder, *paths.values()],
            cwd=folder,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        losses = json.loads((folder / "losses.json").read_text())
        return SimpleNamespace(losses={name: losses[str(path)] for name, path in paths.items()}, said=done.stdout)

    return run


@pytest.fixture(scope="module")
def numpy_runs(run_all):
    return run_all("numpy", CONFIGS)


@pytest.fixture(scope="module")
def pytorch_runs(run_all):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    return run_all("pytorch", CONFIGS)


def trained(config):
    trainer = Trainer(config)
    trainer.threads = 1  # as the scripts here: more threads may add up in another order
    while not trainer.finished:
        trainer.step()
    return trainer


@pytest.mark.parametrize("name", CONFIGS)
def test_the_numpy_script_has_the_losses_of_the_app_to_the_last_bit(numpy_runs, mnist, name):
    losses = trained(CONFIGS[name]).history.steps.column("loss")
    np.testing.assert_array_equal(numpy_runs.losses[name], losses)


# PyTorch draws the masks of dropout itself; the runner hands it ours, so that all the rest can be compared.
@pytest.mark.parametrize("name", CONFIGS)
def test_the_pytorch_script_has_the_losses_of_the_app(pytorch_runs, mnist, name):
    losses = trained(CONFIGS[name]).history.steps.column("loss")
    precision = 1e-10 if CONFIGS[name].dtype == "float64" else 1e-5
    np.testing.assert_allclose(pytorch_runs.losses[name], losses, rtol=precision)


def test_a_script_says_how_each_epoch_went(run_all, mnist):
    config = BASE.changed(epochs=2)
    history = trained(config).history
    expected = [
        f"epoch {record.epoch:2}  loss {record.train_loss:.4f}  validation accuracy {record.validation_accuracy:.4f}"
        f"  test accuracy {record.test_accuracy:.4f}"
        for record in history.epochs
    ]
    assert run_all("numpy", {"": config}).said.splitlines() == expected


def test_the_scikit_learn_scripts_run(run_all):
    names = ["relu", "gelu", "momentum", "nesterov", "adam with decay", "no hidden layer", "two classes", "full batch"]
    configs = {name: CONFIGS[name] for name in [*names, "larger than all", "float64", "all warps", "sgd with decay"]}
    lines = run_all("scikit-learn", configs).said.splitlines()
    assert len(lines) == sum(config.epochs for config in configs.values())
    assert all("test accuracy 0." in line for line in lines)


def test_scikit_learn_learns_as_much(run_all):
    config = RunConfig(train_size=3000, validation_size=0, epochs=5)
    (last,) = run_all("scikit-learn", {"": config}).said.splitlines()[-1:]
    assert float(last.split()[-1]) > 0.84


def random_configs(count):
    """Settings drawn at random: what no single one shows, two together may."""
    rng = random.Random(0)
    names = ("dataset", "activation", "weight_init", "optimizer", "schedule", "loss", "input_scaling", "dtype")
    either = {
        "dropout": (0, 0.3), "weight_decay": (0, 0.01), "warmup_epochs": (0, 0.5), "gradient_clip": (None, 1.5),
        "batch_size": (1, 32, 5000, FULL_BATCH), "train_size": (None, 500, 20_000), "validation_size": (0, 5000),
        "label_noise": (0, 0.2), "classes": (None, (7, 1, 3), (2, 5)), "momentum": (0, 0.9),
        **{name: (0, strength) for name, strength in WARPS.items()},
    }  # fmt: skip
    # just too long for a line in one of the scripts, by no more than what stands around it
    yield RunConfig(hidden_layers=(16, 16, 196), activation="sigmoid")
    for _ in range(count):
        sizes = tuple(rng.choices((1, 16, 196, 1024), k=rng.randint(0, 6)))
        chosen = {name: rng.choice(RunConfig.choices(name)) for name in names}
        yield RunConfig(hidden_layers=sizes, **chosen, **{name: rng.choice(of) for name, of in either.items()})


# Keras is run by `python -m benchmarks.code`, where it is installed.
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_script_is_sound_and_tidy(framework, tmp_path):
    for number, config in enumerate([RunConfig(), *CONFIGS.values(), *random_configs(100)]):
        text = as_code(config, framework)
        assert_nothing_is_named_twice(ast.parse(text), config)
        assert "mlp." not in text
        (tmp_path / f"script_{number}.py").write_text(text)
    for rule in (
        ["check", "--isolated"],
        ["check", "--isolated", "--select=F"],
        ["check", "--isolated", "--select=E501", "--line-length=100"],
        ["format", "--isolated", "--diff", "--line-length=100"],
    ):
        done = subprocess.run([sys.executable, "-m", "ruff", *rule, tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def assert_nothing_is_named_twice(tree, config):
    """No function or class shares its name with another, or with anything that is assigned."""
    defined = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    at_the_top = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert len(at_the_top) == len(set(at_the_top)), config
    assert not assigned & set(defined), (assigned & set(defined), config)


# -- no setting is lost


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_constant_is_used(framework):
    for config in CONFIGS.values():
        _, _, body = as_code(config, framework).partition('"""\n')
        for name in re.findall(r"^([A-Z_]{2,}) = ", body, re.MULTILINE):
            assert len(re.findall(rf"\b{name}\b", body)) > 1, f"{name} is set and not used: {config}"


# What stands for a choice in the frameworks whose losses are not compared with ours.
KERAS = {
    "activation": {
        "relu": '"relu"', "leaky_relu": "LeakyReLU(negative_slope=0.01)", "elu": '"elu"', "gelu": "keras.ops.gelu",
        "tanh": '"tanh"', "sigmoid": '"sigmoid"', "identity": "dense(196),",
    },
    "weight_init": {
        "he_normal": '2.0, "fan_in", "untruncated_normal"', "he_uniform": 'initializer="he_uniform"',
        "glorot_normal": '1.0, "fan_avg", "untruncated_normal"', "glorot_uniform": 'initializer="glorot_uniform"',
        "lecun_normal": '1.0, "fan_in", "untruncated_normal"', "normal": "RandomNormal(stddev=WEIGHT_INIT_STD)",
        "zeros": 'initializer="zeros"',
    },
    "optimizer": {
        "sgd": "SGD(LEARNING_RATE)", "momentum": "SGD(LEARNING_RATE, momentum=MOMENTUM)",
        "nesterov": "SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True)",
        "rmsprop": "RMSprop(LEARNING_RATE, rho=0.99, epsilon=1e-8**2)",
        "adagrad": "initial_accumulator_value=0.0, epsilon=1e-10**2", "adam": "Adam(LEARNING_RATE, epsilon=1e-8)",
        "adamw": "AdamW(LEARNING_RATE, epsilon=1e-8, weight_decay=0.0)",
    },
    "schedule": {
        "constant": "SGD(LEARNING_RATE)", "step": "DECAY_FACTOR, staircase=True",
        "exponential": "ExponentialDecay(LEARNING_RATE, DECAY_STEPS, DECAY_FACTOR)",
        "cosine": "CosineDecay(LEARNING_RATE, DECAY_STEPS)",
    },
}  # fmt: skip
SCIKIT_LEARN = {
    "activation": {"relu": '"relu"', "tanh": '"tanh"', "sigmoid": '"logistic"', "identity": '"identity"'},
    "optimizer": {
        "sgd": "momentum=0.0", "momentum": "nesterovs_momentum=False", "nesterov": "nesterovs_momentum=True",
        "adam": 'solver="adam"',
    },
}  # fmt: skip


@pytest.mark.parametrize(("framework", "table"), [("keras", KERAS), ("scikit-learn", SCIKIT_LEARN)])
def test_a_choice_stands_for_what_it_is_called(framework, table):
    for name, choices in table.items():
        for choice, words in choices.items():
            assert words in as_code(RunConfig(**{name: choice}), framework), (name, choice)


def test_weight_decay_in_keras_is_its_own_only_where_that_means_the_same():
    for optimizer in RunConfig.choices("optimizer"):
        text = as_code(RunConfig(optimizer=optimizer, weight_decay=0.01), "keras")
        own = optimizer in ("sgd", "adamw")
        assert ("weight_decay=WEIGHT_DECAY" in text) == own
        assert ("kernel_regularizer=keras.regularizers.L2(WEIGHT_DECAY / 2)" in text) == (not own)
        assert ("bias_regularizer=keras.regularizers.L2(WEIGHT_DECAY / 2)" in text) == (not own)


def another(config, name):
    """The config with another value of this setting, among others that give it an effect."""
    beside = {
        "weight_init_std": {"weight_init": "normal"},
        "momentum": {"optimizer": "momentum"},
        "decay_epochs": {"schedule": "step"},
        "decay_factor": {"schedule": "exponential"},
    }
    config = config.changed(**beside.get(name, {}))
    values = {
        "hidden_layers": (31, 17),
        "classes": (4, 9, 8),
        "dataset": "kmnist",
        "batch_size": 77,
        "epochs": 13,
        "seed": 4711,
        "train_size": 4321,
        "validation_size": 1234,
        "gradient_clip": 0.77,
        "weight_decay": 0.0123,
        "dropout": 0.45,
        "label_noise": 0.35,
        "augment_scale": 0.15,
        "augment_shear": 0.15,
    }
    if name in values:
        value = values[name]
    elif isinstance(getattr(config, name), str):
        value = next(choice for choice in reversed(RunConfig.choices(name)) if choice != getattr(config, name))
    else:
        value = 0.625
    return config, config.changed(**{name: value}), value


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", [field.name for field in fields(RunConfig)])
def test_every_setting_is_followed_or_named(framework, name):
    before, after, value = another(RunConfig(), name)
    texts = as_code(before, framework), as_code(after, framework)
    assert texts[0] != texts[1], f"{name} is lost"
    shown = {"hidden_layers": "784-31-17-10", "classes": "(4, 9, 8)"}.get(name, str(value))
    assert shown in texts[1], f"{name} = {value!r} does not appear"


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    "name", ["activation", "weight_init", "optimizer", "schedule", "loss", "input_scaling", "dtype"]
)
def test_every_choice_has_a_script_of_its_own(framework, name):
    choices = RunConfig.choices(name)
    assert len({as_code(RunConfig(**{name: choice}), framework) for choice in choices}) == len(choices)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_has_no_effect_beside_others_is_named(framework):
    text = as_code(RunConfig(hidden_layers=(), dropout=0.5, momentum=0.3, decay_factor=0.9), framework)
    assert "Without effect beside the other settings: dropout 0.5, momentum 0.3, decay_factor 0.9." in text
    assert "Without effect" not in as_code(RunConfig(), framework)


def test_what_scikit_learn_cannot_follow_stands_at_the_top():
    config = RunConfig(
        activation="gelu", optimizer="adagrad", loss="mean_squared_error", dropout=0.2, gradient_clip=3.0,
        schedule="step", warmup_epochs=2.0, weight_decay=0.01, classes=(1, 2), **WARPS
    )  # fmt: skip
    heading, _, body = as_code(config, "scikit-learn").partition('"""\n')
    for words in (
        "activation gelu", "optimizer adagrad", "loss mean_squared_error", "dropout 0.2", "gradient_clip 3.0",
        "schedule step, warmup_epochs 2.0, decay_epochs 1.0, decay_factor 0.5", "weight_decay of biases",
        "single logistic output", "weight_init he_normal", *(f"{name} {value}" for name, value in WARPS.items()),
    ):  # fmt: skip
        assert words in heading, words
    assert "DROPOUT" not in body


def test_what_is_off_leaves_no_trace():
    plain = as_code(RunConfig(validation_size=0), "numpy")
    for word in ("Dropout", "augment", "CLASSES", "shares", "factor", "MOMENTUM", "WEIGHT_DECAY", "np.linalg"):
        assert word not in plain, word
    assert len(plain.splitlines()) < 165


def test_the_same_config_gives_the_same_text_and_equal_ones_too():
    config = RunConfig(hidden_layers=(5,), learning_rate=0.2)
    assert as_code(config, "keras") == as_code(replace(config), "keras")


def test_an_unknown_framework_is_refused():
    with pytest.raises(ValueError, match="framework must be one of numpy, pytorch, keras, scikit-learn, got 'jax'"):
        as_code(RunConfig(), "jax")
