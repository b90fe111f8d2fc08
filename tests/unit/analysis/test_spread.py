"""Percentile bands, histograms and gradients of a moment, against their definitions."""

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import gradient_at, histogram, histogram_limits, percentile_bands, weight_bands
from mlp.analysis.spread import PERCENTILES, SAMPLE
from mlp.nn import cross_entropy, mean_squared_error
from mlp.training import RunConfig, Trainer
from mlp.training.snapshots import Snapshot


def rank(values, percentile):
    """The percentile by its definition: between the two values in sorted order around its position."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percentile / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


# -- bands


def test_bands_are_the_percentiles_of_each_moment():
    rng = np.random.default_rng(0)
    moments = [rng.normal(size=(7, 11)), rng.normal(size=5)]
    bands = percentile_bands(moments, (0, 10, 50, 100))
    assert bands.shape == (2, 4)
    for values, row in zip(moments, bands, strict=True):
        assert row == pytest.approx([rank(values.ravel(), p) for p in (0, 10, 50, 100)])


def test_bands_leave_out_what_is_not_finite():
    bands = percentile_bands([np.array([1, np.nan, 3, np.inf]), np.array([np.nan]), np.array([])])
    assert bands[0] == pytest.approx([rank([1, 3], p) for p in PERCENTILES])
    assert np.isnan(bands[1:]).all()
    assert percentile_bands([]).shape == (0, len(PERCENTILES))


def test_bands_of_large_arrays_come_from_a_sample_that_is_close():
    values = np.random.default_rng(0).normal(size=8 * SAMPLE)
    ranks = [np.mean(values < found) for found in percentile_bands([values])[0]]
    assert ranks == pytest.approx(np.array(PERCENTILES) / 100, abs=0.01)


def test_weight_bands_name_every_array_and_leave_the_network_alone():
    network = MLP([784, 6, 10], rng=np.random.default_rng(0))
    before = network.parameters.copy()
    snapshots = [Snapshot(0, before), Snapshot(5, 2 * before + 1)]
    bands = weight_bands(network, snapshots, (25, 75))
    assert list(bands) == list(network.state_dict())
    for key, array in network.state_dict().items():
        assert bands[key] == pytest.approx(percentile_bands([array, 2 * array + 1], (25, 75)), rel=1e-5)
    assert np.array_equal(network.parameters, before)
    assert weight_bands(network, [])["0.weight"].shape == (0, len(PERCENTILES))


# -- histograms


def test_a_histogram_counts_every_value_in_its_bin():
    values = np.random.default_rng(0).normal(size=500).astype(np.float32)
    edges, counts = histogram(values, bins=7, limits=(-2, 2))
    assert edges == pytest.approx([-2 + 4 * i / 7 for i in range(8)])
    for i in range(7):
        assert counts[i] == sum(edges[i] <= v < edges[i + 1] for v in values.astype(float))


def test_without_limits_all_values_are_counted_and_zero_is_in_the_middle():
    values = np.array([-3.0, 0.0, 0.01, 1.0])
    edges, counts = histogram(values)
    assert (edges[0], edges[-1], len(counts), counts.sum()) == (-3, 3, 61, 4)
    assert counts[30] == 2


def test_common_limits_hold_all_arrays():
    assert histogram_limits(np.array([1.0, -2.0]), np.array([[0.5]]), np.array([np.nan, -np.inf])) == (-2, 2)
    assert histogram_limits(np.zeros(3)) == histogram_limits(np.array([np.nan])) == histogram_limits() == (-1, 1)


@pytest.mark.parametrize("values", [np.zeros(5), np.full(5, 3.0), np.full(5, 1e-30), np.full(5, 1e30, np.float32)])
def test_constants_have_a_histogram(values):
    edges, counts = histogram(values)
    assert counts.sum() == 5
    assert (np.diff(edges) > 0).all()
    assert histogram(values, limits=(values[0], values[0]))[1].sum() == 5


def test_what_is_not_finite_is_not_counted():
    assert histogram(np.array([np.nan, np.inf, -np.inf, 1.0]))[1].sum() == 1
    assert histogram(np.array([np.nan]))[1].sum() == histogram(np.array([]))[1].sum() == 0


# -- gradients


@pytest.mark.parametrize(
    ("name", "loss"), [("cross_entropy", cross_entropy), ("mean_squared_error", mean_squared_error)]
)
def test_the_gradient_of_a_moment_is_that_of_the_loss_by_central_differences(digits, name, loss):
    network = MLP([784, 5, 10], activation="tanh", rng=np.random.default_rng(0), dtype=np.float64)
    x, labels = digits.test.images[:20], digits.test.labels[:20]
    gradients = gradient_at(network, x, labels, name)
    for key, array in network.state_dict().items():
        flat, found = array.reshape(-1), gradients[key].reshape(-1)
        for i in np.random.default_rng(1).choice(flat.size, 5, replace=False):
            kept = flat[i]
            flat[i] = kept + 1e-5
            above, _ = loss(network.forward(x), labels)
            flat[i] = kept - 1e-5
            below, _ = loss(network.forward(x), labels)
            flat[i] = kept
            assert found[i] == pytest.approx((above - below) / 2e-5, abs=1e-8), f"{key}[{i}]"


def test_a_training_under_way_is_not_disturbed(digits):
    config = RunConfig(train_size=500, validation_size=200, hidden_layers=(20,), dropout=0.3)
    alone, watched = Trainer(config, digits), Trainer(config, digits)
    for _ in range(12):
        alone.step()
        watched.step()
        before = watched.network.gradient.copy()
        gradient_at(watched.network, digits.test.images[:50], digits.test.labels[:50])
        assert np.array_equal(watched.network.gradient, before)
    assert alone.network.parameters.tobytes() == watched.network.parameters.tobytes()
