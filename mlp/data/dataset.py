"""A dataset split into training, validation and test digits, all of them views on one array in memory."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp.data.randomness import Stream, generator
from mlp.data.sources import Progress, find_source, load_arrays


@dataclass(frozen=True, eq=False)
class Split:
    """N digits of an array that is shared: example i is source[indices[i]].

    source: (M, 28, 28) uint8 (another height and width will do), indices: (N,) int64,
    labels and clean_labels: (N,) int64 in 0..K-1.
    `labels` is what training sees, `clean_labels` the truth before label noise.
    """

    source: NDArray[np.uint8]
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    clean_labels: NDArray[np.int64]

    @classmethod
    def from_arrays(cls, images: ArrayLike, labels: ArrayLike, clean_labels: ArrayLike | None = None) -> "Split":
        """A split of all of `images`: (N, H, W) or (N, 784) uint8, labels: (N,) whole numbers from 0.

        The images are not copied. Raises ValueError for any other shape or type.
        """
        source = np.asarray(images)
        if source.shape[1:] == (784,):
            source = source.reshape(len(source), 28, 28)
        if source.dtype != np.uint8 or source.ndim != 3:
            raise ValueError(f"images must be (N, 28, 28) or (N, 784) uint8, got {source.shape} {source.dtype}")
        given = _checked_labels("labels", labels, len(source))
        clean = given if clean_labels is None else _checked_labels("clean_labels", clean_labels, len(source))
        return cls(source, np.arange(len(source)), given, clean)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def num_pixels(self) -> int:
        """D, 784 for the three datasets."""
        _, height, width = self.source.shape
        return int(height * width)

    @property
    def images(self) -> NDArray[np.uint8]:
        """(N, 28, 28) uint8: the source itself where the split is all of it, else a fresh copy at each call."""
        if len(self) == len(self.source) and np.array_equal(self.indices, np.arange(len(self))):
            return self.source
        return self.source[self.indices]

    def gather(self, positions: NDArray[np.integer[Any]], out: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Copy the digits at `positions` (n,) of this split into `out`: (n, D) uint8, and return it.

        Raises IndexError for a position outside the split.
        """
        flat = self.source.reshape(len(self.source), self.num_pixels)
        # mode="raise" would copy twice, through a buffer; the inner indexing has checked the positions already
        return flat.take(self.indices[positions], axis=0, out=out, mode="clip")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits and the names of their K classes."""

    name: str
    title: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def num_pixels(self) -> int:
        """D, 784 for the three datasets."""
        return self.train.num_pixels

    @classmethod
    def from_arrays(
        cls,
        train_images: ArrayLike,
        train_labels: ArrayLike,
        test_images: ArrayLike | None = None,
        test_labels: ArrayLike | None = None,
        validation_images: ArrayLike | None = None,
        validation_labels: ArrayLike | None = None,
        *,
        class_names: Sequence[str] | None = None,
        name: str = "arrays",
        title: str = "Own digits",
    ) -> "Dataset":
        """A dataset of digits in hand, as `Split.from_arrays` takes them; a pair left out is an empty split.

        Without `class_names` the classes are called 0, 1, 2 ... up to the largest label.
        Raises ValueError for arrays that do not fit together and for labels without a name.
        """
        train = Split.from_arrays(train_images, train_labels)
        validation, test = (
            Split.from_arrays(
                train.source[:0] if images is None else images,
                train.labels[:0] if labels is None else labels,
            )
            for images, labels in ((validation_images, validation_labels), (test_images, test_labels))
        )
        for split in (validation, test):
            if split.source.shape[1:] != train.source.shape[1:]:
                raise ValueError(
                    f"images must be of one size in all splits, got {train.source.shape} and {split.source.shape}"
                )
        largest = max((int(split.labels.max()) for split in (train, validation, test) if len(split)), default=-1)
        names = tuple(class_names) if class_names is not None else tuple(map(str, range(largest + 1)))
        if len(names) < 2:
            raise ValueError(f"class_names must name at least two classes, got {names}")
        if largest >= len(names):
            raise ValueError(f"labels must be in 0..{len(names) - 1}, one for each class name, got {largest}")
        return cls(name, title, train, validation, test, names)


def load_dataset(
    name: str = "mnist",
    *,
    classes: Sequence[int] | None = None,
    train_size: int | None = None,
    validation_size: int = 5000,
    label_noise: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """One of the three datasets, split. The same arguments give the same digits, to the last byte.

    name: "mnist", which ships with the project, or "fashion_mnist", "kmnist", downloaded at first use.
    classes: keep only these, relabelled 0..K-1 in this order; None keeps all ten.
    train_size: that many training digits, each class with its share; None keeps all that validation leaves.
    validation_size: that many digits taken out of the training file, each class with its share. They depend on
        `seed` and `classes` only, not on `train_size`; a smaller training set is a part of a larger one,
        give or take the digit per class that rounding moves.
    label_noise: the share of training labels replaced by another class, each as likely: round(label_noise * N) labels.
    progress: see `mlp.data.Progress`.

    Raises ValueError, in one sentence, for a setting that cannot be; DatasetError if the files cannot be had.
    """
    source = find_source(name)
    seed = _whole_number("seed", seed)
    if seed < 0:
        raise ValueError(f"seed must be a whole number of 0 or more, got {seed}")
    kept = _checked_classes(classes, len(source.class_names))
    if not isinstance(label_noise, Real) or isinstance(label_noise, bool) or not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise must be in [0, 1], got {label_noise!r}")
    train_size = None if train_size is None else _whole_number("train_size", train_size)
    validation_size = _whole_number("validation_size", validation_size)

    raw = load_arrays(name, progress)
    train_indices, validation_indices = _choose(raw.train_labels, kept, train_size, validation_size, seed)
    (test_indices,) = np.nonzero(np.isin(raw.test_labels, kept))
    clean = _relabelled(raw.train_labels[train_indices], kept)
    noisy = _with_noise(clean, len(kept), label_noise, generator(seed, Stream.LABEL_NOISE))
    validation_labels = _relabelled(raw.train_labels[validation_indices], kept)
    test_labels = _relabelled(raw.test_labels[test_indices], kept)
    return Dataset(
        name=name,
        title=source.title,
        train=Split(raw.train_images, train_indices, noisy, clean),
        validation=Split(raw.train_images, validation_indices, validation_labels, validation_labels),
        test=Split(raw.test_images, test_indices, test_labels, test_labels),
        class_names=tuple(source.class_names[k] for k in kept),
    )


def _choose(
    labels: NDArray[np.uint8], classes: tuple[int, ...], train_size: int | None, validation_size: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the training and of the validation digits, in the order of the file."""
    rng = generator(seed, Stream.SPLIT)
    members = [rng.permutation(np.flatnonzero(labels == k)) for k in classes]
    counts = np.array([len(indices) for indices in members])
    K, available = len(classes), int(counts.sum())

    if validation_size != 0 and not K <= validation_size <= available - K:
        raise ValueError(
            f"validation_size must be 0 or in [{K}, {available - K}], so that each of the {K} classes is left "
            f"in both parts of the {available} digits, got {validation_size}"
        )
    validation_counts = _shares(validation_size, counts)
    left = available - validation_size
    if train_size is not None and not K <= train_size <= left:
        raise ValueError(
            f"train_size must be in [{K}, {left}] with {K} classes and validation_size {validation_size}, "
            f"got {train_size}"
        )
    train_counts = _shares(left if train_size is None else train_size, counts - validation_counts)

    validation = [indices[:v] for indices, v in zip(members, validation_counts, strict=True)]
    train = [indices[v : v + t] for indices, v, t in zip(members, validation_counts, train_counts, strict=True)]
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def _shares(size: int, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`size` split in proportion to `counts` (K,), by the method of the largest remainder; sums to `size`."""
    shares, remainders = np.divmod(size * counts, counts.sum())
    shares[np.argsort(-remainders, kind="stable")[: size - shares.sum()]] += 1
    return shares


def _relabelled(labels: NDArray[np.uint8], classes: tuple[int, ...]) -> NDArray[np.int64]:
    new = np.zeros(256, np.int64)
    new[list(classes)] = np.arange(len(classes))
    return new[labels]


def _with_noise(labels: NDArray[np.int64], K: int, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    chosen = rng.choice(len(labels), size=round(share * len(labels)), replace=False)
    noisy = labels.copy()
    noisy[chosen] = (noisy[chosen] + rng.integers(1, K, size=len(chosen))) % K
    return noisy


def _checked_classes(classes: Sequence[int] | None, K: int) -> tuple[int, ...]:
    if classes is None:
        return tuple(range(K))
    try:
        given = tuple(classes)
    except TypeError:
        raise ValueError(f"classes must be a sequence of whole numbers or None, got {classes!r}") from None
    kept = tuple(_whole_number("classes", k) for k in given)
    if len(kept) < 2 or len(set(kept)) < len(kept) or not set(kept) <= set(range(K)):
        raise ValueError(f"classes must name at least two different classes of 0..{K - 1}, got {kept}")
    return kept


def _whole_number(setting: str, value: object) -> int:
    try:
        if not isinstance(value, bool):  # yes and no would pass for 1 and 0
            return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise ValueError(f"{setting} must be a whole number, got {value!r}")


def _checked_labels(setting: str, labels: ArrayLike, N: int) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.shape != (N,) or array.dtype.kind not in "iu":
        raise ValueError(f"{setting} must be ({N},) whole numbers, one for each image, got {array.shape} {array.dtype}")
    if N and array.min() < 0:
        raise ValueError(f"{setting} must be 0 or more, got {array.min()}")
    return array.astype(np.int64)
