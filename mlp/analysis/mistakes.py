"""Which digits a network gets wrong, how wrong, and in which order to look at them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlp.data import Split
from mlp.nn import MLP, cross_entropy_per_sample, softmax

MistakeOrder = Literal["loss", "confident", "unsure", "forgotten"]

CHUNK = 1000  # digits at a time, so that only their pixels are ever there as floats
NO_ANSWER = -1


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network makes of N digits of K classes.

    probabilities: (N, K), labels: (N,), losses: (N,) float64, the cross-entropy -log p[label], worked out from the
    logits, so that it is finite even where p underflows to 0. predicted: (N,), the class of the largest logit, -1 where
    a logit is not finite: the network has no answer then, which counts as wrong; its probabilities and loss are NaN.
    """

    probabilities: NDArray[Any]
    labels: NDArray[np.int64]
    losses: NDArray[np.float64]
    predicted: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether the answer is the label."""
        return np.asarray(self.predicted == self.labels)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(N,) whether there is an answer at all."""
        return np.asarray(self.predicted != NO_ANSWER)

    @property
    def confidence(self) -> NDArray[Any]:
        """(N,) the probability of the answer."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def true_probabilities(self) -> NDArray[Any]:
        """(N,) the probability of the label."""
        return np.asarray(self.probabilities[np.arange(len(self)), self.labels])

    @property
    def accuracy(self) -> float:
        """The share of right answers, NaN when there is no digit."""
        return float(self.right.mean()) if len(self) else np.nan


def classify(network: MLP, digits: Split) -> Answers:
    """The network's answers to all digits of a split, 1,000 at a time."""
    pixels = np.empty((CHUNK, digits.num_pixels), np.uint8)
    logits = np.empty((len(digits), network.num_classes), network.dtype)
    for start in range(0, len(digits), CHUNK):
        positions = np.arange(start, min(start + CHUNK, len(digits)))
        logits[positions] = network.predict_logits(digits.gather(positions, pixels[: len(positions)]))
    return answers_from(logits, digits.labels)


def answers_from(logits: NDArray[Any], labels: NDArray[np.int64]) -> Answers:
    """logits: (N, K), labels: (N,) -> the answers they stand for."""
    if not len(labels):
        return Answers(logits, labels, np.empty(0), np.empty(0, np.int64))
    finite = np.isfinite(logits).all(axis=1)
    probabilities, losses = softmax(logits), cross_entropy_per_sample(logits, labels)
    probabilities[~finite], losses[~finite] = np.nan, np.nan
    return Answers(probabilities, labels, losses, np.where(finite, logits.argmax(axis=1), NO_ANSWER))


def order_digits(
    answers: Answers, by: MistakeOrder = "loss", forgotten: NDArray[np.integer[Any]] | None = None
) -> NDArray[np.int64]:
    """The positions of the digits that belong on the list, in the order in which to look at them.

    "loss": the wrong ones, the highest loss first. "confident": the wrong ones, the surest answer first.
    "unsure": the right ones, the least sure first. "forgotten": those that were forgotten at least once, the most often
    first; `forgotten` (N,) says how often. Where that is equal the higher loss comes first. Digits without an answer
    are left out.

    Raises ValueError for another `by`, or for "forgotten" without its counts.
    """
    if by in ("loss", "confident"):
        listed, first = answers.answered & ~answers.right, -answers.losses if by == "loss" else -answers.confidence
    elif by == "unsure":
        listed, first = answers.right, answers.confidence
    elif by == "forgotten":
        if forgotten is None:
            raise ValueError("by='forgotten' needs how often each digit was forgotten")
        listed, first = answers.answered & (forgotten > 0), -forgotten
    else:
        raise ValueError(f"by must be one of loss, confident, unsure, forgotten, got {by!r}")
    (positions,) = np.nonzero(listed)
    return positions[np.lexsort((-answers.losses[positions], first[positions]))]


def predictions_csv(answers: Answers, indices: NDArray[np.integer[Any]], class_names: Sequence[str]) -> bytes:
    """The answers as a CSV file in UTF-8, a row for each digit: its number, classes by name, loss, probabilities.

    indices: (N,) the digits' numbers in their file, class_names: (K,). What is not a number is left empty.
    """
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["index", "true", "predicted", "loss", *(f"probability {name}" for name in class_names)])
    rows = zip(indices.tolist(), answers.labels.tolist(), answers.predicted.tolist(), strict=True)
    for (index, truth, answer), loss, probabilities in zip(rows, answers.losses, answers.probabilities, strict=True):
        if answer < 0:
            table.writerow([index, class_names[truth], "", "", *("" for _ in class_names)])
        else:
            shares = (f"{p:.6g}" for p in probabilities)
            table.writerow([index, class_names[truth], class_names[answer], f"{loss:.6g}", *shares])
    return file.getvalue().encode()
