"""Activations: what makes a stack of linear layers more than one linear layer. Slopes are PyTorch's."""

from __future__ import annotations

import math

import numpy as np

from mlp.nn.layer import Array, Layer


class ReLU(Layer):
    """y = max(x, 0).   x, y: (N, K)"""

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K)"""
        self._y = np.maximum(x, 0, out=self._like("y", x))
        return self._y

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy where y > 0, else 0 (also at the kink, x = 0): (N, K)"""
        on = np.greater(self._y, 0, out=self._keep("on", dy.shape, np.bool_))
        return np.multiply(dy, on, out=self._like("dx", dy))


class LeakyReLU(Layer):
    """y = max(x, s x) with slope s = 0.01.   x, y: (N, K)"""

    slope = 0.01

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K)"""
        y = np.multiply(x, self.slope, out=self._like("y", x))
        self._y = np.maximum(x, y, out=y)
        return self._y

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy where y > 0, else s dy: (N, K)"""
        on = np.greater(self._y, 0, out=self._keep("on", dy.shape, np.bool_))
        dx = np.multiply(dy, self.slope, out=self._like("dx", dy))
        np.copyto(dx, dy, where=on)
        return dx


class ELU(Layer):
    """y = x where x > 0, else exp(x) - 1.   x, y: (N, K).   Clevert et al. 2015, arXiv:1511.07289"""

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K)"""
        y = np.minimum(x, 0, out=self._like("y", x))  # so that expm1() cannot overflow
        np.expm1(y, out=y)
        self._y = np.maximum(x, y, out=y)  # exp(x) - 1 lies above x for all x but 0
        return self._y

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy where y > 0, else (y + 1) dy: (N, K)"""
        dx = np.minimum(self._y, 0, out=self._like("dx", dy))
        dx += 1
        dx *= dy
        return dx


class GELU(Layer):
    """y = x (1 + t) / 2 with t = tanh(c (x + 0.044715 x³)), c = √(2/π).   x, y: (N, K)

    Hendrycks and Gimpel 2016, arXiv:1606.08415; PyTorch's gelu(approximate="tanh").
    """

    c = math.sqrt(2 / math.pi)
    cubic = 0.044715

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K)"""
        t = np.multiply(x, x, out=self._like("t", x))
        t *= self.c * self.cubic
        t += self.c
        t *= x
        np.tanh(t, out=t)
        self._x, self._t = x, t
        y = np.add(t, 1, out=self._like("y", x))
        y *= x
        y *= 0.5
        return y

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy (1 + t + x (1 - t²) c (1 + 3 · 0.044715 x²)) / 2: (N, K)"""
        x, t = self._x, self._t
        inner = np.multiply(t, t, out=self._like("inner", dy))
        np.subtract(1, inner, out=inner)
        inner *= x
        dx = np.multiply(x, x, out=self._like("dx", dy))
        dx *= 3 * self.c * self.cubic
        dx += self.c
        dx *= inner
        dx += t
        dx += 1
        dx *= 0.5
        dx *= dy
        return dx


class Tanh(Layer):
    """y = tanh(x).   x, y: (N, K)"""

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K)"""
        self._y = np.tanh(x, out=self._like("y", x))
        return self._y

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy (1 - y²): (N, K)"""
        dx = np.multiply(self._y, self._y, out=self._like("dx", dy))
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)).   x, y: (N, K)"""

    @np.errstate(over="ignore")  # exp(-x) may become inf, and then 1 / inf = 0 is the right answer
    def forward(self, x: Array) -> Array:
        """x: (N, K) -> y: (N, K)"""
        y = np.negative(x, out=self._like("y", x))
        np.exp(y, out=y)
        y += 1
        self._y = np.reciprocal(y, out=y)
        return self._y

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx = dy y (1 - y): (N, K)"""
        dx = np.subtract(1, self._y, out=self._like("dx", dy))
        dx *= self._y
        dx *= dy
        return dx


class Identity(Layer):
    """y = x: a network of linear layers alone, for comparison.   x, y: (N, K)"""

    def forward(self, x: Array) -> Array:
        """x: (N, K) -> the same array"""
        return x

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> the same array"""
        return dy


ACTIVATIONS: dict[str, type[Layer]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "identity": Identity,
}
