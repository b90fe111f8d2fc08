"""A lesson: a trained network learns a few drawings more, and what it forgets over that."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp.data import Dataset, Split
from mlp.nn import LOSSES, LOSSES_PER_SAMPLE, MLP, build_optimizer
from mlp.training.trainer import TrainingDivergedError

Array: TypeAlias = NDArray[Any]

MOST_STEPS = 1000
MOST_LEARNING_RATE = 10
_CHUNK = 1000


@dataclass(frozen=True, eq=False)
class Lesson:
    """The taught network and what the lesson did to it.

    network: a new one. before, after: (n, K) probabilities for the n drawings. losses: (steps,) the mean loss of the
    drawings in each step's batch, before its update. The rest is measured on the test digits: the accuracy of all,
    and of each class (K,), NaN for a class without digits; `forgotten` counts those that were right before and are
    wrong after, `gained` those that were wrong and are right.
    """

    network: MLP
    before: Array
    after: Array
    losses: NDArray[np.float64]
    test_before: float
    test_after: float
    forgotten: int
    gained: int
    class_accuracy_before: NDArray[np.float64]
    class_accuracy_after: NDArray[np.float64]


def teach(
    network: MLP,
    drawings: ArrayLike,
    labels: ArrayLike,
    *,
    dataset: Dataset,
    steps: int,
    learning_rate: float,
    batch_size: int = 32,
    mix: float = 0.0,
    seed: int = 0,
    loss: str = "cross_entropy",
    on_progress: Callable[[int, int], None] | None = None,
) -> Lesson:
    """Trains a copy of the network on drawings by plain gradient descent, alone or among training digits.

    drawings: (n, 28, 28) uint8 with n from 1, labels: (n,) 0..K-1. mix: the share of each batch that is training digits
    of `dataset`, 0 for none; at least one place is left to the drawings. Each drawing, and each digit, is met as often
    as any other, in an order that `seed` decides. Dropout is off: with so few examples the lesson should take every
    step it can, and what it costs should not depend on chance. Learning the new at the expense of the old, most of all
    without a mix, is catastrophic forgetting (McCloskey and Cohen, 1989); mixing in the old is called rehearsal.

    `on_progress` is told the steps taken and the test digits read so far: after each step, then every 1,000 digits, of
    which there are twice as many as the dataset has, because both networks read them. It changes nothing.

    Raises:
        ValueError: a setting, the drawings or their labels are outside what is allowed, in one sentence.
        TrainingDivergedError: a number is no longer finite; the network that was given is as it was.
    """
    images, targets = _checked_drawings(drawings, labels, network)
    _whole_number("steps", steps, 1, MOST_STEPS)
    _whole_number("batch_size", batch_size, 1, 60_000)
    if not 0 < learning_rate <= MOST_LEARNING_RATE:
        raise ValueError(f"learning_rate must be in (0, {MOST_LEARNING_RATE}], got {learning_rate!r}")
    if not 0 <= mix < 1:
        raise ValueError(f"mix must be in [0, 1), got {mix!r}")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    if (dataset.num_pixels, dataset.num_classes) != (network.layer_sizes[0], network.num_classes):
        raise ValueError(
            f"dataset must have the network's {network.layer_sizes[0]} pixels and {network.num_classes} classes, "
            f"got {dataset.num_pixels} and {dataset.num_classes}"
        )
    old = min(round(mix * batch_size), batch_size - 1)
    if old and not len(dataset.train):
        raise ValueError(f"mix must be 0 for a dataset without training digits, got {mix!r}")

    taught = network.copy()
    optimizer = build_optimizer("sgd", taught, learning_rate=learning_rate)
    for_drawings, for_digits = np.random.default_rng(seed).spawn(2)
    chosen = _turns(len(images), batch_size - old, steps, for_drawings)
    rehearsed = _turns(len(dataset.train), old, steps, for_digits)
    pixels = np.empty((batch_size, network.layer_sizes[0]), np.uint8)
    x = np.empty(pixels.shape, taught.dtype)
    losses = np.empty(steps)
    for step in range(steps):
        new, positions = chosen[step], rehearsed[step]
        pixels[: len(new)] = images[new]
        if old:
            dataset.train.gather(positions, out=pixels[len(new) :])
        answers = np.concatenate([targets[new], dataset.train.labels[positions]])
        logits = taught.forward(taught.input_scaling(pixels, out=x))
        batch_loss, dlogits = LOSSES[loss](logits, answers)
        if not isfinite(batch_loss):
            raise _diverged(step + 1, taught, learning_rate)
        losses[step] = LOSSES_PER_SAMPLE[loss](logits[: len(new)], targets[new]).mean()
        taught.backward(dlogits)
        optimizer.step()
        if on_progress is not None:
            on_progress(step + 1, 0)
    if not np.isfinite(taught.parameters).all():
        raise _diverged(steps, taught, learning_rate)

    def read(earlier: int, count: int) -> None:
        if on_progress is not None:
            on_progress(steps, earlier + count)

    digits = dataset.test
    right_before = _right(network, digits, partial(read, 0))
    right_after = _right(taught, digits, partial(read, len(digits)))
    return Lesson(
        network=taught,
        before=network.predict_proba(images),
        after=taught.predict_proba(images),
        losses=losses,
        test_before=_mean(right_before),
        test_after=_mean(right_after),
        forgotten=int(np.count_nonzero(right_before & ~right_after)),
        gained=int(np.count_nonzero(right_after & ~right_before)),
        class_accuracy_before=_by_class(right_before, digits, network.num_classes),
        class_accuracy_after=_by_class(right_after, digits, network.num_classes),
    )


def _turns(n: int, size: int, steps: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(steps, size) positions below n: shuffled rounds one after the other, so that none is met twice too often."""
    wanted = steps * size
    rounds = np.tile(np.arange(n), (-(-wanted // max(1, n)), 1))
    return rng.permuted(rounds, axis=1).ravel()[:wanted].reshape(steps, size)


def _right(network: MLP, digits: Split, on_read: Callable[[int], None]) -> NDArray[np.bool_]:
    """(N,) whether each digit is answered right. `on_read` is told how many digits were read."""
    pixels = np.empty((_CHUNK, digits.num_pixels), np.uint8)
    right = np.zeros(len(digits), bool)
    for start in range(0, len(digits), _CHUNK):
        positions = np.arange(start, min(start + _CHUNK, len(digits)))
        logits = network.predict_logits(digits.gather(positions, out=pixels[: len(positions)]))
        right[positions] = logits.argmax(axis=1) == digits.labels[positions]
        on_read(start + len(positions))
    return right


def _mean(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else np.nan


def _by_class(right: NDArray[np.bool_], digits: Split, K: int) -> NDArray[np.float64]:
    """(K,) the share of right answers among the digits of each class."""
    with np.errstate(invalid="ignore"):  # a class without digits: 0 / 0
        right_ones = np.bincount(digits.labels, weights=right, minlength=K)
        return np.asarray(right_ones / np.bincount(digits.labels, minlength=K))


def _diverged(step: int, taught: MLP, learning_rate: float) -> TrainingDivergedError:
    place = taught.first_non_finite() or "the loss"
    cause = f"The learning rate {learning_rate:g} is most likely too high for these drawings."
    return TrainingDivergedError(step, place, cause, {"learning_rate": min(0.1, learning_rate / 10)})


def _checked_drawings(drawings: ArrayLike, labels: ArrayLike, network: MLP) -> tuple[Array, NDArray[np.int64]]:
    """-> (n, 784) uint8 and (n,) int64"""
    images, targets = np.asarray(drawings), np.asarray(labels)
    if images.shape[1:] != (28, 28) or len(images) == 0 or images.dtype != np.uint8:
        raise ValueError(f"drawings must be (n, 28, 28) uint8 with n from 1, got {images.shape} {images.dtype}")
    if targets.shape != (len(images),) or targets.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {len(images)} whole numbers, one for each drawing, got {targets.shape} {targets.dtype}"
        )
    if targets.min() < 0 or targets.max() >= network.num_classes:
        raise ValueError(f"labels must be in 0..{network.num_classes - 1}, got {targets.min()} to {targets.max()}")
    return images.reshape(len(images), -1), targets.astype(np.int64)


def _whole_number(setting: str, value: int, low: int, high: int) -> None:
    try:
        inside = low <= operator.index(value) <= high
    except TypeError:
        inside = False
    if not inside:
        raise ValueError(f"{setting} must be a whole number in [{low}, {high}], got {value!r}")
