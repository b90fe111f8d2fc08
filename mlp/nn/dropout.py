"""Dropout: in training, each unit is silent with probability p, so that none can be relied upon alone."""

from __future__ import annotations

import numpy as np

from mlp.nn.layer import Array, Layer


class Dropout(Layer):
    """y = x m / (1 - p), each m being 0 with probability p, else 1; y = x outside training.   x, y: (N, K)

    "Inverted" dropout, as PyTorch's: the division keeps the expectation of y at x, so nothing need be rescaled
    later. Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15.

    Raises:
        ValueError: p is outside [0, 1).
    """

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be in [0, 1), got {p!r}")
        self.p, self.rng, self.training = p, rng, False
        self._m: Array | None = None

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K), the mask drawn from `rng` when `training`; else the same array"""
        if not self.training:
            self._m = None
            return x
        m = self._like("m", x)
        self.rng.random(out=m, dtype=m.dtype.type)
        np.greater_equal(m, self.p, out=m)
        m *= 1 / (1 - self.p)
        self._m = m
        return np.multiply(x, m, out=self._like("y", x))

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy m / (1 - p): (N, K)"""
        return dy if self._m is None else np.multiply(dy, self._m, out=self._like("dx", dy))
