"""Which classes are taken for which, and how well each of them is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ClassScores:
    """How well each of K classes is known, all (K,).

    precision: of the digits answered so, the share that is so; NaN for a class that is never answered.
    recall: of the digits that are so, the share answered so; NaN for a class without digits.
    f1: their harmonic mean 2 precision recall / (precision + recall); NaN for a class neither there nor answered.
    support: how many digits there are.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


def confusion_matrix(
    labels: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], num_classes: int
) -> NDArray[np.int64]:
    """How often each class was taken for each: (K, K), true classes downwards, answers to the right.

    labels, predicted: (N,). An answer below 0 stands for none and is not counted.
    """
    answered = predicted >= 0
    cells = labels[answered] * num_classes + predicted[answered]
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def rates(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K, K) counts -> the share of each true class, so that every row adds up to 1; 0 in the row of an empty class."""
    return np.asarray(matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True)))


def class_scores(
    labels: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], num_classes: int
) -> ClassScores:
    """Precision, recall and F1 of each class. labels, predicted: (N,); an answer below 0 stands for none."""
    matrix = confusion_matrix(labels, predicted, num_classes)
    hits, answers = matrix.diagonal(), matrix.sum(axis=0)
    support = np.bincount(labels, minlength=num_classes)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: there is nothing to judge by
        return ClassScores(hits / answers, hits / support, 2 * hits / (answers + support), support)
