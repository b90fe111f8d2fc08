"""Orders, patterns and passports of units, each against its definition in plain loops."""

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import input_patterns, logits_without, passport, spoken_class, unit_order
from mlp.nn import softmax


def net(*hidden, activation="relu", seed=0, dtype=np.float64):
    made = MLP([784, *hidden, 10], activation=activation, rng=np.random.default_rng(seed), dtype=dtype)
    for linear in made.linears:
        linear.b[...] = np.random.default_rng(seed + 1).normal(0, 0.1, linear.b.shape)
    return made


@pytest.fixture(scope="module")
def some(digits):
    return digits.test.images[:300], digits.test.labels[:300]


def by_hand(network, images, silent=None):
    """The logits, digit by digit and layer by layer; silent: (layer, unit) whose output is held at 0."""
    logits = []
    for image in images:
        a = image.ravel() / 255
        for i, linear in enumerate(network.linears):
            a = a @ linear.W + linear.b
            if i < len(network.linears) - 1:
                a = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}[network.activation](a)
                if silent and silent[0] == i:
                    a[silent[1]] = 0
        logits.append(a)
    return np.array(logits)


# -- orders


@pytest.mark.parametrize("by", ["norm", "similarity", "class"])
@pytest.mark.parametrize("hidden", [(), (1,), (2,), (30,), (30, 20), (300,)])
def test_every_order_is_a_permutation_of_every_layer(by, hidden):
    network = net(*hidden)
    for layer, units in enumerate([*hidden, 10]):
        order = unit_order(network, by, layer)
        assert sorted(order) == list(range(units))
        assert np.array_equal(order, unit_order(network, by, layer)), "the same at each call"


def test_by_norm_the_longest_weights_come_first():
    network = net(20)
    lengths = [sum(w * w for w in network.linears[0].W[:, j]) ** 0.5 for j in range(20)]
    assert unit_order(network, "norm").tolist() == sorted(range(20), key=lambda j: -lengths[j])


@pytest.mark.parametrize("units", [60, 300])
def test_by_similarity_units_of_like_direction_stand_side_by_side(units):
    network, rng = net(units), np.random.default_rng(3)
    families = rng.permutation(np.arange(units) % 6)
    directions = rng.normal(size=(784, 6))
    lengths = rng.uniform(0.1, 10, units)  # only the direction counts
    network.linears[0].W[...] = (directions[:, families] + 0.3 * rng.normal(size=(784, units))) * lengths
    ordered = families[unit_order(network, "similarity")]
    assert np.count_nonzero(np.diff(ordered)) == 5, "each family stands together"


def test_by_similarity_zero_weights_do_no_harm():
    network = net(20)
    network.linears[0].W[:, ::3] = 0
    assert sorted(unit_order(network, "similarity")) == list(range(20))


def test_by_class_units_are_grouped_by_the_class_they_speak_for_the_strongest_first():
    network = net(15, 12)
    W1, W2 = network.linears[1].W, network.linears[2].W
    effect = [[sum(W1[j, m] * W2[m, k] for m in range(12)) for k in range(10)] for j in range(15)]
    classes = [max(range(10), key=row.__getitem__) for row in effect]
    strengths = [max(row) - sum(row) / 10 for row in effect]
    assert spoken_class(network, 0)[0].tolist() == classes
    assert spoken_class(network, 0)[1] == pytest.approx(strengths)
    assert unit_order(network, "class").tolist() == sorted(range(15), key=lambda j: (classes[j], -strengths[j]))
    assert unit_order(network, "class", 2).tolist() == list(range(10)), "each output speaks for its own class"


def test_bad_arguments_are_refused_in_one_sentence(some):
    network = net(5)
    with pytest.raises(ValueError, match=r"by must be one of norm, similarity, class, got 'size'"):
        unit_order(network, "size")
    for call in (unit_order, input_patterns):
        with pytest.raises(ValueError, match=r"layer must be in 0\.\.1, got 2"):
            call(network, layer=2)
    with pytest.raises(ValueError, match=r"unit must be in 0\.\.4 in layer 0, got 5"):
        passport(network, 0, 5, *some, 10)


# -- patterns


def test_patterns_are_the_weights_of_the_first_layer_and_products_further_on():
    network = net(15, 12)
    W0, W1, W2 = (linear.W for linear in network.linears)
    assert np.array_equal(input_patterns(network, 0)[3], W0[:, 3])
    third = [sum(W0[i, j] * W1[j, 3] for j in range(15)) for i in range(784)]
    assert input_patterns(network, 1)[3] == pytest.approx(third)
    assert input_patterns(network, 2) == pytest.approx(((W0 @ W1) @ W2).T)
    assert input_patterns(net(), 0).shape == (10, 784)


def test_a_pattern_is_a_copy():
    network = net(5)
    input_patterns(network, 0)[...] = 7
    assert not (network.linears[0].W == 7).any()


# -- passports


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("layer", [0, 1])
def test_without_a_unit_the_logits_are_those_of_a_network_whose_unit_gives_0(some, activation, layer):
    network, (images, labels) = net(15, 12, activation=activation), some
    for unit in (0, 7):
        expected = by_hand(network, images, silent=(layer, unit))
        found = logits_without(network, layer, unit, network.layer_values(images))
        np.testing.assert_allclose(found, expected, atol=1e-10)
        card = passport(network, layer, unit, images, labels, 10)
        assert card.accuracy_without == np.mean(expected.argmax(axis=1) == labels)
        assert card.accuracy == np.mean(by_hand(network, images).argmax(axis=1) == labels)


def test_a_passport_tells_what_excites_the_unit_and_whom_it_knows(some):
    network, (images, labels) = net(15, 12), some
    values = network.layer_values(images)
    card = passport(network, 1, 4, images, labels, 10, values=values)
    z, a = values[1][0][:, 4], values[1][1][:, 4]
    ranked = sorted(range(300), key=lambda i: z[i])
    assert card.least.tolist() == ranked[:9]
    assert card.most.tolist() == ranked[::-1][:9]
    assert card.most_inputs.tolist() == sorted(z, reverse=True)[:9]
    assert card.least_inputs.tolist() == sorted(z)[:9]
    assert len(set(card.least_inputs.tolist())) == 9, "also where the unit is silent they can be told apart"
    for k in range(10):
        assert card.class_means[k] == pytest.approx(np.mean([a[i] for i in range(300) if labels[i] == k]))


def test_a_class_without_digits_has_no_mean(some):
    images, labels = some
    kept = labels != 3
    card = passport(net(5), 0, 0, images[kept], labels[kept], 10)
    assert np.flatnonzero(np.isnan(card.class_means)).tolist() == [3]


def test_in_the_output_layer_a_unit_is_a_class_and_silence_means_never_answered(some):
    network, (images, labels) = net(), some
    card = passport(network, 0, 6, images, labels, 10)
    logits = by_hand(network, images)
    assert card.class_means[2] == pytest.approx(softmax(logits)[labels == 2, 6].mean())
    logits[:, 6] = -np.inf
    assert card.accuracy_without == np.mean(logits.argmax(axis=1) == labels)


def test_values_at_hand_are_used_and_left_alone(some):
    network, (images, labels) = net(15, 12), some
    values = network.layer_values(images)
    before = [(z.copy(), a.copy()) for z, a in values]
    card = passport(network, 0, 2, np.zeros_like(images), labels, 10, values=values)
    assert card.accuracy_without == passport(network, 0, 2, images, labels, 10).accuracy_without
    for (z, a), (z_before, a_before) in zip(values, before, strict=True):
        assert np.array_equal(z, z_before)
        assert np.array_equal(a, a_before)
