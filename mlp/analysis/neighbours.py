"""Which training digits look most like a picture to the network itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlp.analysis.saliency import checked_pixels
from mlp.data.dataset import Split
from mlp.nn import MLP

Array: TypeAlias = NDArray[Any]

CHUNK = 1000
BUDGET = 24_000_000  # bytes, a byte for each activation: 60,000 digits in up to 400 units
# Distances between rounded activations may exchange digits that are almost equally near: so many times the digits asked
# for are measured anew with exact ones.
CANDIDATES = 8


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest digits of a split, the nearest first.

    positions: (n,) in the split, distances: (n,) Euclidean, labels: (n,) what training sees.
    typical: the median distance to all digits of the split, which shows how near the nearest are.
    """

    positions: NDArray[np.int64]
    distances: NDArray[np.float64]
    labels: NDArray[np.int64]
    typical: float

    def share(self, label: int) -> float:
        """The share of these digits that carry this label, from 0 to 1."""
        return float(np.mean(self.labels == label))


class HiddenDigits:
    """The digits of a split as the last hidden layer sees them, kept to be searched many times.

    Without hidden layers, the scaled pixels take its place. The activations, (N, units), are kept rounded to a byte
    each where they take no more than `budget` bytes; otherwise nothing is kept, and every search works them out anew,
    in chunks. The network is copied: training it further changes nothing here.

    Raises:
        ValueError: the network and the split differ in the number of pixels.
    """

    def __init__(self, network: MLP, split: Split, *, budget: int = BUDGET) -> None:
        D, N = network.layer_sizes[0], len(split)
        if split.num_pixels != D:
            raise ValueError(f"split must hold digits of {D} pixels, as the network reads, got {split.num_pixels}")
        self._network, self._split = network.copy(), split
        units = network.linears[-1].W.shape[0]
        self._rounded = _Rounded(N, units) if N * units <= budget else None
        if self._rounded is not None:
            for rows in _chunks(N):
                self._rounded.put(rows, self._digits(np.arange(N)[rows]))

    @property
    def kept(self) -> bool:
        """Whether searches are quick because the activations are in memory."""
        return self._rounded is not None

    def is_of(self, network: MLP, split: Split) -> bool:
        """Whether these are the digits of this split, the same object, as this network or its like sees them."""
        own = self._network
        return (
            split is self._split
            and (network.layer_sizes, network.activation) == (own.layer_sizes, own.activation)
            and np.array_equal(network.input_scaling.offset, own.input_scaling.offset)
            and np.array_equal(network.input_scaling.factor, own.input_scaling.factor)
            and np.array_equal(network.parameters, own.parameters)
        )

    @np.errstate(all="ignore")  # the weights of a diverged run
    def nearest(self, pixels: Array, count: int = 8) -> Neighbours:
        """The `count` digits nearest to a picture, by the Euclidean distance of the activations.

        pixels: (28, 28) uint8. The distances are exact, kept or not; `typical` is rounded if kept.

        Raises:
            ValueError: the picture is not (28, 28) uint8, or count is not from 1 to the size of the split.
        """
        N = len(self._split)
        if not 1 <= count <= N:
            raise ValueError(f"count must be in [1, {N}], the digits of the split, got {count!r}")
        a = self._activations(checked_pixels(pixels)[np.newaxis])[0]
        if self._rounded is not None:
            rough = self._rounded.distances(a)
        else:
            rough = np.concatenate([_distances(self._digits(np.arange(N)[rows]), a) for rows in _chunks(N)])
        candidates = np.argpartition(rough, min(CANDIDATES * count, N) - 1)[: CANDIDATES * count]
        candidates.sort()  # so that of equally near digits the first one comes first
        distances = _distances(self._digits(candidates), a)
        order = np.argsort(distances, kind="stable")[:count]
        positions = candidates[order]
        return Neighbours(positions, distances[order], self._split.labels[positions], float(np.median(rough)))

    def _digits(self, positions: NDArray[np.int64]) -> Array:
        pixels = np.empty((len(positions), self._split.num_pixels), np.uint8)
        return self._activations(self._split.gather(positions, out=pixels))

    def _activations(self, pixels: Array) -> Array:
        """(n, 28, 28) or (n, 784) uint8 -> (n, units)"""
        x = np.empty((len(pixels), self._split.num_pixels), self._network.dtype)
        self._network.input_scaling(pixels, out=x)
        return [x, *self._network.hidden_activations(x)][-1]


class _Rounded:
    """Activations to a byte each: b ≈ low + step · q, the range of each digit in 255 steps.

    A quarter of the memory of float32, and quicker to read than float16, which processors convert one by one.
    """

    def __init__(self, N: int, units: int) -> None:
        self.q = np.empty((N, units), np.uint8)
        self.low, self.step, self.squares = (np.empty(N) for _ in range(3))

    @np.errstate(all="ignore")  # the weights of a diverged run
    def put(self, rows: slice, b: Array) -> None:
        """b: (n, units)"""
        low, high = b.min(axis=1), b.max(axis=1)
        step = np.where(high > low, (high - low) / 255, 1)
        self.q[rows] = np.rint((b - low[:, np.newaxis]) / step[:, np.newaxis])
        self.low[rows], self.step[rows] = low, step
        self.squares[rows] = np.einsum("nu,nu->n", b, b)

    def distances(self, a: Array) -> NDArray[np.float64]:
        """a: (units,) -> (N,), from |b - a|² = |b|² - 2 a·b + |a|²"""
        dots = np.concatenate([self.q[rows].astype(a.dtype) @ a for rows in _chunks(len(self.q))])
        squared = self.squares - 2 * (self.low * a.sum() + self.step * dots) + a @ a
        return np.asarray(np.sqrt(np.maximum(squared, 0)))


def nearest_digits(network: MLP, pixels: Array, split: Split, count: int = 8) -> Neighbours:
    """The digits of a split that are nearest to a picture in the network's last hidden layer, worked out once.

    pixels: (28, 28) uint8. Goes through the split in chunks of 1,000 digits, in little memory. For several pictures
    and one network, a `HiddenDigits` answers many times faster.

    Raises:
        ValueError: the picture is not (28, 28) uint8, count is not from 1 to the size of the split, or the network and
            the split differ in the number of pixels.
    """
    return HiddenDigits(network, split, budget=0).nearest(pixels, count)


def _distances(activations: Array, a: Array) -> NDArray[np.float64]:
    """(n, units), (units,) -> (n,). Of the differences: |a|² - 2 a·b + |b|² would lose the small ones to rounding."""
    difference = activations - a
    return np.asarray(np.sqrt(np.einsum("nu,nu->n", difference, difference)), np.float64)


def _chunks(N: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, N)) for start in range(0, N, CHUNK)]
