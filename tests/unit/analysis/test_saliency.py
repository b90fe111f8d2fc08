"""Gradients on pixels against central differences, contributions against the sums they are part of."""

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import saliency, strongest_units
from mlp.data import build_input_scaling
from mlp.nn import ACTIVATIONS, cross_entropy


def net(*hidden, activation="relu", seed=0, biases=0.1, dtype=np.float64, **options):
    made = MLP([784, *hidden, 10], activation=activation, rng=np.random.default_rng(seed), dtype=dtype, **options)
    for linear in made.linears:
        linear.b[...] = np.random.default_rng(seed + 1).normal(0, biases, linear.b.shape)
    return made


@pytest.fixture(scope="module")
def seven(digits):
    return digits.test.images[0]


def logits_of(network, p):
    """p: (n, 784) pixels from 0 to 1 -> (n, 10)"""
    scaling = network.input_scaling
    return network.predict_logits((255 * p - scaling.offset) * scaling.factor)


def slopes(network, pixels, target, h=1e-6):
    """(28, 28) d logit / d pixel by central differences, one pixel at a time."""
    p = pixels.reshape(1, -1) / 255
    steps = h * np.eye(784)
    return ((logits_of(network, p + steps) - logits_of(network, p - steps))[:, target] / (2 * h)).reshape(28, 28)


# -- pixels


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (12,), (12, 9)])
def test_the_gradient_is_the_slope_of_the_logit(activation, hidden, seven):
    network = net(*hidden, activation=activation)
    for target in (3, 7):
        found = saliency(network, seven, target)
        np.testing.assert_allclose(found.gradient, slopes(network, seven, target), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(found.input_times_gradient, seven / 255 * found.gradient, rtol=1e-6)
        assert found.target == target


@pytest.mark.parametrize("name", ["unit", "standard", "per_pixel", "none"])
def test_the_scaling_is_part_of_the_gradient(name, digits, seven):
    network = net(12, activation="tanh", input_scaling=build_input_scaling(name, digits.train))
    if name == "none":
        network.linears[0].W[...] /= 255
    found = saliency(network, seven, 2)
    assert np.abs(found.gradient).max() > 0.01
    np.testing.assert_allclose(found.gradient, slopes(network, seven, 2), rtol=1e-4, atol=1e-6)


def test_without_a_target_the_answer_is_explained(seven):
    network = net(12)
    winner = int(network.predict_logits(seven[None])[0].argmax())
    assert saliency(network, seven).target == winner
    np.testing.assert_array_equal(saliency(network, seven).gradient, saliency(network, seven, winner).gradient)
    alone, given = strongest_units(network, seven), strongest_units(network, seven, winner)
    np.testing.assert_array_equal(alone[0].contributions, given[0].contributions)


def test_a_step_under_way_goes_on_as_if_nothing_had_been_asked(digits, seven):
    gradients = []
    for ask in (False, True):
        network = net(12, 9, dropout=0.5)
        labels = digits.train.labels[:32]
        logits = network.forward(digits.train.images[:32], training=True)
        if ask:
            saliency(network, seven)
            strongest_units(network, seven)
        network.backward(cross_entropy(logits, labels)[1])
        gradients.append(network.gradient.copy())
    np.testing.assert_array_equal(*gradients)


def test_dropout_is_off(seven):
    plain, dropping = net(12), net(12, dropout=0.9)
    dropping.parameters[...] = plain.parameters
    np.testing.assert_array_equal(saliency(dropping, seven, 1).gradient, saliency(plain, seven, 1).gradient)


@pytest.mark.filterwarnings("error")
def test_a_diverged_network_raises_no_warning(seven):
    network = net(12)
    network.parameters[...] = np.inf
    assert not np.isfinite(saliency(network, seven).gradient).any()
    assert len(strongest_units(network, seven)) == 1


# -- units


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_in_the_last_hidden_layer_contributions_and_bias_are_the_logit(activation, seven):
    network = net(12, 9, activation=activation)
    logits = network.predict_logits(seven[None])[0]
    for target in range(10):
        last = strongest_units(network, seven, target, count=9)[-1]
        total = last.contributions.sum() + network.linears[-1].b[target]
        assert total == pytest.approx(logits[target], rel=1e-12, abs=1e-12)
        (a,) = network.hidden_activations(seven[None])[-1]
        np.testing.assert_allclose(last.contributions, (a * network.linears[-1].W[:, target])[last.numbers], rtol=1e-12)
        np.testing.assert_array_equal(last.activations, a[last.numbers])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
def test_without_biases_every_layer_of_straight_pieces_adds_up_to_the_logit(activation, seven):
    network = net(20, 12, 9, activation=activation, biases=0)
    logit = network.predict_logits(seven[None])[0, 4]
    layers = strongest_units(network, seven, 4, count=3)
    assert len(layers) == 3
    for layer in layers:
        assert layer.contributions.sum() + layer.rest == pytest.approx(logit, rel=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "elu"])
def test_in_an_earlier_layer_a_contribution_is_the_activation_times_its_slope(activation, seven):
    network = net(12, 9, activation=activation)
    (a,) = network.hidden_activations(seven[None])[0]
    bend, (_, second, last) = ACTIVATIONS[activation](), network.linears

    def logit(a):
        return (bend.forward(a[None] @ second.W + second.b) @ last.W + last.b)[0, 6]

    expected = [a[i] * (logit(a + h) - logit(a - h)) / 2e-6 for i, h in enumerate(1e-6 * np.eye(12))]
    first = strongest_units(network, seven, 6, count=12)[0]
    np.testing.assert_allclose(first.contributions, np.array(expected)[first.numbers], rtol=1e-5, atol=1e-8)


def test_the_largest_of_either_sign_come_first_and_the_rest_is_told(seven):
    network = net(30, activation="tanh")
    (every,) = strongest_units(network, seven, 5, count=30)
    (few,) = strongest_units(network, seven, 5, count=4)
    assert sorted(every.numbers) == list(range(30))
    assert (np.diff(np.abs(every.contributions)) <= 0).all()
    assert min(every.contributions) < 0 < max(every.contributions)
    np.testing.assert_array_equal(few.numbers, every.numbers[:4])
    assert few.rest == pytest.approx(every.contributions[4:].sum())
    assert every.rest == 0
    assert len(strongest_units(network, seven, 5, count=1000)[0].numbers) == 30


def test_no_hidden_layer_has_no_units(seven):
    assert strongest_units(net(), seven) == []


# -- what is refused


@pytest.mark.parametrize("ask", [saliency, strongest_units])
def test_bad_input_is_refused_in_one_sentence(ask, seven):
    network = net(5)
    for target in (10, -1, 2.5, "3"):
        with pytest.raises(ValueError, match=r"target must be a class in 0\.\.9, got"):
            ask(network, seven, target)
    for pixels in (seven.ravel(), seven[None], seven / 255, seven.tolist()):
        with pytest.raises(ValueError, match=r"pixels must be \(28, 28\) uint8, got"):
            ask(network, pixels)


def test_a_count_below_1_is_refused(seven):
    with pytest.raises(ValueError, match="count must be 1 or more, got 0"):
        strongest_units(net(5), seven, count=0)
