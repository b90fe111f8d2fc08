"""The loss along the direction of a step: what another learning rate would have made of the same batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.analysis.walk import Walk, loss_at

PER_DECADE = 10
DECADES = 2  # on either side of the learning rate
COSTLY = 500_000_000  # digits times parameters times points: above it there are fewer points


@dataclass(frozen=True, eq=False)
class StepCurve:
    """L(θ - η d) for learning rates η around the chosen one.

    learning_rates, losses: (n,), the chosen rate among them; `start` is the loss at η = 0. Not finite where the loss is
    lost.
    """

    learning_rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    start: float
    chosen: float

    @property
    def best(self) -> int:
        """Where the loss is lowest."""
        return int(np.argmin(np.where(np.isfinite(self.losses), self.losses, np.inf)))

    @property
    def overshoots_from(self) -> float | None:
        """The learning rate beyond the lowest loss from which the step does more harm than good, or None.

        Between two that were tried it is where the line through their losses is as high as `start`.
        """
        beyond = np.arange(len(self.losses)) > self.best
        worse = ~(self.losses <= self.start)  # nan is worse too
        if worse.all():
            return float(self.learning_rates[0])
        found = np.flatnonzero(worse & beyond)
        if not len(found):
            return None
        at = int(found[0])
        before, after = self.losses[at - 1], self.losses[at]
        share = (self.start - before) / (after - before) if np.isfinite(after) else 1.0
        lower, higher = np.log(self.learning_rates[at - 1 : at + 1])  # as the chart has them
        return float(np.exp(lower + share * (higher - lower)))


@np.errstate(all="ignore")
def step_curve(walk: Walk) -> StepCurve:
    """The curve of a walk, on its batch and with its dropout masks.

    The direction d is that of the whole update, (θ - θ') / η, with momentum, weight decay and clipping in it: every
    optimizer here moves in proportion to its learning rate. At the chosen rate the loss is the walk's own.

    Raises ValueError for a walk without an update, or one of learning rate 0.
    """
    η = walk.settings.learning_rate
    if walk.after is None or not η > 0:
        raise ValueError("the walk has no step to follow: it made no update, or its learning rate is 0")
    before = walk.network.parameters
    change = walk.after - before
    network = walk.network.copy()
    work = walk.num_digits * len(before) * 2 * DECADES * PER_DECADE
    per_decade = PER_DECADE if work < COSTLY else PER_DECADE // 2
    powers = np.arange(-DECADES * per_decade, DECADES * per_decade + 1) / per_decade
    factors = 10.0**powers
    losses = np.empty(len(factors))
    scaled: NDArray[Any] = np.empty_like(before)
    for number, factor in enumerate(factors):
        np.multiply(change, before.dtype.type(factor), out=scaled)
        np.add(before, scaled, out=network.parameters)
        losses[number] = loss_at(walk, network)
    losses[len(factors) // 2] = walk.loss_after  # θ + (θ' - θ) is not θ' to the last bit
    return StepCurve(η * factors, losses, walk.loss, η)
