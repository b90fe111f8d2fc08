"""How steady an answer is when the digit is moved or turned a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlp.analysis.saliency import SIDE, checked_pixels
from mlp.data.augmentation import affine, warp
from mlp.nn import MLP

Array: TypeAlias = NDArray[Any]

FURTHEST, WIDEST = SIDE // 2, 180


@dataclass(frozen=True, eq=False)
class ChangeMap:
    """The answers to one picture, moved and turned.

    probabilities: (K,) for the picture as it is. shifts: (S,) pixels, angles: (A,) degrees.
    by_shift: (S, S, K) probabilities, row [i, j] for a picture moved by shifts[i] down and shifts[j] to the right.
    by_angle: (A, K) probabilities, a positive angle turned counter-clockwise.
    """

    probabilities: Array
    shifts: NDArray[np.float64]
    angles: NDArray[np.float64]
    by_shift: Array
    by_angle: Array

    @property
    def answer(self) -> int:
        """The class answered for the picture as it is."""
        return int(self.probabilities.argmax())

    @property
    def steady_shifts(self) -> float:
        """The share of shifts, without the one by (0, 0), that leave the answer as it is; NaN if there are none."""
        moved = (self.shifts[:, np.newaxis] != 0) | (self.shifts != 0)
        return self._share(self.by_shift[moved])

    @property
    def steady_angles(self) -> float:
        """The share of angles, without 0°, that leave the answer as it is; NaN if there are none."""
        return self._share(self.by_angle[self.angles != 0])

    def _share(self, probabilities: Array) -> float:
        same = probabilities.argmax(axis=-1) == self.answer
        return float(same.mean()) if same.size else np.nan


def answers_under_change(
    network: MLP,
    pixels: Array,
    shifts: Sequence[float] = range(-4, 5),
    angles: Sequence[float] = range(-30, 31, 5),
) -> ChangeMap:
    """The answers to a picture moved by every pair of shifts, or turned by every angle about its centre.

    pixels: (28, 28) uint8, shifts: pixels down and to the right, angles: degrees, counter-clockwise. What is moved out
    of the picture is lost; what comes in is black.

    Raises:
        ValueError: the picture is not (28, 28) uint8, a shift is not in [-14, 14] or an angle not in [-180, 180].
    """
    down, angle = _checked("shifts", shifts, FURTHEST), _checked("angles", angles, WIDEST)
    S, A = len(down), len(angle)
    pairs = np.stack(np.meshgrid(down, down, indexing="ij"), axis=-1).reshape(-1, 2)
    shift = np.concatenate([pairs, np.zeros((A, 2))])
    turn = np.radians(np.concatenate([np.zeros(S * S), angle]))
    pictures = np.empty((len(shift), SIDE, SIDE), np.uint8)
    images = np.broadcast_to(checked_pixels(pixels), pictures.shape)
    warp(images, affine(turn, np.ones_like(turn), np.zeros_like(turn)), shift, None, out=pictures)
    found = network.predict_proba(np.concatenate([pictures, pixels[np.newaxis]]))
    return ChangeMap(found[-1], down, angle, found[: S * S].reshape(S, S, -1), found[S * S : -1])


def _checked(setting: str, values: Sequence[float], limit: int) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not (np.abs(found) <= limit).all():
        raise ValueError(f"{setting} must be numbers in [-{limit}, {limit}], got {values!r}")
    return found
