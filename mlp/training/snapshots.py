"""Snapshots of the weights over the run, within a budget of memory, so that every view can go back in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEFAULT_BUDGET = 32 * 2**20  # bytes for one session
ROOM_FOR_EARLY = 32  # with fewer places than this, none is spent on the powers of two


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The parameters (P,) as they stood after `step`; not to be written to."""

    step: int
    parameters: NDArray[Any]


class SnapshotLog:
    """Keeps snapshots at even distances, and at steps 1, 2, 4, 8, … where a network changes fastest.

    The distance suits the length of the run. When the budget is full, those of a walk step by step go first, one by
    one where they stand closest; then, as the run goes on for longer, the distance doubles. The first and the best one
    always stay.
    Each copy is a fresh array that is never written to again, so readers may hold on to it.
    """

    def __init__(self, nbytes: int, total_steps: int, budget: int = DEFAULT_BUDGET) -> None:
        """nbytes: the size of one snapshot; budget: what all of them together may take, in bytes."""
        self.budget = budget
        # three at the least: the first, the best and the latest
        self.most = max(3, budget // max(1, nbytes))
        self.best_step: int | None = None
        self._early = self.most >= ROOM_FOR_EARLY
        self._stride = 1
        while total_steps / self._stride > self.most - (ROOM_FOR_EARLY // 2 if self._early else 0):
            self._stride *= 2
        self._kept: dict[int, Snapshot] = {}
        self._best_loss = np.inf
        self._only_best = False  # whether the best one was kept for no other reason

    def wants(self, step: int) -> bool:
        """Whether a snapshot after this step belongs to those that are kept."""
        return step % self._stride == 0 or (self._early and step & (step - 1) == 0)

    def take(self, step: int, parameters: NDArray[Any]) -> None:
        """Copies the parameters (P,)."""
        if step in self._kept:
            self._only_best &= step != self.best_step
            return
        # A new dictionary each time: a page may be reading the old one.
        self._kept = {**self._kept, step: Snapshot(step, parameters.copy())}
        self._thin(step)

    def _thin(self, latest: int) -> None:
        always = {min(self._kept), self.best_step, latest}
        while len(self._kept) > self.most:
            steps = self.steps
            spare = [i for i, step in enumerate(steps) if not self.wants(step) and step not in always]
            if spare:
                gone = {steps[min(spare, key=lambda i: steps[i + 1] - steps[i - 1])]}
            else:
                self._stride *= 2
                gone = {step for step in steps if not self.wants(step) and step not in always}
            self._kept = {step: found for step, found in self._kept.items() if step not in gone}

    def take_best(self, step: int, parameters: NDArray[Any], validation_loss: float) -> None:
        """Copies the parameters if no validation loss was lower before."""
        if not validation_loss < self._best_loss:
            return
        if self._only_best:
            self._kept = {s: found for s, found in self._kept.items() if s != self.best_step}
        self._best_loss, self.best_step = validation_loss, step
        self._only_best = step not in self._kept and not self.wants(step)
        self.take(step, parameters)

    def best(self) -> dict[str, Any] | None:
        """What `take_best` needs to take the best one again in another log; None while there is none."""
        if self.best_step is None:
            return None
        found = self._kept[self.best_step]
        return {"step": found.step, "parameters": found.parameters.copy(), "validation_loss": self._best_loss}

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
