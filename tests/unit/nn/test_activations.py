"""Each activation equals PyTorch's, forward and backward."""

import numpy as np
import pytest

from mlp.nn import ACTIVATIONS

torch = pytest.importorskip("torch")
F = torch.nn.functional

TORCH = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


def test_every_activation_is_compared():
    assert set(TORCH) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
def test_values_and_gradients_are_pytorchs(name, dtype, tolerance):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 3, (20, 7)), [[0, -0.0, 30, -30, 1e-4, -1e-4, 10]]]).astype(dtype)
    dy = rng.normal(size=x.shape).astype(dtype)
    tx = torch.tensor(x, requires_grad=True)
    ty = TORCH[name](tx)
    ty.backward(torch.tensor(dy))
    layer = ACTIVATIONS[name]()
    y = layer.forward(x)
    dx = layer.backward(dy)
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_allclose(y, ty.detach().numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "elu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_activations_are_finite_and_silent(name, dtype):
    x = np.array([[-1e4, -800, -90, 90, 800, 1e4]], dtype)
    layer = ACTIVATIONS[name]()
    assert np.isfinite(layer.forward(x)).all()
    assert np.isfinite(layer.backward(np.ones_like(x))).all()


def test_sigmoid_keeps_its_small_values():
    y = ACTIVATIONS["sigmoid"]().forward(np.array([[-30.0]], np.float32))
    assert y[0, 0] == pytest.approx(np.exp(-30.0), rel=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_input_is_left_as_it_is(name):
    x = np.random.default_rng(0).normal(size=(4, 3))
    before = x.copy()
    layer = ACTIVATIONS[name]()
    layer.forward(x)
    layer.backward(np.ones_like(x))
    np.testing.assert_array_equal(x, before)
