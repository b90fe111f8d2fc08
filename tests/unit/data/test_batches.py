import numpy as np
import pytest

from mlp.data import Augmentation, Batcher, build_input_scaling, epoch_order, load_dataset

WARP = Augmentation(shift=2, rotation=10, elastic=20)


@pytest.fixture(scope="module")
def train():
    return load_dataset(train_size=500, label_noise=0.2, seed=1).train


def batcher(train, scaling="unit", dtype=np.float32, size=32, **options):
    return Batcher(train, build_input_scaling(scaling, train), size, dtype, **options)


def test_order_is_a_permutation():
    for epoch in range(3):
        np.testing.assert_array_equal(np.sort(epoch_order(1000, 7, epoch)), np.arange(1000))


def test_order_depends_on_seed_and_epoch_alone():
    first = epoch_order(1000, 7, 5)
    epoch_order(1000, 7, 0)
    np.testing.assert_array_equal(epoch_order(1000, 7, 5), first)
    for other in (epoch_order(1000, 7, 6), epoch_order(1000, 8, 5)):
        assert (other == first).mean() < 0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaling", ["unit", "standard", "per_pixel", "none"])
def test_batch_is_gather_and_scale(train, scaling, dtype):
    batches = batcher(train, scaling, dtype)
    positions = epoch_order(len(train), 0, 0)[:32]
    x, labels = batches.batch(positions, step=0)
    made = batches.scaling
    naive = (train.images[positions].reshape(32, 784) - np.asarray(made.offset)) * made.factor
    assert x.dtype == dtype
    np.testing.assert_allclose(x, naive, rtol=2e-5 if dtype == np.float32 else 1e-12, atol=1e-6)
    np.testing.assert_array_equal(labels, train.labels[positions])
    np.testing.assert_array_equal(batches.pixels, train.images[positions].reshape(32, 784))


def test_buffers_are_kept(train):
    batches = batcher(train)
    x, _ = batches.batch(np.arange(32), step=0)
    before, pixels = x.copy(), batches.pixels
    again, _ = batches.batch(np.arange(32, 64), step=1)
    assert np.shares_memory(x, again)
    assert np.shares_memory(pixels, batches.pixels)
    assert not np.array_equal(before, again)
    np.testing.assert_array_equal(x, again)


def test_last_batch_may_be_smaller(train):
    batches = batcher(train)
    batches.batch(np.arange(32), step=0)
    x, labels = batches.batch(np.arange(5), step=1)
    assert x.shape == batches.pixels.shape == (5, 784)
    assert labels.shape == (5,)
    assert x.flags.c_contiguous


def test_augmentation_depends_on_seed_and_step_alone(train):
    positions = np.arange(32)
    batches = batcher(train, augmentation=WARP, seed=3)
    for step in range(5):
        batches.batch(positions + step, step)
    x, _ = batches.batch(positions, step=7)
    fresh = batcher(train, augmentation=WARP, seed=3)
    np.testing.assert_array_equal(fresh.batch(positions, step=7)[0], x)
    for other, options in (
        (batcher(train, augmentation=WARP, seed=3), {"step": 8}),
        (batcher(train, augmentation=WARP, seed=4), {"step": 7}),
        (batcher(train, augmentation=WARP, seed=3), {"step": 7, "part": 1}),
    ):
        assert not np.array_equal(other.batch(positions, **options)[0], x)


def test_pixels_are_what_the_network_saw(train):
    batches = batcher(train, augmentation=WARP)
    x, _ = batches.batch(np.arange(32), step=0)
    assert not np.array_equal(batches.pixels, train.images[:32].reshape(32, 784))
    np.testing.assert_allclose(x, batches.pixels / 255, atol=1e-6)


def test_augmentation_leaves_the_dataset_alone(train):
    before = train.source[train.indices[:32]].copy()
    batcher(train, augmentation=WARP).batch(np.arange(32), step=0)
    np.testing.assert_array_equal(train.images[:32], before)


def test_augmentation_of_strength_zero_is_none(train):
    positions = np.arange(32)
    plain, zero = batcher(train), batcher(train, augmentation=Augmentation())
    np.testing.assert_array_equal(plain.batch(positions, 0)[0], zero.batch(positions, 0)[0])


def test_too_many_positions(train, one_sentence):
    with pytest.raises(ValueError) as error:
        batcher(train).batch(np.arange(33), step=0)
    one_sentence(str(error.value), "positions", "batch_size = 32", "got 33")
