"""Dropout silences the right share of units, in training only, from the generator that was set."""

import numpy as np
import pytest

from mlp.nn import MLP, Dropout


def test_share_and_expectation():
    layer = Dropout(0.3, np.random.default_rng(0))
    layer.training = True
    y = layer.forward(np.ones((400, 500), np.float32))
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.005)
    assert y.mean() == pytest.approx(1, abs=0.005)
    assert np.unique(y) == pytest.approx([0, 1 / 0.7])
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), y)


def network(**settings):
    return MLP([9, 8, 7, 3], rng=np.random.default_rng(0), dropout=0.5, **settings)


def test_it_follows_each_hidden_activation_and_nothing_else():
    kinds = [type(layer).__name__ for layer in network().layers]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    kinds = [type(layer).__name__ for layer in MLP([9, 8, 3], rng=np.random.default_rng(0)).layers]
    assert kinds == ["Linear", "ReLU", "Linear"]


def test_it_is_off_outside_training():
    x = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32)
    net = network()
    plain = MLP([9, 8, 7, 3], rng=np.random.default_rng(0))
    assert not np.array_equal(net.forward(x, training=True), plain.forward(x))
    np.testing.assert_array_equal(net.forward(x), plain.forward(x))
    d = np.ones((5, 3), np.float32)
    net.backward(d)
    plain.backward(d)
    np.testing.assert_array_equal(net.gradient, plain.gradient)


def test_masks_come_from_the_generator_that_was_set():
    x = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32)
    net = network()
    outputs = []
    for seed in (1, 1, 2):
        net.dropout_rng = np.random.default_rng(seed)
        outputs.append(net.forward(x, training=True).copy())
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])
    assert not np.array_equal(outputs[2], net.forward(x, training=True))


def test_a_copy_draws_from_a_generator_of_its_own():
    x = np.ones((5, 9), np.float32)
    net = network()
    twin = net.copy()
    first = net.forward(x, training=True).copy()
    np.testing.assert_array_equal(twin.forward(x, training=True), first)
    assert twin.layers[2].rng is twin.layers[5].rng is twin.dropout_rng is not net.dropout_rng


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_a_bad_probability_is_named(p):
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got"):
        MLP([9, 8, 3], rng=np.random.default_rng(0), dropout=p)
