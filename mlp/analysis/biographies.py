"""What became of each digit over a run: when it was first right, and how often it was forgotten again.

Toneva et al., "An Empirical Study of Example Forgetting during Deep Neural Network Learning", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.analysis.mistakes import Answers

# Of 10,000 digits each moment takes 30 kB, so a run takes 3 MB at the most.
MOST_MOMENTS = 100


def first_right(right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """right: (S, N) at S moments in order -> (N,) the first of them at which each digit was right, -1: never learnt."""
    return np.where(right.any(axis=0), right.argmax(axis=0), -1) if len(right) else np.full(right.shape[1], -1)


def forgetting_events(right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """right: (S, N) -> (N,) how often each digit was right at one moment and wrong at the next (Toneva et al.).

    The paper looks at every step that trains on a digit; between the moments kept here more may have been forgotten.
    """
    return np.asarray(np.count_nonzero(right[:-1] & ~right[1:], axis=0))


class Biographies:
    """The answers to the same N digits at up to 100 moments of a run, gathered one by one."""

    def __init__(self, size: int) -> None:
        """size: N."""
        self.size = size
        self._seen: set[int] = set()
        self._wanted: list[int] = []
        self._kept: dict[int, tuple[NDArray[np.float16], NDArray[np.bool_]]] = {}

    def choose(self, steps: Sequence[int]) -> None:
        """Says which moments there are, ascending; at the most 100 of them are looked at.

        Of more, those go whose neighbours stand closest, but neither the last one nor the powers of two, where a
        network changes fastest. What was chosen stays chosen as the run goes on, so that little is asked twice.
        """
        there = set(steps)
        new = [step for step in steps if step not in self._seen]
        if len(new) > MOST_MOMENTS:  # a run of long ago: so many would be weeded out one by one
            new = new[:: -(-len(new) // MOST_MOMENTS)] + [step for step in new if _early(step)]
        wanted = sorted(there.intersection(self._wanted).union(new, steps[-1:]))
        while len(wanted) > MOST_MOMENTS:
            inner = [place for place in range(1, len(wanted) - 1) if not _early(wanted[place])]
            del wanted[min(inner, key=lambda place: wanted[place + 1] - wanted[place - 1])]
        self._seen, self._wanted = there, wanted
        self._kept = {step: kept for step, kept in self._kept.items() if step in wanted}

    @property
    def moments(self) -> int:
        """How many moments it will be."""
        return len(self._wanted)

    @property
    def missing(self) -> list[int]:
        """The steps of the moments still to be looked at."""
        return [step for step in self._wanted if step not in self._kept]

    def add(self, step: int, answers: Answers) -> None:
        """Notes the answers to the N digits at a moment that was chosen; another one is let go."""
        if step in self._wanted:
            self._kept[step] = answers.true_probabilities.astype(np.float16), answers.right

    def give_up(self, step: int) -> None:
        """A moment that can no longer be had is not waited for."""
        self._wanted.remove(step)

    @property
    def steps(self) -> list[int]:
        """(S,) the steps of the moments looked at, ascending."""
        return sorted(self._kept)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(S, N) whether each digit was right."""
        rows = [self._kept[step][1] for step in self.steps]
        return np.array(rows, np.bool_).reshape(len(rows), self.size)

    def of(self, position: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """One digit: the probability of its true class and whether it was right, both (S,)."""
        rows = [self._kept[step] for step in self.steps]
        return (
            np.array([probabilities[position] for probabilities, _ in rows], np.float32),
            np.array([right[position] for _, right in rows], np.bool_),
        )


def _early(step: int) -> bool:
    return step & (step - 1) == 0
