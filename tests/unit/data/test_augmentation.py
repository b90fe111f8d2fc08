import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from mlp.data import Augmentation
from mlp.data.augmentation import BLOCK, affine, warp

EVERYTHING = Augmentation(shift=2, rotation=15, scale=0.1, shear=0.2, elastic=34)
EACH = [
    Augmentation(shift=2),
    Augmentation(rotation=15),
    Augmentation(scale=0.2),
    Augmentation(shear=0.3),
    Augmentation(elastic=34),
]


@pytest.fixture(scope="module")
def images(mnist):
    return mnist.train.images[:200]


def moved(images, angle=0.0, scale=1.0, shear=0.0, shift=(0.0, 0.0), bend=None):
    n = len(images)
    A = affine(np.full(n, angle), np.full(n, scale), np.full(n, shear))
    return warp(images, A, np.tile(shift, (n, 1)), bend, np.empty_like(images))


def noise(n=6):
    """Ink up to the very edge, where wrap-around would show."""
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 0), (0, -2), (-5, 4), (28, 0)])
def test_shift_by_whole_pixels_moves_without_wrapping(down, right):
    padded = np.pad(noise(), ((0, 0), (28, 28), (28, 28)))
    expected = padded[:, 28 - down : 56 - down, 28 - right : 56 - right]
    np.testing.assert_array_equal(moved(noise(), shift=(down, right)), expected)


def test_quarter_turns_are_exact():
    np.testing.assert_array_equal(moved(noise(), angle=np.pi / 2), np.rot90(noise(), axes=(1, 2)))


def test_warp_is_bilinear_interpolation_of_scipy():
    rng = np.random.default_rng(1)
    images, n = noise(20), 20
    A = affine(rng.uniform(-1, 1, n), rng.uniform(0.6, 1.5, n), rng.uniform(-0.5, 0.5, n))
    shift = rng.uniform(-6, 6, (n, 2))
    bend = rng.uniform(-2, 2, (n, 2, 28, 28))
    found = warp(images, A, shift, bend, np.empty_like(images))
    q = np.indices((28, 28)) - 13.5
    for i in range(n):
        p = 13.5 + np.tensordot(np.linalg.inv(A[i]), q - shift[i][:, None, None], 1) + bend[i]
        expected = map_coordinates(images[i].astype(float), p, order=1, mode="grid-constant")
        assert np.abs(found[i] - expected).max() < 0.51


def test_scale_shear_and_rotation_go_the_way_they_say():
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[:, 4:24, 13:15] = 255
    assert moved(bar, scale=0.5).sum() == pytest.approx(bar.sum() / 4, rel=0.1)

    def column(picture, row):
        return (picture[0, row] * np.arange(28.0)).sum() / picture[0, row].sum()

    slanted = moved(bar, shear=0.5)
    assert column(slanted, 20) - column(slanted, 10) == pytest.approx(5, abs=0.05)
    leaning = moved(bar, angle=np.radians(20))  # counter-clockwise: the top goes to the left
    assert column(leaning, 20) - column(leaning, 10) == pytest.approx(10 * np.tan(np.radians(20)), abs=0.1)


@pytest.mark.parametrize("augmentation", [Augmentation(rotation=30), Augmentation(shift=2), Augmentation(elastic=34)])
def test_ink_is_kept_roughly(images, augmentation):
    warped = augmentation(images, np.random.default_rng(0))
    ratio = warped.sum(axis=(1, 2)) / images.sum(axis=(1, 2))
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.min() > 0.6


def test_nothing_set_changes_nothing(images):
    nothing = Augmentation()
    assert not nothing
    rng = np.random.default_rng(0)
    warped = nothing(images, rng)
    np.testing.assert_array_equal(warped, images)
    assert warped is not images
    assert rng.random() == np.random.default_rng(0).random()  # no randomness used up


@pytest.mark.parametrize("augmentation", EACH, ids=str)
def test_each_strength_changes_each_digit_differently(images, augmentation):
    assert augmentation
    same = np.repeat(images[:1], 30, axis=0)
    warped = augmentation(same, np.random.default_rng(0))
    assert len({picture.tobytes() for picture in warped}) == 30
    assert (warped == same).all(axis=(1, 2)).sum() <= 1  # an amount drawn close to zero changes nothing


def test_same_rng_same_bytes(images):
    one, same, other = (EVERYTHING(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_shift_is_uniform_in_plus_minus_strength():
    dot = np.zeros((4000, 28, 28), np.uint8)
    dot[:, 13:15, 13:15] = 255
    warped = Augmentation(shift=3)(dot, np.random.default_rng(0)).astype(float)
    mass = warped.sum(axis=(1, 2))
    centres = [(warped.sum(axis=other) * np.arange(28)).sum(axis=1) / mass - 13.5 for other in (2, 1)]
    assert abs(np.corrcoef(centres)[0, 1]) < 0.1
    for centre in centres:
        assert -3.05 < centre.min() < -2.9
        assert 2.9 < centre.max() < 3.05
        assert centre.std() == pytest.approx(3 / np.sqrt(3), rel=0.03)


def test_elastic_field_is_smoothed_noise():
    rng = np.random.default_rng(3)
    found = Augmentation(elastic=34)._bend(2, rng)
    raw = 34 * (2 * np.random.default_rng(3).random((2, 2, 28, 28), dtype=np.float32) - 1)
    np.testing.assert_allclose(found, gaussian_filter(raw, (0, 0, 4, 4), mode="constant"), atol=1e-4)
    many = Augmentation(elastic=25)._bend(200, rng)
    assert np.sqrt(np.square(many[:, :, 10:18, 10:18]).mean()) == pytest.approx(1, abs=0.1)


def test_flat_images_blocks_and_out(images):
    n = 2 * BLOCK + 5
    square, flat = images[:n], images[:n].reshape(n, 784)
    expected = EVERYTHING(square, np.random.default_rng(0))
    assert expected.dtype == np.uint8
    out = np.empty_like(flat)
    assert EVERYTHING(flat, np.random.default_rng(0), out=out) is out
    np.testing.assert_array_equal(out, expected.reshape(n, 784))
    in_place = flat.copy()
    EVERYTHING(in_place, np.random.default_rng(0), out=in_place)
    np.testing.assert_array_equal(in_place, out)
    # the first block does not know how many follow
    np.testing.assert_array_equal(EVERYTHING(flat[:BLOCK], np.random.default_rng(0)), out[:BLOCK])


def test_no_images():
    assert EVERYTHING(np.empty((0, 784), np.uint8), np.random.default_rng(0)).shape == (0, 784)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("shift", -1.0, "[0, 14]"),
        ("rotation", 181.0, "[0, 180]"),
        ("scale", 1.0, "[0, 0.9]"),
        ("shear", float("nan"), "[0, 1]"),
        ("elastic", float("inf"), "[0, 100]"),
    ],
)
def test_impossible_strengths_are_refused(name, value, allowed, one_sentence):
    with pytest.raises(ValueError) as error:
        Augmentation(**{name: value})
    one_sentence(str(error.value), f"augmentation {name} must be in {allowed}", f"got {value!r}")


def test_pictures_of_another_size_are_refused(one_sentence):
    with pytest.raises(ValueError) as error:
        EVERYTHING(np.zeros((2, 8, 8), np.uint8), np.random.default_rng(0))
    one_sentence(str(error.value), "28 by 28 pixels", "(2, 8, 8)")
