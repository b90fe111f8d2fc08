"""Initializers: the random weights that training starts from, scaled so that signals neither fade nor explode.

Each draws W: (D, K) in float64, D = fan_in inputs and K = fan_out units. Normals are plain, not truncated.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlp.nn.layer import Array


def he_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """W ~ N(0, 2/D).   He et al. 2015, "Delving Deep into Rectifiers", arXiv:1502.01852: made for ReLU."""
    return normal(rng, fan_in, fan_out, math.sqrt(2 / fan_in))


def he_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """W ~ U(-r, r), r = √(6/D): the variance of he_normal.   He et al. 2015, arXiv:1502.01852"""
    return _uniform(rng, fan_in, fan_out, math.sqrt(6 / fan_in))


def glorot_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """W ~ N(0, 2/(D + K)).   Glorot and Bengio 2010, "Understanding the difficulty of training…", AISTATS"""
    return normal(rng, fan_in, fan_out, math.sqrt(2 / (fan_in + fan_out)))


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """W ~ U(-r, r), r = √(6/(D + K)): the variance of glorot_normal.   Glorot and Bengio 2010, AISTATS"""
    return _uniform(rng, fan_in, fan_out, math.sqrt(6 / (fan_in + fan_out)))


def lecun_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """W ~ N(0, 1/D).   LeCun et al. 1998, "Efficient BackProp", in Neural Networks: Tricks of the Trade"""
    return normal(rng, fan_in, fan_out, math.sqrt(1 / fan_in))


def normal(rng: np.random.Generator, fan_in: int, fan_out: int, std: float = 0.01) -> Array:
    """W ~ N(0, std²), whatever the size of the layer."""
    return rng.normal(0.0, std, (fan_in, fan_out))


def zeros(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """W = 0. All units of a hidden layer then stay alike: worth seeing once. Draws nothing from rng."""
    return np.zeros((fan_in, fan_out))


def _uniform(rng: np.random.Generator, fan_in: int, fan_out: int, r: float) -> Array:
    return rng.uniform(-r, r, (fan_in, fan_out))


INITIALIZERS: dict[str, Callable[..., Array]] = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "lecun_normal": lecun_normal,
    "normal": normal,
    "zeros": zeros,
}
