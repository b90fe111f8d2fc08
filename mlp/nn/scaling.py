"""Input scaling: how pixels from 0 to 255 become the numbers that the network reads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlp.nn.layer import Array


@dataclass(frozen=True, eq=False)
class InputScaling:
    """x = (pixels - offset) · factor.   offset, factor: numbers, or (D,) arrays with one value per pixel"""

    offset: float | Array
    factor: float | Array

    def __call__(self, pixels: Array, out: Array | None = None) -> Array:
        """pixels: (N, 28, 28) or (N, D) uint8 -> x: (N, D), written into `out` if given, else new float32."""
        pixels = pixels.reshape(len(pixels), math.prod(pixels.shape[1:]))
        x = np.empty(pixels.shape, np.float32) if out is None else out
        if isinstance(self.offset, np.ndarray) or self.offset != 0:
            np.subtract(pixels, self.offset, out=x, dtype=x.dtype, casting="same_kind")
            pixels = x
        np.multiply(pixels, self.factor, out=x, dtype=x.dtype, casting="same_kind")
        return x


UNIT = InputScaling(offset=0.0, factor=1 / 255)
