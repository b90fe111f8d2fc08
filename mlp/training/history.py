"""What was measured while a network learnt: one row a step, one record an epoch, checks in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class StepRecord(NamedTuple):
    """One mini-batch. `loss` and `accuracy` are of this batch, before its update; steps count from 1."""

    step: int
    epoch: int
    loss: float
    accuracy: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass over the training digits.

    `train_loss` and `train_accuracy` are means over the epoch's digits as each batch met them, `train_loss_std`
    the standard deviation of the batch losses. Validation and test are measured at the end of the epoch;
    without validation digits those two are NaN. `seconds` is the time spent in this epoch's steps.
    """

    epoch: int
    step: int
    train_loss: float
    train_loss_std: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean loss and share of right answers on `size` digits."""

    loss: float
    accuracy: float
    size: int


@dataclass(frozen=True, slots=True)
class ValidationCheck:
    """The validation digits as they stood after `step`, `seconds` into the training."""

    step: int
    seconds: float
    loss: float
    accuracy: float


class Curve:
    """Rows of measured values that grow step by step; appending takes amortised constant time."""

    COLUMNS = ("loss", "accuracy", "learning_rate", "seconds")

    def __init__(self, values: NDArray[np.float64] | None = None) -> None:
        """values: (columns, steps), the steps there are already."""
        self._values = np.empty((len(self.COLUMNS), 0), np.float64) if values is None else values.copy()
        self._length: int = self._values.shape[1]

    def __len__(self) -> int:
        return self._length

    def append(self, *values: float) -> None:
        """One value for each column, in their order."""
        if self._length == self._values.shape[1]:
            room = np.empty((len(self.COLUMNS), max(1024, self._length)), np.float64)
            self._values = np.concatenate([self._values, room], axis=1)
        self._values[:, self._length] = values
        self._length += 1

    def column(self, name: str) -> NDArray[np.float64]:
        """(steps,) view of one column, the first step first. Raises ValueError for an unknown column."""
        return self._values[self.COLUMNS.index(name), : self._length]

    def values(self) -> NDArray[np.float64]:
        """(columns, steps) view of all there is."""
        return self._values[:, : self._length]


@dataclass
class History:
    """All that a run has measured so far."""

    steps: Curve = field(default_factory=Curve)
    epochs: list[EpochRecord] = field(default_factory=list)
    checks: list[ValidationCheck] = field(default_factory=list)

    def copy(self) -> History:
        """A copy that later training does not touch."""
        return History(Curve(self.steps.values()), list(self.epochs), list(self.checks))

    def until(self, step: int) -> History:
        """What was known after this step."""
        return History(
            Curve(self.steps.values()[:, :step]),
            [record for record in self.epochs if record.step <= step],
            [check for check in self.checks if check.step <= step],
        )

    def state(self) -> dict[str, Any]:
        """Arrays only: "steps" (columns, S), "epochs" (E, fields), "checks" (C, fields)."""
        return {
            "steps": self.steps.values().copy(),
            "epochs": np.array([astuple(record) for record in self.epochs], np.float64),
            "checks": np.array([astuple(check) for check in self.checks], np.float64),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> History:
        """The history that `state` described."""
        return cls(
            Curve(state["steps"]),
            [EpochRecord(int(row[0]), int(row[1]), *row[2:].tolist()) for row in state["epochs"]],
            [ValidationCheck(int(row[0]), *row[1:].tolist()) for row in state["checks"]],
        )
