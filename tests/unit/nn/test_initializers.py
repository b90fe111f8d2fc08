"""Initial weights have the spread that their formulas promise."""

import numpy as np
import pytest

from mlp.nn import INITIALIZERS, MLP

D, K = 500, 300
STD = {
    "he_normal": (2 / D) ** 0.5,
    "he_uniform": (2 / D) ** 0.5,
    "glorot_normal": (2 / (D + K)) ** 0.5,
    "glorot_uniform": (2 / (D + K)) ** 0.5,
    "lecun_normal": (1 / D) ** 0.5,
    "normal": 0.01,
    "zeros": 0.0,
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_mean_spread_and_bounds(name):
    W = INITIALIZERS[name](np.random.default_rng(0), D, K)
    assert W.shape == (D, K)
    assert W.dtype == np.float64
    assert abs(W.mean()) <= 4 * STD[name] / W.size**0.5
    assert W.std() == pytest.approx(STD[name], rel=0.01)
    largest = np.abs(W).max()
    if name.endswith("uniform"):
        assert 0.999 * 3**0.5 * STD[name] < largest < 3**0.5 * STD[name]
    elif STD[name]:
        assert largest > 4 * STD[name]  # not truncated


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_seed_gives_the_same_network_in_both_dtypes(name):
    single, again, double = (
        MLP([30, 20, 10], weight_init=name, rng=np.random.default_rng(4), dtype=dtype)
        for dtype in (np.float32, np.float32, np.float64)
    )
    np.testing.assert_array_equal(single.parameters, again.parameters)
    np.testing.assert_array_equal(single.parameters, double.parameters.astype(np.float32))
    assert all((linear.b == 0).all() for linear in single.linears)


def test_init_std_belongs_to_normal():
    W = MLP([200, 100], weight_init="normal", init_std=0.5, rng=np.random.default_rng(0)).linears[0].W
    assert W.std() == pytest.approx(0.5, rel=0.02)
