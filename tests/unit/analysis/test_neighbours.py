"""Nearest digits against plain loops, and the kept form against the one that goes through all digits."""

import tracemalloc

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import HiddenDigits, nearest_digits
from mlp.data import Dataset, build_input_scaling
from mlp.nn import ACTIVATIONS


def net(*hidden, activation="relu", seed=0, **options):
    return MLP([784, *hidden, 10], activation=activation, rng=np.random.default_rng(seed), **options)


def hidden_by_hand(network, pixels):
    a = (pixels.ravel() - network.input_scaling.offset) * network.input_scaling.factor
    for linear in network.linears[:-1]:
        a = ACTIVATIONS[network.activation]().forward((a @ linear.W + linear.b)[None].astype(np.float64))[0]
    return a


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(), (16,), (20, 12)])
@pytest.mark.parametrize("scaling", ["unit", "standard", "per_pixel"])
def test_they_are_the_nearest_in_the_last_hidden_layer(hidden, activation, scaling, digits):
    network = net(*hidden, activation=activation, input_scaling=build_input_scaling(scaling, digits.train))
    drawing, split = digits.test.images[5], digits.train
    mine = hidden_by_hand(network, drawing)
    distances = [np.sqrt(((hidden_by_hand(network, image) - mine) ** 2).sum()) for image in split.images]
    expected = np.argsort(distances)[:8]
    for found in (nearest_digits(network, drawing, split), HiddenDigits(network, split).nearest(drawing)):
        np.testing.assert_array_equal(found.positions, expected)
        np.testing.assert_allclose(found.distances, np.array(distances)[expected], rtol=1e-4)
        np.testing.assert_array_equal(found.labels, split.labels[expected])
        assert found.typical == pytest.approx(np.median(distances), rel=1e-3)


@pytest.mark.parametrize("activation", ["relu", "gelu", "sigmoid", "identity"])
def test_rounding_what_is_kept_loses_no_neighbour(activation, digits):
    network = net(60, activation=activation)
    kept, passing = HiddenDigits(network, digits.test), HiddenDigits(network, digits.test, budget=0)
    assert kept.kept
    assert not passing.kept
    for drawing in digits.train.images[:12]:
        a, b = kept.nearest(drawing, 10), passing.nearest(drawing, 10)
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_allclose(a.distances, b.distances, rtol=1e-5)


def test_a_digit_of_the_split_is_its_own_nearest(digits):
    for budget in (0, 10**6):
        search = HiddenDigits(net(16), digits.train, budget=budget)
        for position in range(40):
            found = search.nearest(digits.train.images[position], 3)
            assert found.positions[0] == position
            assert found.distances[0] < 1e-5
            assert (np.diff(found.distances) >= 0).all()


def test_of_equal_digits_the_first_one_comes_first(digits):
    images = digits.train.images[[3, 9, 9, 3, 9, 3]]
    split = Dataset.from_arrays(images, [0, 1, 1, 0, 1, 0]).train
    for budget in (0, 10**6):
        found = HiddenDigits(net(16), split, budget=budget).nearest(images[1], 6)
        assert found.positions.tolist() == [1, 2, 4, 0, 3, 5]
        assert (found.share(1), found.share(0), found.share(7)) == (0.5, 0.5, 0)


def test_the_labels_are_those_that_training_sees(digits):
    split = Dataset.from_arrays(digits.train.images[:20], np.full(20, 4)).train
    assert nearest_digits(net(16), digits.train.images[0], split, 20).labels.tolist() == [4] * 20


def test_training_on_changes_nothing_in_what_is_kept(digits):
    network = net(16)
    kept, drawing = HiddenDigits(network, digits.train), digits.test.images[0]
    before = kept.nearest(drawing)
    network.parameters[...] = 0
    after = kept.nearest(drawing)
    np.testing.assert_array_equal(before.positions, after.positions)
    np.testing.assert_array_equal(before.distances, after.distances)


def test_a_network_that_says_nothing_has_all_digits_at_distance_0(digits):
    network = net(16)
    network.parameters[...] = 0
    found = HiddenDigits(network, digits.train).nearest(digits.test.images[0], 4)
    assert found.distances.tolist() == [0] * 4


@pytest.mark.filterwarnings("error")
def test_a_diverged_network_raises_no_warning(digits):
    network = net(16)
    network.parameters[...] = np.inf
    assert len(HiddenDigits(network, digits.train).nearest(digits.test.images[0], 4).positions) == 4


def test_what_is_kept_stays_within_the_budget_and_what_is_not_takes_little(digits):
    network = net(1024)
    assert not HiddenDigits(network, digits.test, budget=10_000 * 1024 - 1).kept
    assert HiddenDigits(network, digits.test, budget=10_000 * 1024).kept
    tracemalloc.start()
    try:
        nearest_digits(network, digits.test.images[0], digits.test)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30e6, "all activations would take 41 MB in float32"


def test_the_kept_form_asks_the_network_about_few_digits(digits, monkeypatch):
    asked, ask = [], HiddenDigits._digits
    monkeypatch.setattr(HiddenDigits, "_digits", lambda self, rows: asked.append(len(rows)) or ask(self, rows))
    for budget, most in ((0, 10_500), (10**8, 100)):
        found = HiddenDigits(net(196), digits.test, budget=budget)
        asked.clear()
        found.nearest(digits.train.images[0], count=8)
        assert 8 <= sum(asked) <= most
    assert sum(asked) < 10_000 / 4


def test_bad_input_is_refused_in_one_sentence(digits):
    network, drawing = net(16), digits.test.images[0]
    for count in (0, 501):
        with pytest.raises(ValueError, match=rf"count must be in \[1, 500\], the digits of the split, got {count}"):
            nearest_digits(network, drawing, digits.train, count)
    with pytest.raises(ValueError, match=r"pixels must be \(28, 28\) uint8"):
        nearest_digits(network, drawing / 255, digits.train)
    with pytest.raises(ValueError, match="split must hold digits of 100 pixels, as the network reads, got 784"):
        nearest_digits(MLP([100, 10], rng=np.random.default_rng(0)), drawing, digits.train)
