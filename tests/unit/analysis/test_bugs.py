"""Faults put in on purpose: the check finds each of them, in the right place, and the network itself stays whole."""

import numpy as np
import pytest

from mlp.analysis.bugs import (
    CHECK_DIGITS,
    MOST_ENTRIES,
    WRONG,
    Bug,
    check,
    entries_per_array,
    possible_bugs,
    verdict,
    with_bug,
)
from mlp.nn import MLP

NETWORKS = {
    "softmax regression": ((), "relu", "cross_entropy"),
    "relu": ((12, 8), "relu", "cross_entropy"),
    "deep tanh": ((10, 9, 8, 8, 7, 6), "tanh", "cross_entropy"),
    "sigmoid, squares": ((9, 7), "sigmoid", "mean_squared_error"),
    "gelu": ((8, 8), "gelu", "cross_entropy"),
    "leaky": ((8, 8), "leaky_relu", "cross_entropy"),
    "identity": ((8,), "identity", "cross_entropy"),
}


def network_of(hidden, activation, dtype=np.float64, inputs=20):
    rng = np.random.default_rng(3)
    network = MLP([inputs, *hidden, 5], activation, "glorot_normal", rng=rng, dtype=dtype)
    network.parameters += 0.1 * rng.normal(size=network.num_parameters)  # biases of 0 hide little, but some
    return network


def digits_of(network, count=CHECK_DIGITS):
    rng = np.random.default_rng(4)
    return rng.normal(size=(count, network.layer_sizes[0])), rng.integers(0, 5, count)


@pytest.mark.parametrize(("hidden", "activation", "loss"), NETWORKS.values(), ids=NETWORKS)
def test_the_check_points_at_each_fault(hidden, activation, loss):
    network = network_of(hidden, activation)
    x, labels = digits_of(network)
    assert verdict(check(network, x, labels, loss=loss), CHECK_DIGITS).layer is None
    bugs = possible_bugs(network)
    layers = len(hidden) + 1
    assert len(bugs) == 3 * layers + (layers - 1) * (activation != "identity") + 1
    for bug in bugs:
        found = verdict(check(with_bug(network, bug), x, labels, loss=loss), CHECK_DIGITS)
        assert found.layer == bug.layer, (bug, found)


def test_what_each_fault_spoils():
    network = network_of((12, 8), "relu")
    x, labels = digits_of(network)

    def wrong(name, layer):
        return set(verdict(check(with_bug(network, Bug(name, layer)), x, labels, loss="cross_entropy"), 4).wrong)

    assert wrong("bias", 1) == {"1.bias"}
    assert wrong("transpose", 2) == {"2.weight"}
    assert wrong("sign", 1) == {"1.weight", "1.bias"}
    assert wrong("mask", 1) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert len(wrong("mean", 3)) == 6


def test_real_digits_and_a_real_network(digits):
    network = MLP([784, 30, 10], rng=np.random.default_rng(0))
    x, labels = network.input_scaling(digits.test.images[:4]), digits.test.labels[:4]
    assert verdict(check(network, x, labels, loss="cross_entropy"), 4).layer is None
    for bug in possible_bugs(network):
        checks = check(with_bug(network, bug), x, labels, loss="cross_entropy")
        assert verdict(checks, 4).layer == bug.layer, bug


def test_the_network_and_its_classes_stay_whole():
    network = network_of((6,), "relu", np.float32)
    x, labels = digits_of(network)
    kinds, before = [type(layer) for layer in network.layers], network.parameters.copy()
    network.forward(x.astype(np.float32))
    clean = MLP.copy(network)
    for bug in possible_bugs(network):
        twin = with_bug(network, bug)
        assert twin.dtype == np.float64
        assert not np.shares_memory(twin.parameters, network.parameters)
        for linear, name in zip(twin.linears, range(2), strict=True):
            assert np.shares_memory(linear.dW, twin.gradient), (bug, name)
        check(twin, x, labels, loss="cross_entropy")
    assert [type(layer) for layer in network.layers] == kinds
    np.testing.assert_array_equal(network.parameters, before)
    assert verdict(check(clean, x, labels, loss="cross_entropy"), 4).layer is None


def test_forward_is_untouched_by_any_fault():
    network = network_of((6, 5), "tanh")
    x, _ = digits_of(network)
    for bug in possible_bugs(network):
        np.testing.assert_array_equal(with_bug(network, bug).forward(x), network.copy().forward(x))


def test_a_fault_in_a_sum_does_not_show_in_a_batch_of_one():
    network = network_of((6,), "relu")
    x, labels = digits_of(network, 1)
    for bug in (Bug("mean", 2), Bug("bias", 0)):
        assert verdict(check(with_bug(network, bug), x, labels, loss="cross_entropy"), 1).layer is None


def test_what_cannot_be_is_refused():
    network = network_of((6,), "identity")
    for bug in (Bug("mask", 0), Bug("sign", 2), Bug("mean", 0)):
        with pytest.raises(ValueError, match="no place"):
            with_bug(network, bug)


def test_large_networks_are_checked_at_fewer_entries():
    small, large = network_of((6,), "relu"), MLP([784, 1024, 1024, 10], rng=np.random.default_rng(0))
    assert entries_per_array(small) == MOST_ENTRIES
    assert 4 <= entries_per_array(large) < MOST_ENTRIES
    x, labels = digits_of(small)
    assert {found.entries_checked for found in check(small, x, labels, loss="cross_entropy").values()} <= {40, 30, 6, 5}
    assert WRONG > 1e-6
