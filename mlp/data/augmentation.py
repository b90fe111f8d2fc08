"""Small random changes that leave a digit what it is: moved, turned, resized, slanted, bent."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

SIDE = 28
CENTRE = (SIDE - 1) / 2
SMOOTHING = 4.0  # standard deviation in pixels, the value of the paper
BLOCK = 64  # images at a time: their working arrays stay in the processor's cache

_LIMITS = {"shift": SIDE / 2, "rotation": 180.0, "scale": 0.9, "shear": 1.0, "elastic": 100.0}


@dataclass(frozen=True)
class Augmentation:
    """A random warp per image; each affine amount is drawn uniformly from -strength to +strength.

    shift: pixels, along each axis on its own. rotation: degrees. scale: share of the size (0.1: 90 % to 110 %).
    shear: pixels sideways per pixel of height. elastic: pixels; every pixel is displaced by uniform noise in
    -elastic..elastic smoothed with a Gaussian of 4 pixels, which leaves about elastic / 25 of it.
    It is alpha in Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks", 2003,
    where alpha = 34.

    Raises ValueError for a strength outside its range.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        for name, limit in _LIMITS.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"augmentation {name} must be in [0, {limit:g}], got {getattr(self, name)!r}")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __call__(
        self, images: NDArray[np.uint8], rng: np.random.Generator, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """images: (n, 28, 28) or (n, 784) uint8 -> the same shape, in `out` if given. `out` may be `images`.

        Raises ValueError for pictures of another size, unless every strength is zero.
        """
        if out is None:
            out = np.empty_like(images)
        if not self:
            out[...] = images
            return out
        if images.shape[1:] not in ((SIDE, SIDE), (SIDE * SIDE,)):
            raise ValueError(f"augmentation must be given pictures of 28 by 28 pixels, got {images.shape}")
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            self._warp(images[block], rng, out[block])
        return out

    def _warp(self, images: NDArray[np.uint8], rng: np.random.Generator, out: NDArray[np.uint8]) -> None:
        n = len(images)
        angle, size, slant, dy, dx = rng.uniform(-1.0, 1.0, (5, n))
        A = affine(np.radians(self.rotation) * angle, 1 + self.scale * size, self.shear * slant)
        shift = self.shift * np.stack([dy, dx], axis=1)
        warp(images, A, shift, self._bend(n, rng) if self.elastic else None, out)

    def _bend(self, n: int, rng: np.random.Generator) -> NDArray[Any]:
        """Displacements in pixels: (n, 2, 28, 28), rows and columns."""
        noise = rng.random((n, 2, SIDE, SIDE), dtype=np.float32)
        noise *= 2 * self.elastic
        noise -= self.elastic
        G = _gaussian()
        bent: NDArray[Any] = G @ noise @ G.T
        return bent


@cache
def _gaussian() -> NDArray[np.float32]:
    """(28, 28): the Gaussian filter along one axis as a matrix, ten times quicker here than the filter itself."""
    G: NDArray[np.float64] = scipy.ndimage.gaussian_filter1d(np.eye(SIDE), SMOOTHING, axis=0, mode="constant")
    return G.astype(np.float32)


def affine(angle: NDArray[Any], scale: NDArray[Any], shear: NDArray[Any]) -> NDArray[np.float64]:
    """A = rotation · shear · scale in (row, column) coordinates. All (n,), the angle in radians -> (n, 2, 2).

    A positive angle turns counter-clockwise on screen, where rows run downwards.
    """
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rotation = np.array([[cos, -sin], [sin, cos]])
    slant = np.array([[one, zero], [shear, one]])
    A: NDArray[np.float64] = np.einsum("ijn,jkn,n->nik", rotation, slant, scale)
    return A


def warp(
    images: NDArray[np.uint8],
    A: NDArray[Any],
    shift: NDArray[Any],
    bend: NDArray[Any] | None,
    out: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Move the ink at p to c + A (p - c) + shift, with c the centre of the picture; outside is black.

    images, out: (n, 28, 28) or (n, 784) uint8, A: (n, 2, 2), shift: (n, 2), bend: (n, 2, 28, 28) or None.

    For every pixel q of the result the source p = c + A⁻¹ (q - c - shift) + bend(q) is read, between its four
    neighbours in proportion to their nearness (bilinear interpolation), rounded to whole grey levels.
    """
    n = len(images)
    inverse = np.linalg.inv(A)
    start = CENTRE - np.einsum("nij,nj->ni", inverse, shift)
    p = (inverse @ _grid() + start[:, :, None]).astype(np.float32)
    if bend is not None:
        p += bend.reshape(p.shape)
    np.clip(p, -1, SIDE, out=p)  # into the black frame; further out is just as black

    # A frame of zeros, two wide at the far end because there the right neighbour of the frame is read as well.
    framed = np.zeros((n, SIDE + 3, SIDE + 3), np.float32)
    framed[:, 1:-2, 1:-2] = images.reshape(n, SIDE, SIDE)
    ink = framed.reshape(-1)
    width = SIDE + 3

    corner = np.floor(p)
    dy, dx = np.moveaxis(p - corner, 1, 0)
    first = width + 1 + width * width * np.arange(n)  # where pixel (0, 0) of each image lies in `ink`
    i = (corner[:, 0] * width + corner[:, 1]).astype(np.intp) + first[:, None]
    above, above_right, below, below_right = (ink[k:].take(i) for k in (0, 1, width, width + 1))
    above += dx * (above_right - above)
    below += dx * (below_right - below)
    above += dy * (below - above)
    above += 0.5  # so that cutting off the fraction rounds
    out[...] = above.reshape(out.shape)
    return out


@cache
def _grid() -> NDArray[np.float64]:
    """(2, 784): row and column of every pixel, seen from the centre."""
    return np.indices((SIDE, SIDE)).reshape(2, -1).astype(np.float64) - CENTRE
