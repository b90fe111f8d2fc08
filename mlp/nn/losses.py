"""Losses: how wrong the outputs are, as one number, and which way each output should move.

Losses are worked out in float64 whatever the network's dtype: a squared float32 overflows long before the training
itself is lost. A loss beyond repair comes back as inf or nan, without a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mlp.nn.layer import Array, Layer

Loss: TypeAlias = Callable[[Array, Array], tuple[float, Array]]


@np.errstate(all="ignore")
def softmax(logits: Array) -> Array:
    """z: (N, K) -> p = exp(z) / sum over K of exp(z): (N, K), each row adding up to 1"""
    _, exp, total = _exponentials(logits)
    return (exp / total).astype(logits.dtype, copy=False)


@np.errstate(all="ignore")
def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """L = mean over N of -log softmax(z)[label],   dz = (softmax(z) - one_hot(label)) / N.

    z = logits: (N, K), labels: (N,) integers -> L, dz: (N, K).

    Softmax and logarithm are one function here: apart, exp() underflows to 0 and its logarithm is -inf; together,
    -log p = log(sum of exp(z)) - z[label] is finite for all finite logits.

    Raises:
        ValueError: labels are not (N,) integers from 0 to K - 1.
    """
    one_hot = _one_hot(logits, labels)
    shifted, exp, total = _exponentials(logits)
    losses = np.log(total[:, 0]) - shifted[one_hot]
    dz = np.divide(exp, total, out=exp)
    dz -= one_hot
    dz /= len(dz)
    return float(losses.sum() / len(losses)), dz.astype(logits.dtype, copy=False)


@np.errstate(all="ignore")
def cross_entropy_per_sample(logits: Array, labels: Array) -> Array:
    """-log softmax(z)[label] of each example.   z: (N, K), labels: (N,) -> (N,) float64. Raises as cross_entropy."""
    one_hot = _one_hot(logits, labels)
    shifted, _, total = _exponentials(logits)
    return np.asarray(np.log(total[:, 0]) - shifted[one_hot])


@np.errstate(all="ignore")
def mean_squared_error(outputs: Array, labels: Array) -> tuple[float, Array]:
    """L = mean over N and K of (y - t)²,   dy = 2 (y - t) / (N K),   t = one_hot(label).

    y = outputs: (N, K), labels: (N,) integers -> L, dy: (N, K). PyTorch's mse_loss. Raises as cross_entropy.
    """
    difference = outputs.astype(np.float64) - _one_hot(outputs, labels)
    loss = float(np.mean(difference * difference))
    return loss, (difference * (2 / difference.size)).astype(outputs.dtype, copy=False)


@np.errstate(all="ignore")
def mean_squared_error_per_sample(outputs: Array, labels: Array) -> Array:
    """Mean over K of (y - one_hot(label))².   y: (N, K), labels: (N,) -> (N,) float64. Raises as cross_entropy."""
    difference = outputs.astype(np.float64) - _one_hot(outputs, labels)
    return np.asarray(np.mean(difference * difference, axis=1))


@np.errstate(all="ignore")
def cross_entropy_on_probabilities(probabilities: Array, labels: Array) -> tuple[float, Array]:
    """L = mean over N of -log p[label],   dp = -1 / (N p) at the label, else 0.

    p: (N, K), labels: (N,) integers -> L, dp: (N, K). For study, after a `Softmax` layer; to train, take
    `cross_entropy`: here L is inf as soon as a probability underflows to 0. Raises as cross_entropy.
    """
    one_hot = _one_hot(probabilities, labels)
    p = probabilities[one_hot].astype(np.float64)
    dp = np.zeros_like(probabilities)
    dp[one_hot] = -1 / (len(p) * p)
    return float(-np.log(p).mean()), dp


class Softmax(Layer):
    """p = exp(z) / sum over K of exp(z), as a layer of its own.   z, p: (N, K)

    For study: `cross_entropy` has it built in, where the whole way back shrinks to p - one_hot(label).
    """

    def forward(self, x: Array) -> Array:
        """z: (N, K) -> p: (N, K)"""
        self._p = softmax(x)
        return self._p

    def backward(self, dy: Array) -> Array:
        """dp: (N, K) -> dz = J dp: (N, K), with the Jacobian J[i, j] = p[i] (δ[i, j] - p[j]) of each example.

        Multiplied out, J dp = p (dp - p·dp): the (K, K) matrices need not be built.
        """
        p = self._p
        return np.asarray(p * (dy - np.sum(p * dy, axis=1, keepdims=True)))


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mean_squared_error": mean_squared_error}
LOSSES_PER_SAMPLE: dict[str, Callable[[Array, Array], Array]] = {
    "cross_entropy": cross_entropy_per_sample,
    "mean_squared_error": mean_squared_error_per_sample,
}


def _exponentials(logits: Array) -> tuple[Array, Array, Array]:
    """z: (N, K) -> z - max z: (N, K), its exp: (N, K), and their sum over K: (N, 1)"""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)  # so that exp() cannot overflow
    exp = np.exp(shifted)
    return shifted, exp, exp.sum(axis=1, keepdims=True)


def _one_hot(outputs: Array, labels: Array) -> Array:
    """outputs: (N, K), labels: (N,) -> (N, K) bool, true at the label of each row"""
    labels = np.asarray(labels)
    N, K = outputs.shape
    if N == 0 or labels.shape != (N,) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be {N} integers (at least one), got {labels.dtype} of shape {labels.shape}")
    one_hot = labels[:, np.newaxis] == np.arange(K)
    if np.count_nonzero(one_hot) != N:
        raise ValueError(f"labels must be from 0 to {K - 1}, got {labels.min()} to {labels.max()}")
    return np.asarray(one_hot)
