"""Snapshots of the weights over the run, within a budget of memory, so that every view can go back in time."""

from __future__ import annotations

from bisect import bisect_left
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
        self._kept[step] = Snapshot(step, parameters.copy())
        while len(self._kept) > self.most(parameters.nbytes):
            self.stride *= 2
            self._drop(step)

    def take_best(self, step: int, parameters: NDArray[Any], validation_loss: float) -> None:
        """Copies the parameters if no validation loss was lower before."""
        if not validation_loss < self._best_loss:
            return
        before, self._best_loss, self.best_step = self.best_step, validation_loss, step
        if before is not None and before % self.stride != 0:
            self._kept.pop(before, None)
        self.take(step, parameters)

    def most(self, nbytes: int) -> int:
        """How many snapshots of this size the budget holds: four at the least (first, best, latest, one between)."""
        return max(4, self.budget // max(1, nbytes))

    @property
    def steps(self) -> list[int]:
        """The steps that have a snapshot, in order."""
        return sorted(self._kept)

    def at(self, step: int) -> Snapshot:
        """The latest snapshot at or before this step, or else the first. Raises LookupError when there is none."""
        steps = self.steps
        if not steps:
            raise LookupError("no snapshot has been taken yet")
        position = bisect_left(steps, step + 1) - 1
        return self._kept[steps[max(0, position)]]

    def _drop(self, latest: int) -> None:
        always = {min(self._kept), self.best_step, latest}
        self._kept = {step: kept for step, kept in self._kept.items() if step % self.stride == 0 or step in always}
