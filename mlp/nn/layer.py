"""What all layers share: a way forward, a way back, and arrays kept from step to step."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


class Layer:
    """y = f(x) on the way forward; dx = (dy/dx)ᵀ dy, the gradient of the loss, on the way back.

    What forward and backward return is kept memory: the next call overwrites it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Array] = {}

    def forward(self, x: Array) -> Array:
        """x: (N, D) -> y: (N, K)"""
        raise NotImplementedError

    def backward(self, dy: Array) -> Array:
        """dy: (N, K) -> dx: (N, D), at the x of the last forward."""
        raise NotImplementedError

    def _keep(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """An array to write into: the same memory every time, its first rows for a smaller batch."""
        kept = self._kept.get(name)
        if kept is not None and kept.shape == shape and kept.dtype == dtype:
            return kept
        if kept is None or len(kept) < shape[0] or kept.shape[1:] != shape[1:] or kept.dtype != dtype:
            kept = self._kept[name] = np.empty(shape, dtype)
        return kept[: shape[0]]

    def _like(self, name: str, x: Array) -> Array:
        return self._keep(name, x.shape, x.dtype)

    def __getstate__(self) -> dict[str, Any]:
        # Copies leave arrays behind: they belong to a step under way, or are views that MLP binds again.
        state = {name: value for name, value in self.__dict__.items() if not isinstance(value, np.ndarray)}
        return {**state, "_kept": {}}
