"""What was measured while a network learnt: one row a step, one record an epoch, checks in between.

Of a very long run only every second, fourth, … step keeps its row, so that it fits into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 2**18  # even; 152 epochs at the first settings of the page, which draws 500 points of them


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
    """Rows of measured values that grow step by step; appending takes amortised constant time.

    The rows are those of steps 1, 1 + stride, 1 + 2 stride, …; the stride is 1 up to MOST_ROWS steps and doubles
    whenever there would be more rows. So which steps have one follows from the number of steps alone, and a run of any
    length takes 8 MB. A row is never written to again, so copies share it.
    """

    COLUMNS = ("loss", "accuracy", "learning_rate", "seconds")

    def __init__(self, values: NDArray[np.float64] | None = None, *, count: int | None = None, stride: int = 1) -> None:
        """values: (columns, rows), the rows there are already; count: the steps they stand for, as many by default."""
        self._values = np.empty((len(self.COLUMNS), 0), np.float64) if values is None else values.copy()
        self._length: int = self._values.shape[1]
        self.count = self._length if count is None else count
        self.stride = stride
        self._latest: Sequence[float] = self._values[:, -1].tolist() if self._length else ()

    def __len__(self) -> int:
        return self._length

    def append(self, *values: float) -> None:
        """One value for each column, in their order."""
        self._latest = values
        self.count += 1
        if (self.count - 1) % self.stride:
            return
        if self._length == self._values.shape[1]:
            self._make_room()
            if (self.count - 1) % self.stride:
                return
        self._values[:, self._length] = values
        self._length += 1

    def _make_room(self) -> None:
        """Puts the rows into a larger array; of MOST_ROWS every other one goes. The old array stays with its copies."""
        while self._length >= MOST_ROWS:
            self._values = self._values[:, ::2]
            self._length = self._values.shape[1]
            self.stride *= 2
        room = min(max(1024, self._length), MOST_ROWS - self._length)
        self._values = np.concatenate([self._values, np.empty((len(self.COLUMNS), room))], axis=1)

    def column(self, name: str) -> NDArray[np.float64]:
        """(rows,) read-only view of one column, the first step first. Raises ValueError for an unknown column."""
        found: NDArray[np.float64] = self.values()[self.COLUMNS.index(name)]
        return found

    def values(self) -> NDArray[np.float64]:
        """(columns, rows) read-only view of all there is."""
        found = self._values[:, : self._length]
        found.flags.writeable = False
        return found

    def last(self, name: str) -> float:
        """A column's value at the latest step, whether that has a row or not. Raises LookupError before the first."""
        return self._latest[self.COLUMNS.index(name)]

    def steps(self) -> NDArray[np.int64]:
        """(rows,) the step that each row is of."""
        return 1 + self.stride * np.arange(self._length)

    def until(self, step: int) -> Curve:
        """The curve as it stood after this step, in the rows that there are now; what comes later does not touch it."""
        found = Curve()
        found.stride, found.count = self.stride, max(0, min(step, self.count))
        found._length = -(-found.count // self.stride)
        # no room at the end: the first row that is appended goes to an array of its own
        found._values = self._values[:, : found._length]
        if found.count == self.count:
            found._latest = self._latest
        elif found._length:
            found._latest = found._values[:, -1].tolist()
        return found


@dataclass
class History:
    """All that a run has measured so far."""

    steps: Curve = field(default_factory=Curve)
    epochs: list[EpochRecord] = field(default_factory=list)
    checks: list[ValidationCheck] = field(default_factory=list)

    def copy(self) -> History:
        """A copy that later training does not touch."""
        return History(self.steps.until(self.steps.count), list(self.epochs), list(self.checks))

    def until(self, step: int) -> History:
        """What was known after this step."""
        return History(
            self.steps.until(step),
            [record for record in self.epochs if record.step <= step],
            [check for check in self.checks if check.step <= step],
        )

    def state(self) -> dict[str, Any]:
        """Arrays only: "steps" (columns, rows), "epochs" (E, fields), "checks" (C, fields).

        "latest" is (columns,), the values of the last step, (0,) before the first; "counted" is (2,), the number of
        steps and the stride of the rows.
        """
        return {
            "steps": self.steps.values().copy(),
            "latest": np.array(self.steps._latest, np.float64),
            "counted": np.array([self.steps.count, self.steps.stride]),
            "epochs": np.array([astuple(record) for record in self.epochs], np.float64),
            "checks": np.array([astuple(check) for check in self.checks], np.float64),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> History:
        """The history that `state` described."""
        count, stride = state["counted"].tolist()
        steps = Curve(state["steps"], count=count, stride=stride)
        steps._latest = state["latest"].tolist()
        return cls(
            steps,
            [EpochRecord(int(row[0]), int(row[1]), *row[2:].tolist()) for row in state["epochs"]],
            [ValidationCheck(int(row[0]), *row[1:].tolist()) for row in state["checks"]],
        )
