import numpy as np
import pytest

from mlp.data import Batcher, Dataset, Split, build_input_scaling, load_dataset, sources


def counts(split, K=10):
    return np.bincount(split.labels, minlength=K)


def test_default_split():
    dataset = load_dataset()
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (55_000, 5_000, 10_000)
    assert (dataset.name, dataset.title, dataset.num_classes) == ("mnist", "MNIST", 10)
    assert dataset.class_names == tuple("0123456789")
    assert dataset.train.labels.dtype == np.int64


def test_every_split_carries_the_digits_and_labels_of_its_file():
    raw = sources.load_arrays("mnist")
    dataset = load_dataset(train_size=500, validation_size=200)
    for split, images, labels in (
        (dataset.train, raw.train_images, raw.train_labels),
        (dataset.validation, raw.train_images, raw.train_labels),
        (dataset.test, raw.test_images, raw.test_labels),
    ):
        np.testing.assert_array_equal(split.images, images[split.indices])
        np.testing.assert_array_equal(split.labels, labels[split.indices])


def test_training_and_validation_are_disjoint_and_complete():
    dataset = load_dataset(validation_size=5000)
    both = np.concatenate([dataset.train.indices, dataset.validation.indices])
    np.testing.assert_array_equal(np.sort(both), np.arange(60_000))


@pytest.mark.parametrize("size", [10, 999, 1000, 12_345])
def test_splits_are_stratified(mnist, size):
    dataset = load_dataset(train_size=size, validation_size=size)
    share = size * counts(mnist.train) / 60_000
    for split in (dataset.train, dataset.validation):
        assert len(split) == size
        assert np.abs(counts(split) - share).max() < 1.1
        assert counts(split).min() >= 1


def test_validation_does_not_depend_on_train_size():
    small, large = (load_dataset(train_size=size, seed=3) for size in (100, 20_000))
    np.testing.assert_array_equal(small.validation.indices, large.validation.indices)
    assert np.isin(small.train.indices, large.train.indices).mean() > 0.9
    assert not np.isin(large.train.indices, large.validation.indices).any()


def test_same_seed_same_digits_other_seed_others():
    one, same, other = (
        load_dataset(train_size=1000, validation_size=100, label_noise=0.2, seed=seed) for seed in (1, 1, 2)
    )
    for name in ("train", "validation", "test"):
        a, b = getattr(one, name), getattr(same, name)
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.labels, b.labels)
    assert not np.array_equal(one.train.indices, other.train.indices)
    assert not np.array_equal(one.validation.indices, other.validation.indices)


def test_no_validation():
    dataset = load_dataset(validation_size=0)
    assert len(dataset.validation) == 0
    assert dataset.validation.images.shape == (0, 28, 28)
    assert dataset.validation.labels.shape == (0,)
    assert len(dataset.train) == 60_000


def test_images_are_in_memory_once():
    raw = sources.load_arrays("mnist")
    whole, part = load_dataset(validation_size=0), load_dataset()
    assert whole.train.images is raw.train_images
    assert whole.test.images is raw.test_images
    assert part.train.source is part.validation.source is raw.train_images
    assert not np.shares_memory(part.validation.images, raw.train_images)


def test_class_subset_is_relabelled_in_the_order_given(mnist):
    dataset = load_dataset(classes=(7, 1, 8), validation_size=300)
    assert dataset.class_names == ("7", "1", "8")
    assert dataset.num_classes == 3
    for split, original in (
        (dataset.train, mnist.train),
        (dataset.validation, mnist.train),
        (dataset.test, mnist.test),
    ):
        np.testing.assert_array_equal(np.array([7, 1, 8])[split.labels], original.labels[split.indices])
    assert counts(dataset.test, 3).tolist() == [1028, 1135, 974]
    assert len(dataset.train) + 300 == 6265 + 6742 + 5851


@pytest.mark.parametrize("share", [0.0, 0.1, 1 / 3, 1.0])
def test_label_noise_is_exact_and_always_another_class(share):
    dataset = load_dataset(train_size=7001, validation_size=100, label_noise=share)
    train = dataset.train
    wrong = train.labels != train.clean_labels
    assert wrong.sum() == round(share * 7001)
    assert set(train.labels) == set(range(10))
    np.testing.assert_array_equal(train.clean_labels, sources.load_arrays("mnist").train_labels[train.indices])
    for split in (dataset.validation, dataset.test):
        np.testing.assert_array_equal(split.labels, split.clean_labels)


def test_label_noise_is_uniform_over_the_other_classes():
    train = load_dataset(validation_size=0, label_noise=1.0).train
    offsets = np.bincount((train.labels - train.clean_labels) % 10, minlength=10)
    assert offsets[0] == 0
    assert np.abs(offsets[1:] - 60_000 / 9).max() < 5 * np.sqrt(60_000 / 9)


def test_label_noise_leaves_the_choice_of_digits_alone():
    clean, noisy = (load_dataset(train_size=1000, label_noise=share) for share in (0.0, 0.5))
    np.testing.assert_array_equal(clean.train.indices, noisy.train.indices)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"classes": (3,)}, ["classes", "at least two different classes of 0..9", "(3,)"]),
        ({"classes": ()}, ["classes", "at least two"]),
        ({"classes": (3, 3)}, ["classes", "different", "(3, 3)"]),
        ({"classes": (3, 10)}, ["classes", "0..9", "(3, 10)"]),
        ({"classes": (-1, 3)}, ["classes", "0..9", "(-1, 3)"]),
        ({"classes": (1.5, 3)}, ["classes", "whole number", "1.5"]),
        ({"classes": 5}, ["classes", "whole numbers or None", "got 5"]),
        ({"classes": (True, 3)}, ["classes", "whole number", "True"]),
        ({"name": ["mnist"]}, ["dataset", "one of mnist", "['mnist']"]),
        ({"name": None}, ["dataset", "one of mnist", "None"]),
        ({"train_size": True}, ["train_size", "whole number", "True"]),
        ({"train_size": 9}, ["train_size", "[10, 55000]", "10 classes", "got 9"]),
        ({"train_size": 55_001}, ["train_size", "[10, 55000]", "validation_size 5000", "got 55001"]),
        ({"train_size": 500.0}, ["train_size", "whole number", "500.0"]),
        ({"classes": (0, 1), "train_size": 10_000}, ["train_size", "[2, 7665]", "got 10000"]),
        ({"validation_size": 60_000}, ["validation_size", "[10, 59990]", "got 60000"]),
        ({"validation_size": -1}, ["validation_size", "0 or in [10, 59990]", "got -1"]),
        ({"validation_size": 9}, ["validation_size", "0 or in [10, 59990]", "got 9"]),
        ({"validation_size": "many"}, ["validation_size", "whole number", "'many'"]),
        ({"label_noise": 1.01}, ["label_noise", "[0, 1]", "1.01"]),
        ({"label_noise": float("nan")}, ["label_noise", "[0, 1]", "nan"]),
        ({"label_noise": "0.5"}, ["label_noise", "[0, 1]", "'0.5'"]),
        ({"label_noise": None}, ["label_noise", "[0, 1]", "None"]),
        ({"label_noise": [0.1]}, ["label_noise", "[0, 1]", "[0.1]"]),
        ({"label_noise": True}, ["label_noise", "[0, 1]", "True"]),
        ({"seed": True}, ["seed", "whole number", "True"]),
        ({"seed": -1}, ["seed", "0 or more", "-1"]),
        ({"seed": None}, ["seed", "whole number", "None"]),
    ],
    ids=str,
)
def test_impossible_settings_are_refused_in_one_sentence(settings, parts, one_sentence):
    with pytest.raises(ValueError) as error:
        load_dataset(**settings)
    one_sentence(str(error.value), *parts)


def test_numbers_of_numpy_will_do():
    dataset = load_dataset(
        train_size=np.int64(50), label_noise=np.float32(0.5), classes=np.array([2, 5]), seed=np.uint8(3)
    )
    assert (dataset.train.labels != dataset.train.clean_labels).sum() == 25
    assert dataset.class_names == ("2", "5")


def test_gather_is_indexing(mnist):
    split = load_dataset(train_size=100).train
    positions = np.array([3, 99, 0, 3])
    out = np.empty((4, 784), np.uint8)
    assert split.gather(positions, out) is out
    np.testing.assert_array_equal(out, mnist.train.images[split.indices[positions]].reshape(4, 784))
    with pytest.raises(IndexError):
        split.gather(np.array([100]), out[:1])


# Arrays in hand


def digits(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def test_dataset_from_arrays():
    dataset = Dataset.from_arrays(digits(6), [0, 1, 2, 0, 1, 2], digits(2, 1).reshape(2, 784), np.array([1, 0]))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (6, 0, 2)
    assert dataset.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(dataset.train.images, digits(6))
    np.testing.assert_array_equal(dataset.test.images, digits(2, 1))


def test_pictures_of_another_size():
    dataset = Dataset.from_arrays(digits(6)[:, :8, :8], [0, 1, 2, 0, 1, 2])
    assert dataset.num_pixels == 64
    assert len(dataset.test) == 0
    x, _ = Batcher(dataset.train, build_input_scaling("per_pixel", dataset.train), 4, np.float32).batch(np.arange(4), 0)
    assert x.shape == (4, 64)


def test_split_from_arrays_keeps_the_array_and_the_truth():
    images = digits(3)
    split = Split.from_arrays(images, [0, 1, 1], clean_labels=[0, 1, 0])
    assert np.shares_memory(split.images, images)
    assert split.clean_labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"train_images": digits(2) / 255, "train_labels": [0, 1]}, ["images", "uint8", "(2, 28, 28) float64"]),
        ({"train_images": digits(2)[0], "train_labels": [0, 1]}, ["images", "(N, 28, 28)", "(28, 28)"]),
        (
            {
                "train_images": digits(2),
                "train_labels": [0, 1],
                "test_images": digits(1)[:, :8, :8],
                "test_labels": [1],
            },
            ["images", "one size", "(2, 28, 28) and (1, 8, 8)"],
        ),
        ({"train_images": digits(2), "train_labels": [0, 1, 1]}, ["labels", "(2,)", "(3,)"]),
        ({"train_images": digits(2), "train_labels": [0.0, 1.0]}, ["labels", "whole numbers", "float64"]),
        ({"train_images": digits(2), "train_labels": [0, -1]}, ["labels", "0 or more", "-1"]),
        ({"train_images": digits(2), "train_labels": [0, 2], "class_names": "ab"}, ["labels", "0..1", "got 2"]),
        ({"train_images": digits(2), "train_labels": [0, 0]}, ["class_names", "at least two", "('0',)"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_arrays_that_do_not_fit_are_refused(arrays, parts, one_sentence):
    with pytest.raises(ValueError) as error:
        Dataset.from_arrays(**arrays)
    one_sentence(str(error.value), *parts)
