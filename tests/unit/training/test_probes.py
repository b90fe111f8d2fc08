"""Probes: every measure against its definition worked out apart, and no trace of them in the training."""

import warnings
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest

from mlp.data import epoch_order
from mlp.nn import LOSSES, MLP
from mlp.training import RunConfig, Trainer, TrainingDivergedError, probes
from mlp.training.probes import MEASURES, MOST_COLUMNS, TIME_SHARE, ProbeLog

SMALL = {"hidden_layers": (16,), "train_size": 500, "validation_size": 200, "batch_size": 64, "epochs": 100}
EXPLODES = {"loss": "mean_squared_error", "learning_rate": 10, "activation": "identity"}
GRADIENT_MEASURES = ("weight_gradient", "bias_gradient", "weight_norm", "update_ratio", "gradient_cosine")
NETWORKS = {
    "relu": {"hidden_layers": (16, 12), "learning_rate": 1.5},
    "tanh": {"activation": "tanh", "weight_init": "normal", "weight_init_std": 0.3},
    "sigmoid": {"activation": "sigmoid", "hidden_layers": (12, 9, 7), "weight_init": "normal", "weight_init_std": 0.8},
    "softmax regression": {"hidden_layers": ()},
    "clipped, momentum, decay": {
        "gradient_clip": 0.1,
        "optimizer": "momentum",
        "learning_rate": 0.05,
        "weight_decay": 0.1,
    },
    "squared error, adam": {"loss": "mean_squared_error", "optimizer": "adam", "learning_rate": 0.01},
}


@pytest.fixture
def train(digits):
    """A trainer in double precision, so that two ways of working a number out agree."""

    def make(**settings):
        return Trainer(RunConfig(**{**SMALL, "dtype": "float64", **settings}), digits)

    return make


def walk(trainer, steps):
    """Step by step, every one probed."""
    trainer.probes.every_step = True
    for _ in range(steps):
        trainer.step()
    return trainer.probes.probes()


def layers_of(vector, sizes):
    """A parameter vector cut into (W, b) of each layer, as lists of its own."""
    found, start = [], 0
    for inputs, units in pairwise(sizes):
        weights = vector[start : start + inputs * units]
        biases = vector[start + inputs * units : start + (inputs + 1) * units]
        found.append((weights.reshape(inputs, units).copy(), biases.copy()))
        start += (inputs + 1) * units
    assert start == len(vector)
    return found


def length(*arrays):
    """Euclid's, summed one number after the other."""
    return sum(number**2 for array in arrays for number in array.ravel().tolist()) ** 0.5


def cosine(first, second):
    pairs = [(x, y) for a, b in zip(first, second, strict=True) for x, y in zip(a.ravel(), b.ravel(), strict=True)]
    return sum(x * y for x, y in pairs) / (length(*first) * length(*second))


def batch_gradient(trainer, digits):
    """The gradient of the batch to come, by another network with the same weights."""
    epoch, batch = divmod(trainer.step_count, trainer.steps_per_epoch)
    positions = epoch_order(500, trainer.config.seed, epoch)[64 * batch : 64 * (batch + 1)]
    twin = MLP(
        trainer.network.layer_sizes, trainer.config.activation, rng=np.random.default_rng(9), dtype=trainer.config.dtype
    )
    twin.parameters[:] = trainer.network.parameters
    x = digits.train.images[positions].reshape(-1, 784) / 255
    _, dlogits = LOSSES[trainer.config.loss](twin.forward(x), digits.train.labels[positions])
    twin.backward(dlogits)
    return twin.gradient.copy()


def hidden_statistics(layers, activation, digits):
    """For each hidden layer (mean, std, dead, saturated) on the first 100 training digits, unit by unit."""
    bends = {
        "relu": lambda z: np.where(z > 0, z, 0.0),
        "tanh": np.tanh,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    }
    flat = {
        "relu": lambda a: float("nan"),
        "tanh": lambda a: float(a > 0.97 or a < -0.97),
        "sigmoid": lambda a: float(a > 0.97 or a < 0.03),
    }
    a, found = digits.train.images[:100].reshape(100, 784) / 255, []
    for W, b in layers[:-1]:
        a = bends[activation](a @ W + b)
        values = a.ravel().tolist()
        mean = sum(values) / len(values)
        spread = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        dead = [all(value == 0 for value in unit) for unit in a.T.tolist()]
        saturated = [flat[activation](value) for value in values]
        found.append((mean, spread, sum(dead) / len(dead), sum(saturated) / len(saturated)))
    return [*found, (np.nan,) * 4]


# -- every measure


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_gradients_and_updates_are_what_their_definitions_come_to(train, digits, settings):
    trainer = train(**settings)
    sizes = trainer.network.layer_sizes
    trainer.probes.every_step = True
    expected, gradient = [], None
    for _ in range(3):
        before_that, gradient = gradient, layers_of(batch_gradient(trainer, digits), sizes)
        before = layers_of(trainer.network.parameters, sizes)
        trainer.step()
        after = layers_of(trainer.network.parameters, sizes)
        expected.append(
            [
                (
                    length(dW),
                    length(db),
                    length(W),
                    length(W - W_before) / length(W),
                    cosine((dW, db), before_that[layer]) if before_that else np.nan,
                )
                for layer, ((dW, db), (W, _), (W_before, _)) in enumerate(zip(gradient, after, before, strict=True))
            ]
        )
    found = trainer.probes.probes()
    for number, name in enumerate(GRADIENT_MEASURES):
        wanted = np.array(expected)[..., number].T
        np.testing.assert_allclose(getattr(found, name), wanted, rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "softmax regression"])
def test_activations_are_those_of_the_first_training_digits_after_the_step(train, digits, name):
    trainer = train(**NETWORKS[name])
    trainer.probes.every_step = True
    expected = []
    for _ in range(4):
        trainer.step()
        layers = layers_of(trainer.network.parameters, trainer.network.layer_sizes)
        expected.append(hidden_statistics(layers, trainer.config.activation, digits))
    found = trainer.probes.probes()
    for number, measure in enumerate(("activation_mean", "activation_std", "dead", "saturated")):
        wanted = np.array(expected)[..., number].T
        np.testing.assert_allclose(getattr(found, measure), wanted, rtol=1e-9, atol=1e-14, err_msg=measure)


def test_the_shares_compared_above_are_not_all_zero_or_one(train):
    """So that a measure which always says the same would be found out."""
    relu, tanh, sigmoid = (walk(train(**NETWORKS[name]), 4) for name in ("relu", "tanh", "sigmoid"))
    assert ((relu.dead[:-1] > 0) & (relu.dead[:-1] < 1)).any()
    for found in (tanh, sigmoid):
        assert ((found.saturated[:-1] > 0.05) & (found.saturated[:-1] < 0.95)).any()


def test_only_the_first_cosine_is_unknown(train):
    found = walk(train(), 6)
    assert np.isnan(found.gradient_cosine[:, 0]).all()
    assert (np.abs(found.gradient_cosine[:, 1:]) <= 1 + 1e-12).all()
    assert found.gradient_cosine.shape == (2, 6)


def test_an_update_of_chunks_is_one_probe_of_the_whole_batch(train, monkeypatch):
    whole = walk(train(batch_size="full"), 3)
    monkeypatch.setattr("mlp.training.trainer.CHUNK_SIZE", 60)
    chunked = walk(train(batch_size="full"), 3)
    np.testing.assert_array_equal(chunked.steps, [1, 2, 3])
    for name in MEASURES:
        np.testing.assert_allclose(getattr(chunked, name), getattr(whole, name), rtol=1e-9, err_msg=name)


# -- when


def test_single_steps_are_probed_at_each_step(train):
    assert walk(train(), 30).steps.tolist() == list(range(1, 31))


def test_single_steps_after_full_speed_are_probed_at_each_step(train, frozen_clock):
    trainer = train()
    frozen_clock.seconds_a_look = 100.0  # what was looked at once is not affordable again
    for _ in range(50):
        trainer.step()
    found = walk(trainer, 5)
    assert found.steps.tolist()[-5:] == [51, 52, 53, 54, 55]


class Clock:
    """Stands still, and moves on by `seconds_a_look` whenever it is looked at."""

    def __init__(self):
        self.now, self.seconds_a_look = 0.0, 1.0

    def __call__(self):
        self.now += self.seconds_a_look
        return self.now


@pytest.fixture
def frozen_clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(probes, "perf_counter", clock)
    return clock


def full_speed(network, steps, seconds_a_step):
    log = ProbeLog(network, np.ones((10, 784), network.dtype))
    for step in range(1, steps + 1):
        network.gradient[:] = step
        log.before_update(step, seconds_a_step * (step - 1))
        network.parameters += 0.001
        log.after_update(step)
    return log


@pytest.mark.parametrize("seconds_a_step", [0.1, 3.0, 50.0])
def test_at_full_speed_probes_take_their_share_of_the_time_and_no_more(frozen_clock, monkeypatch, seconds_a_step):
    monkeypatch.setattr(probes, "LONGEST_GAP", np.inf)
    network = MLP([784, 8, 10], rng=np.random.default_rng(0))
    steps = 2000
    log = full_speed(network, steps, seconds_a_step)
    spent = frozen_clock.now / 2  # every span is measured by two looks
    a_probe = 3  # spans: the gradient before, this gradient, the update
    assert spent <= TIME_SHARE * steps * seconds_a_step + a_probe
    assert 1 <= len(log) < steps
    if TIME_SHARE * steps * seconds_a_step < MOST_COLUMNS / 2:
        assert a_probe * len(log) >= TIME_SHARE * steps * seconds_a_step - 2 * a_probe, "the share is not made use of"


@pytest.mark.parametrize("steps", [20, 200, 2000])
def test_however_short_the_run_its_heatmap_has_columns_all_along(frozen_clock, steps):
    frozen_clock.seconds_a_look = 1e9  # none is affordable
    log = full_speed(MLP([784, 8, 10], rng=np.random.default_rng(0)), steps, 0.001)
    taken = log.probes().steps
    gaps = np.diff([*taken, steps])
    assert (gaps <= np.maximum(2, 0.2 * steps + 1)).all(), f"white between {taken.tolist()} of {steps}"
    assert len(log) <= 12 * np.log10(steps) + 2, "more than it may cost"


def test_the_share_counts_what_the_columns_of_a_short_run_cost(frozen_clock):
    network = MLP([784, 8, 10], rng=np.random.default_rng(0))
    log = full_speed(network, 20_000, 1.0)
    assert frozen_clock.now / 2 <= TIME_SHARE * 20_000 + 3
    assert len(log) > 90, "the share is not made use of"


def test_at_full_speed_there_are_fewer_probes_than_steps_and_one_at_least(train):
    trainer = train(hidden_layers=(64,), batch_size=32, dtype="float32")
    for _ in range(300):
        trainer.step()
    steps = trainer.probes.probes().steps
    assert 15 <= len(steps) < 100
    assert steps[0] == 1


def test_a_step_that_is_not_probed_leaves_no_half_probe(frozen_clock, monkeypatch):
    monkeypatch.setattr(probes, "LONGEST_GAP", np.inf)
    network = MLP([784, 8, 10], rng=np.random.default_rng(0))
    log = ProbeLog(network, np.ones((10, 784), np.float32))
    frozen_clock.seconds_a_look = 1e9
    for step in range(1, 100):
        network.gradient[:] = step
        log.before_update(step, 0.0)
        log.after_update(step)
    assert log.probes().steps.tolist() == [1]


# -- what is kept


def check_order(steps):
    assert np.all(np.diff(steps) > 0), "steps must ascend, each of them once"


@pytest.mark.parametrize("count", [MOST_COLUMNS, MOST_COLUMNS + 1, 3 * MOST_COLUMNS + 7])
def test_thinning_keeps_the_first_and_the_last(count):
    network = MLP([784, 3, 2], rng=np.random.default_rng(0))
    log = ProbeLog(network, np.ones((2, 784), np.float32))
    log.every_step = True
    for step in range(1, count + 1):
        network.gradient[:] = step
        log.before_update(step, 0.0)
        log.after_update(step)
        if step > MOST_COLUMNS - 2:
            assert len(log) <= MOST_COLUMNS
            assert log._steps[0] == 1
            assert log._steps[-1] == step
    found = log.probes()
    check_order(found.steps)
    assert len(found.steps) >= min(count, MOST_COLUMNS // 2)
    assert all(getattr(found, name).shape == (2, len(found.steps)) for name in MEASURES)
    # every column is still the probe of its own step: the gradient was the step's number everywhere
    np.testing.assert_allclose(found.bias_gradient[1], found.steps * 2**0.5, rtol=1e-5)


def test_thinning_keeps_the_whole_run_in_sight():
    network = MLP([784, 3, 2], rng=np.random.default_rng(0))
    log = ProbeLog(network, np.ones((2, 784), np.float32))
    log.every_step = True
    count = 10 * MOST_COLUMNS
    for step in range(1, count + 1):
        log.before_update(step, 0.0)
        log.after_update(step)
    widest = np.diff(log.probes().steps).max()
    assert widest <= 0.05 * count, f"{widest} of {count} steps in a row have no probe"


def test_probes_are_a_copy_that_later_training_does_not_touch(train):
    trainer = train()
    found = walk(trainer, 5)
    then = {name: getattr(found, name).copy() for name in ("steps", *MEASURES)}
    walk(trainer, MOST_COLUMNS)
    for name, array in then.items():
        np.testing.assert_array_equal(getattr(found, name), array)


def test_probes_until_a_step_are_those_taken_up_to_it(train):
    found = walk(train(), 7)
    every_other = type(found)(found.steps[::2], *(getattr(found, name)[:, ::2] for name in MEASURES))
    for step, count in ((0, 0), (1, 1), (2, 1), (3, 2), (6, 3), (7, 4), (99, 4)):
        until = every_other.until(step)
        assert until.steps.tolist() == [1, 3, 5, 7][:count]
        for name in MEASURES:
            np.testing.assert_array_equal(getattr(until, name), getattr(every_other, name)[:, :count])


def test_before_the_first_step_there_is_nothing_yet(train):
    found = train().probes.probes()
    assert found.steps.shape == (0,)
    assert all(getattr(found, name).shape == (2, 0) for name in MEASURES)
    assert found.until(5).steps.shape == (0,)


# -- they leave the training alone


@pytest.mark.parametrize("settings", [{"dropout": 0.3, "augment_shift": 1}, {"gradient_clip": 0.2}], ids=str)
def test_probes_do_not_change_the_training(train, settings):
    probed, plain = train(**settings), train(**settings)
    walk(probed, 30)
    plain.probes.every_step = False
    for _ in range(30):
        plain.step()
    assert len(probed.probes) > len(plain.probes)
    assert probed.network.parameters.tobytes() == plain.network.parameters.tobytes()
    for column in ("loss", "accuracy"):
        assert probed.history.steps.column(column).tobytes() == plain.history.steps.column(column).tobytes()


def test_the_probe_batch_is_not_touched_by_the_training(train):
    trainer = train(augment_shift=3)
    before = trainer.probes._x.copy()
    walk(trainer, 10)
    np.testing.assert_array_equal(trainer.probes._x, before)


@pytest.mark.parametrize("settings", [EXPLODES, {"hidden_layers": (16, 16), "learning_rate": 10}], ids=str)
def test_a_diverging_run_is_probed_without_a_warning(train, settings):
    for dtype in ("float32", "float64"):
        trainer = train(**settings, dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with suppress(TrainingDivergedError):
                walk(trainer, 400)
            found = trainer.probes.probes()
        check_order(found.steps)
        assert found.steps[-1] == trainer.step_count


# -- saving and resuming


def test_saving_and_resuming_keeps_all_probes_and_goes_on(train, digits):
    trainer = train()
    before = walk(trainer, 12)
    state = trainer.state()
    walk(trainer, 3)
    resumed = Trainer.from_state(state, digits)
    again = resumed.probes.probes()
    for name in ("steps", *MEASURES):
        np.testing.assert_array_equal(getattr(again, name), getattr(before, name))
    after = walk(resumed, 3)
    assert after.steps.tolist()[:12] == before.steps.tolist()
    assert after.steps[-1] == 15
    check_order(after.steps)
    unbroken = trainer.probes.probes()
    for name in MEASURES:
        np.testing.assert_array_equal(getattr(after, name)[:, -1], getattr(unbroken, name)[:, -1])


@pytest.mark.parametrize("steps", [0, 9])
def test_the_state_is_arrays_only(train, steps):
    trainer = train()
    walk(trainer, steps)
    state = trainer.probes.state()
    assert {name: array.shape for name, array in state.items()} == {"steps": (steps,), "rows": (steps, 2, 9)}
