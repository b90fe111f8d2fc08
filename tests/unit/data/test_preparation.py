import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from mlp.data import INPUT_SCALINGS, Dataset, Split, build_input_scaling, load_dataset


@pytest.fixture(scope="module")
def train():
    return load_dataset(train_size=3000, seed=5).train  # three chunks, the last one not full


def scaled(name, split):
    return build_input_scaling(name, split)(split.images, out=np.empty((len(split), 784)))


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("unit", lambda p: p / 255),
        ("standard", lambda p: (p / 255 - 0.1307) / 0.3081),
        ("none", lambda p: p),
        ("per_pixel", lambda p: StandardScaler().fit_transform(p)),
    ],
)
def test_scaling_is_its_definition(train, name, definition):
    pixels = train.images.reshape(-1, 784).astype(np.float64)
    np.testing.assert_allclose(scaled(name, train), definition(pixels), rtol=0, atol=1e-11)


def test_per_pixel_leaves_pixels_that_never_vary_at_zero(train):
    pixels = train.images.reshape(-1, 784)
    constant = (pixels == pixels[0]).all(axis=0)
    assert constant.sum() > 50
    x = scaled("per_pixel", train)
    assert (x[:, constant] == 0).all()
    np.testing.assert_allclose(x[:, ~constant].std(axis=0), 1, rtol=1e-10)


def test_per_pixel_with_a_constant_that_is_not_zero():
    images = np.full((7, 28, 28), 77, np.uint8)
    scaling = build_input_scaling("per_pixel", Split.from_arrays(images, np.zeros(7, int)))
    np.testing.assert_array_equal(scaling.offset, np.full(784, 77.0))
    np.testing.assert_array_equal(scaling.factor, np.ones(784))


def test_every_scaling_in_the_registry_can_be_built(train):
    for name, description in INPUT_SCALINGS.items():
        assert np.isfinite(scaled(name, train)).all()
        assert description


def test_unknown_scaling(train, one_sentence):
    with pytest.raises(ValueError) as error:
        build_input_scaling("minmax", train)
    one_sentence(str(error.value), "input_scaling must be one of unit, standard, per_pixel, none", "'minmax'")


def test_per_pixel_of_nothing(one_sentence):
    empty = Dataset.from_arrays(np.zeros((2, 28, 28), np.uint8), [0, 1]).test
    with pytest.raises(ValueError) as error:
        build_input_scaling("per_pixel", empty)
    one_sentence(str(error.value), "per_pixel", "at least one", "got 0")
