"""Hidden activations of many digits on a plane, held still from moment to moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[Any]

# From this size on, the two largest eigenvalues are found by Lanczos iterations, many times faster than by eigh.
LARGE = 300


@dataclass(frozen=True, eq=False)
class Projection:
    """n digits on the plane in which their activations spread most.

    coords: (n, 2); axes: (units, 2), orthonormal, with coords = (activations - mean) @ axes; mean: (units,);
    explained: (2,) the share of the whole variance that lies along each drawn axis.
    """

    coords: NDArray[np.float64]
    axes: NDArray[np.float64]
    mean: NDArray[np.float64]
    explained: NDArray[np.float64]


def project(activations: Array, reference: Projection | Array | None = None) -> Projection:
    """activations: (n, units) -> the plane of their first two principal components, the wider one first.

    PCA leaves the signs open, and a turn when both components are about equally wide; besides, the hidden units mean
    something else at each moment. So with a `reference`, the projection of the same digits at another moment or its
    coords (n, 2), the plane is turned and flipped until its points lie closest to those (orthogonal Procrustes,
    Schönemann 1966). Distances on the plane stay as they are. Without one, the largest entry of each axis is positive.

    Raises ValueError for activations that are not (n, units) finite numbers, or a reference of other digits.
    """
    given = np.asarray(activations)
    if given.ndim != 2 or 0 in given.shape or not np.isfinite(given).all():
        raise ValueError(f"activations must be (n, units) finite numbers, got shape {given.shape}")
    mean = given.mean(axis=0, dtype=np.float64)
    x = given - mean
    axes = _principal_axes(x.astype(given.dtype, copy=False))
    if reference is not None:
        axes = axes @ _rotation(x @ axes, reference)
    coords = x @ axes
    total = float(np.sum(x * x))
    explained = np.sum(coords * coords, axis=0) / (total if total > 0 else 1)
    return Projection(coords, axes, mean, explained)


def _principal_axes(x: Array) -> Array:
    """x: (n, units), of mean 0 -> (units, 2), a second axis of zeros if there is one unit alone.

    The right singular vectors of x are the eigenvectors of xᵀ x: (units, units), and xᵀ v for those of x xᵀ: (n, n);
    the smaller of the two is decomposed.
    """
    n, units = x.shape
    x = x / (np.abs(x).max() or 1)  # so that the squares neither overflow nor vanish
    if units == 1:
        return np.array([[1.0, 0.0]])
    if not x.any():
        return np.eye(units, 2)
    axes = _top_two(x.T @ x) if units <= n else _orthonormal(x.T @ _top_two(x @ x.T))
    largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
    return axes * np.where(largest < 0, -1.0, 1.0)


def _top_two(symmetric: Array) -> Array:
    """(m, m) -> (m, 2), the eigenvectors of its two largest eigenvalues, the largest first."""
    m = len(symmetric)
    matrix = symmetric.astype(np.float64)
    if m < LARGE:
        _, vectors = scipy.linalg.eigh(matrix, subset_by_index=[m - 2, m - 1])
    else:
        start = np.random.default_rng(0).normal(size=m)  # the same at each call, so that the answer is, too
        _, vectors = scipy.sparse.linalg.eigsh(matrix, k=2, v0=start)
    return np.asarray(vectors[:, ::-1])


def _orthonormal(axes: Array) -> Array:
    """Axes of length 1; where the digits spread in no second direction, any that is at right angles to the first."""
    q, r = np.linalg.qr(axes)
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0))


def _rotation(coords: Array, reference: Projection | Array) -> Array:
    """The orthogonal R: (2, 2) for which ‖coords R - reference‖ is smallest: U Vᵀ, where coordsᵀ reference = U S Vᵀ."""
    wanted = np.asarray(reference.coords if isinstance(reference, Projection) else reference, np.float64)
    if wanted.shape != coords.shape:
        raise ValueError(f"reference must hold the same digits, coords of shape {coords.shape}, got {wanted.shape}")
    u, _, vt = np.linalg.svd(coords.T @ wanted)
    return np.asarray(u @ vt)
