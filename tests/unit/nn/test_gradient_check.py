"""Every activation with every loss faces central differences; a wrong backward is found."""

import types

import numpy as np
import pytest

from mlp.nn import ACTIVATIONS, LOSSES, MLP, gradient_check
from mlp.nn.gradient_check import TOLERANCE

HIDDEN = {"none": [], "one": [5], "two": [6, 4]}


def problem(hidden=(5,), activation="tanh", dtype=np.float64, make=MLP, **settings):
    rng = np.random.default_rng(7)
    network = make([8, *hidden, 3], activation, rng=rng, dtype=dtype, **settings)
    network.parameters += rng.normal(0, 0.1, network.num_parameters)
    return network, rng.normal(size=(9, 8)), rng.integers(0, 3, 9)


def assert_right(network, x, labels, **options):
    for name, check in gradient_check(network, x, labels, **options).items():
        assert check.largest_relative_error < TOLERANCE, f"{network!r}, {name}: {check}"


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backward_is_right(activation, loss, hidden):
    assert_right(*problem(hidden, activation), loss=loss)


class FixedMask(MLP):
    """Draws the same dropout mask at every forward."""

    def forward(self, x, *, training=False):
        self.dropout_rng = np.random.default_rng(3)
        return super().forward(x, training=True)


def test_backward_is_right_through_dropout():
    network, x, labels = problem([6, 5], make=FixedMask, dropout=0.4)
    assert_right(network, x, labels)
    assert (network.layers[2]._m == 0).any()


def test_a_float32_network_is_checked_as_a_copy_of_the_same_type():
    network, x, labels = problem([6, 5], dtype=np.float32, make=FixedMask, dropout=0.4)
    before = network.parameters.copy()
    assert_right(network, x, labels)
    np.testing.assert_array_equal(network.parameters, before)


def test_the_network_is_left_as_it_was():
    network, x, labels = problem()
    network.gradient[:] = 3
    before = network.parameters.tobytes(), network.gradient.tobytes()
    gradient_check(network, x, labels)
    assert (network.parameters.tobytes(), network.gradient.tobytes()) == before


def test_a_check_can_take_some_entries_of_each_array():
    network, x, labels = problem()
    checks = gradient_check(network, x, labels, max_entries_per_array=7)
    assert [check.entries_checked for check in checks.values()] == [7, 5, 7, 3]
    assert list(checks) == list(network.state_dict())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_broken_bias_gradient_is_found_where_it_is(dtype):
    network, x, labels = problem(dtype=dtype)
    right = type(network.linears[0]).backward

    def broken(self, dy, **options):
        dx = right(self, dy, **options)
        self.db[2] *= 1.001
        return dx

    network.linears[0].backward = types.MethodType(broken, network.linears[0])
    checks = gradient_check(network, x, labels)
    found = checks["0.bias"]
    assert found.largest_relative_error > 1e-4
    assert found.position == (2,)
    assert f"{found.analytic:.9g}" in str(found)
    assert f"{found.numeric:.9g}" in str(found)
    assert "(2,)" in str(found)
    assert all(check.largest_relative_error < TOLERANCE for name, check in checks.items() if name != "0.bias")


def test_a_broken_activation_is_found_below_it_only():
    network, x, labels = problem([6, 5])
    network.layers[3].backward = lambda dy: dy  # forgets the slope of the second tanh
    checks = gradient_check(network, x, labels)
    wrong = {name for name, check in checks.items() if check.largest_relative_error > 1e-3}
    assert wrong == {"0.weight", "0.bias", "1.weight", "1.bias"}


def test_nan_is_an_error_of_its_own():
    network, x, labels = problem()
    right = network.linears[1].backward

    def broken(dy, **options):
        dx = right(dy, **options)
        network.linears[1].dW[0, 0] = np.nan
        return dx

    network.linears[1].backward = broken
    assert np.isnan(gradient_check(network, x, labels)["1.weight"].largest_relative_error)


def test_true_zeros_pass():
    network, x, labels = problem(activation="relu")
    network.linears[0].b[0] = -100  # a dead unit: nothing that leads to it has a gradient
    assert_right(network, x, labels)


def test_a_network_without_a_mistake_passes():
    network, x, _ = problem(hidden=[])
    network.parameters *= 10_000
    labels = network.forward(x).argmax(axis=1)
    assert_right(network, x, labels)


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match="loss must be one of cross_entropy, mean_squared_error, got 'hinge'"):
        gradient_check(*problem(), loss="hinge")


@pytest.mark.parametrize("epsilon", [0, -1e-6, 1e-300, 1e-10, 0.1, np.nan, np.inf, None, "1e-6", True])
def test_an_epsilon_that_would_prove_nothing_is_refused(epsilon):
    with pytest.raises(ValueError, match=r"^epsilon must be in \[1e-09, 0.01\], got "):
        gradient_check(*problem(), epsilon=epsilon)


@pytest.mark.parametrize("epsilon", [1e-9, np.float32(1e-5), 1e-2])
def test_a_wrong_backward_is_found_with_any_epsilon(epsilon):
    network, x, labels = problem()
    network.layers[1].backward = lambda dy: dy  # forgets the slope of the tanh
    assert gradient_check(network, x, labels, epsilon=epsilon)["0.weight"].largest_relative_error > TOLERANCE


@pytest.mark.parametrize("entries", [0, -1, 2.5, "7", True])
def test_a_number_of_entries_that_is_none_is_refused(entries):
    with pytest.raises(ValueError, match=r"^max_entries_per_array must be None or a whole number from 1, got "):
        gradient_check(*problem(), max_entries_per_array=entries)
