"""Settings: their defaults, their bounds, sentences for what does not fit, and the way into a URL and back."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from mlp.training import FULL_BATCH, RunConfig

NAMES = tuple(RunConfig().to_dict())

BEYOND = {
    "hidden_layers": [(0,), (1025,), (8,) * 7, (1.5,), ("wide",), 196, None, (float("nan"),)],
    "activation": ["swish", "", 3, None],
    "dropout": [-0.1, 1, 1.0, "half", None],
    "weight_init": ["xavier", None],
    "weight_init_std": [0, -1, 10.1],
    "loss": ["hinge", None],
    "optimizer": ["SGD", "lion"],
    "learning_rate": [0, -0.1, 10.01, "fast", None, (0.1,)],
    "momentum": [-0.01, 1],
    "weight_decay": [-1e-9, 1.01],
    "schedule": ["linear"],
    "warmup_epochs": [-1, 101],
    "decay_epochs": [0, 10_001],
    "decay_factor": [0, 1.5],
    "gradient_clip": [0, -1, 1001, "none"],
    "batch_size": [0, -1, 60_001, 1.5, "half", None],
    "epochs": [0, 10_001, 2.5, None, "ten"],
    "seed": [-1, 2**32, 0.5],
    "dtype": ["float16", np.float32],
    "dataset": ["cifar10", None],
    "classes": [(3,), (1, 10), (-1, 2), (1, 1), tuple(range(11)), 5, (), "none"],
    "train_size": [1, 0, 60_001, "all"],
    "validation_size": [-1, 50_001, None],
    "label_noise": [-0.1, 1.1],
    "input_scaling": ["minmax"],
    "augment_shift": [-1, 6.1],
    "augment_rotation": [-1, 46],
    "augment_scale": [-0.1, 0.6],
    "augment_shear": [-0.1, 0.6],
    "augment_elastic": [-1, 61],
}


def random_config(seed):
    """Some valid config: each setting is left alone, or drawn from all that it may be, ends included."""
    rng = np.random.default_rng(seed)
    settings = {}
    for name in NAMES:
        if rng.random() < 0.4:
            continue
        if name == "hidden_layers":
            settings[name] = tuple(rng.integers(1, 1025, rng.integers(0, 7)).tolist())
        elif name == "classes":
            settings[name] = tuple(rng.permutation(10)[: rng.integers(2, 11)].tolist())
        elif name == "batch_size" and rng.random() < 0.3:
            settings[name] = FULL_BATCH
        elif isinstance(getattr(RunConfig(), name), str):
            settings[name] = str(rng.choice(RunConfig.choices(name)))
        else:
            bounds = RunConfig.bounds(name)
            whole = name in ("batch_size", "epochs", "seed", "train_size", "validation_size")
            ends = [
                end for end, is_open in ((bounds.low, bounds.low_open), (bounds.high, bounds.high_open)) if not is_open
            ]
            inside = rng.uniform(bounds.low, bounds.high) * 10.0 ** -rng.integers(0, 4)
            value = inside if rng.random() < 0.8 or not ends else rng.choice(ends)
            settings[name] = int(max(bounds.low, value)) if whole else float(max(bounds.low, value))
    return RunConfig(**settings)


def test_the_defaults_train_the_network_of_the_first_page():
    config = RunConfig()
    assert config.hidden_layers == (196,)
    assert (config.activation, config.weight_init, config.loss) == ("relu", "he_normal", "cross_entropy")
    assert (config.optimizer, config.learning_rate, config.batch_size, config.epochs) == ("sgd", 0.1, 32, 10)
    assert (config.momentum, config.weight_decay, config.dropout, config.gradient_clip) == (0.9, 0, 0, None)
    assert (config.schedule, config.warmup_epochs) == ("constant", 0)
    assert (config.dataset, config.classes, config.train_size, config.validation_size) == ("mnist", None, None, 5000)
    assert (config.input_scaling, config.label_noise, config.seed, config.dtype) == ("unit", 0, 0, "float32")
    assert not any(getattr(config, name) for name in NAMES if name.startswith("augment_"))


def test_a_config_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        RunConfig().learning_rate = 0.5
    assert hash(RunConfig()) == hash(RunConfig())


def test_changed_gives_a_copy_and_leaves_the_original_alone():
    config = RunConfig(seed=3)
    other = config.changed(learning_rate=0.5, hidden_layers=(8, 4))
    assert (other.learning_rate, other.hidden_layers, other.seed) == (0.5, (8, 4), 3)
    assert config == RunConfig(seed=3)


@pytest.mark.parametrize("seed", range(40))
def test_any_config_survives_the_way_through_a_dict_and_through_a_url(seed):
    config = random_config(seed)
    assert RunConfig(**config.to_dict()) == config
    assert RunConfig.from_dict(config.to_dict()) == config
    query = config.to_query()
    assert all(isinstance(text, str) for text in query.values())
    assert RunConfig.from_query(query) == config


@pytest.mark.parametrize("seed", range(5))
def test_a_query_names_only_what_differs_from_the_defaults(seed):
    config = random_config(seed)
    differs = {name for name in NAMES if getattr(config, name) != getattr(RunConfig(), name)}
    assert set(config.to_query()) == differs
    assert RunConfig().to_query() == {}


def test_a_query_reads_as_a_person_would_write_it():
    config = RunConfig(hidden_layers=(100, 50), classes=(1, 7, 8), learning_rate=0.05, batch_size=FULL_BATCH)
    assert config.to_query() == {
        "hidden_layers": "100,50",
        "classes": "1,7,8",
        "learning_rate": "0.05",
        "batch_size": "full",
    }
    assert RunConfig(hidden_layers=()).to_query() == {"hidden_layers": "none"}


def test_strings_from_a_url_become_numbers():
    config = RunConfig.from_query(
        {"learning_rate": "1e-2", "batch_size": "64", "hidden_layers": "30, 20", "classes": ""}
    )
    assert config == RunConfig(learning_rate=0.01, batch_size=64, hidden_layers=(30, 20))
    assert isinstance(config.learning_rate, float)
    assert isinstance(config.batch_size, int)
    assert all(isinstance(units, int) for units in config.hidden_layers)
    assert RunConfig.from_query({"hidden_layers": "none"}).hidden_layers == ()


def test_numbers_come_in_their_own_type():
    config = RunConfig(learning_rate=1, epochs=20.0, hidden_layers=[30])
    assert isinstance(config.learning_rate, float)
    assert isinstance(config.epochs, int)
    assert config.hidden_layers == (30,)


def test_numpys_numbers_are_numbers():
    config = RunConfig(
        learning_rate=np.float32(0.5), batch_size=np.int64(16), seed=np.uint32(7), hidden_layers=(np.int64(30),)
    )
    assert config == RunConfig(learning_rate=0.5, batch_size=16, seed=7, hidden_layers=(30,))
    assert all(type(value) in (int, float) for value in (config.learning_rate, config.batch_size, config.seed))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BEYOND.items() for value in values])
def test_what_does_not_fit_is_answered_in_one_line_with_setting_value_and_bounds(name, value):
    with pytest.raises(ValueError) as caught:
        RunConfig(**{name: value})
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{name} must be ")
    assert message.endswith(f", got {value!r}")
    try:
        allowed = str(RunConfig.bounds(name))
    except TypeError:
        allowed = {"hidden_layers": "0 to 6", "classes": "2 to 10 different"}.get(name) or repr(
            RunConfig.choices(name)[0]
        )
    assert allowed in message


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), "nan", "inf", True, False, np.True_, [], {}, object()]
)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("hidden_layers", "classes")])
def test_no_setting_takes_nan_infinity_yes_or_no_or_a_box(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be ") as caught:
        RunConfig(**{name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("hidden_layers", (True,)), ("classes", (True, False))])
def test_yes_and_no_are_no_numbers_inside_a_list_either(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be "):
        RunConfig(**{name: value})


def test_an_array_for_a_number_is_answered_in_one_line_too():
    with pytest.raises(ValueError, match=r"^learning_rate must be ") as caught:
        RunConfig(learning_rate=np.zeros((3, 3)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make", [RunConfig.from_dict, RunConfig.from_query, lambda query: RunConfig().changed(**query)]
)
def test_an_unknown_setting_is_named_along_with_the_known_ones(make):
    with pytest.raises(ValueError, match="unknown setting 'learning_rat'") as caught:
        make({"learning_rat": "0.1"})
    assert all(name in str(caught.value) for name in NAMES)
    assert "\n" not in str(caught.value)


def test_bad_text_in_a_url_is_answered_as_from_anywhere_else():
    with pytest.raises(ValueError, match=r"^learning_rate must be in \(0, 10\], got '0,1'$"):
        RunConfig.from_query({"learning_rate": "0,1"})
    with pytest.raises(ValueError, match=r"^hidden_layers must be 0 to 6 whole numbers in \[1, 1024\], got None$"):
        RunConfig.from_query({"hidden_layers": ""})


def test_bounds_are_what_a_slider_needs():
    bounds = RunConfig.bounds("learning_rate")
    assert (bounds.low, bounds.high, bounds.low_open, bounds.high_open) == (0, 10, True, False)
    assert str(bounds) == "(0, 10]"
    assert str(RunConfig.bounds("dropout")) == "[0, 1)"
    assert (RunConfig.bounds("batch_size").low, RunConfig.bounds("batch_size").high) == (1, 60_000)
    assert RunConfig.bounds("gradient_clip").high == 1000


@pytest.mark.parametrize("name", ["activation", "hidden_layers", "classes", "dataset"])
def test_what_is_no_number_has_no_bounds(name):
    with pytest.raises(TypeError, match=name):
        RunConfig.bounds(name)


def test_every_choice_is_a_valid_setting():
    for name in NAMES:
        if isinstance(getattr(RunConfig(), name), str):
            assert len(RunConfig.choices(name)) >= 2
            for choice in RunConfig.choices(name):
                assert getattr(RunConfig(**{name: choice}), name) == choice


def test_unknown_names_have_neither_bounds_nor_choices():
    for ask in (RunConfig.bounds, RunConfig.choices):
        with pytest.raises(KeyError):
            ask("learning_rat")


def test_the_ends_of_closed_bounds_are_allowed():
    for name, values in BEYOND.items():
        try:
            bounds = RunConfig.bounds(name)
        except TypeError:
            continue
        for end, is_open in ((bounds.low, bounds.low_open), (bounds.high, bounds.high_open)):
            if not is_open:
                assert getattr(RunConfig(**{name: end}), name) == end, values
