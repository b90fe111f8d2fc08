"""Snapshots of the weights over the run, within a budget of memory, so that every view can go back in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT_BUDGET = 32 * 2**20  # bytes for one session


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The parameters (P,) as they stood after `step`; not to be written to."""

    step: int
    parameters: NDArray[Any]


@dataclass
class SnapshotLog:
    """Keeps snapshots at even distances that grow with the run; the first and the best one always stay.

    Whenever the budget is full, every other snapshot goes and the distance between the next ones doubles. Each copy
    is a fresh array that is never written to again, so readers may hold on to it.
    """

    budget: int = DEFAULT_BUDGET
    stride: int = 1
    best_step: int | None = None
    _kept: dict[int, Snapshot] = field(default_factory=dict)
    _best_loss: float = np.inf

    def wants(self, step: int) -> bool:
        """Whether a snapshot after this step belongs to the grid."""
        return step % self.stride == 0 and step not in self._kept

    def take(self, step: int, parameters: NDArray[Any]) -> None:
        """Copies the parameters (P,)."""
        if step in self._kept:
            return
        # A new dictionary each time: a page may be reading the old one.
        self._kept = {**self._kept, step: Snapshot(step, parameters.copy())}
        while len(self._kept) > self.most(parameters.nbytes):
            self.stride *= 2
            always = {min(self._kept), self.best_step, step}
            self._kept = {s: kept for s, kept in self._kept.items() if s % self.stride == 0 or s in always}

    def take_best(self, step: int, parameters: NDArray[Any], validation_loss: float) -> None:
        """Copies the parameters if no validation loss was lower before."""
        if not validation_loss < self._best_loss:
            return
        before, self._best_loss, self.best_step = self.best_step, validation_loss, step
        if before is not None and before % self.stride != 0 and before != min(self._kept):
            self._kept = {s: kept for s, kept in self._kept.items() if s != before}
        self.take(step, parameters)

    def most(self, nbytes: int) -> int:
        """How many snapshots of this size the budget holds: three at the least, the first, the best and the latest."""
        return max(3, self.budget // max(1, nbytes))

    @property
    def steps(self) -> list[int]:
        """The steps that have a snapshot, in order."""
        return sorted(self._kept)

    def at(self, step: int) -> Snapshot:
        """The latest snapshot at or before this step, or else the first. Raises LookupError when there is none."""
        kept = self._kept
        if not kept:
            raise LookupError("no snapshot has been taken yet")
        return kept[max((s for s in kept if s <= step), default=min(kept))]
