"""Pixels become inputs as the formula says, into the array that was given."""

import numpy as np
import pytest

from mlp.nn import UNIT, InputScaling

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize(
    "scaling",
    [
        UNIT,
        InputScaling(33.3, 1 / 78.6),
        InputScaling(np.linspace(0, 100, 784), 1 / 50),
        InputScaling(np.linspace(0, 100, 784, dtype=np.float32), np.linspace(0.01, 1, 784, dtype=np.float32)),
    ],
    ids=["unit", "standardised", "offset per pixel", "both per pixel"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling(scaling, dtype):
    before = PIXELS.copy()
    expected = (PIXELS.reshape(6, 784).astype(np.float64) - scaling.offset) * scaling.factor
    out = np.empty((6, 784), dtype)
    assert scaling(PIXELS, out=out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-5)
    new = scaling(PIXELS.reshape(6, 784))
    assert new.dtype == np.float32
    np.testing.assert_allclose(new, expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(PIXELS, before)


def test_unit_reaches_from_0_to_1():
    x = UNIT(np.array([[0, 255]], np.uint8))
    assert x.tolist() == [[0.0, 1.0]]
