"""From pixels 0..255 to the numbers that the first layer sees."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Split
from mlp.nn import InputScaling

INPUT_SCALINGS: Mapping[str, str] = {
    "unit": "every pixel divided by 255: 0 to 1",
    "standard": "mean 0 and standard deviation 1 over all pixels of MNIST",
    "per_pixel": "mean 0 and standard deviation 1 for each pixel over the training digits",
    "none": "the pixels as they are: 0 to 255",
}

# Of the MNIST training pixels divided by 255, as commonly quoted. Fashion-MNIST and KMNIST are scaled by the same two
# numbers, so that "standard" means one thing; "per_pixel" is the one that adapts to the data.
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081

CHUNK = 1024


def build_input_scaling(name: str, split: Split) -> InputScaling:
    """The scaling of that name, x = (pixels - offset) * factor; only "per_pixel" looks at `split`.

    Raises ValueError for an unknown name, and for "per_pixel" of an empty split.
    """
    if name == "unit":
        return InputScaling(0.0, 1 / 255)
    if name == "standard":
        return InputScaling(255 * MNIST_MEAN, 1 / (255 * MNIST_STD))
    if name == "per_pixel":
        mean, std = pixel_statistics(split)
        std[std == 0] = 1.0  # a pixel that never varies stays 0, as in scikit-learn's StandardScaler
        return InputScaling(mean, 1 / std)
    if name == "none":
        return InputScaling(0.0, 1.0)
    raise ValueError(f"input_scaling must be one of {', '.join(INPUT_SCALINGS)}, got {name!r}")


def pixel_statistics(split: Split) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (of the population) of each pixel: two (D,) arrays in 0..255.

    Read in chunks, so that no float copy of the digits is needed. Raises ValueError for an empty split.
    """
    N = len(split)
    if N == 0:
        raise ValueError("per_pixel must have at least one training digit to measure, got 0")
    total, squares = np.zeros(split.num_pixels), np.zeros(split.num_pixels)
    pixels = np.empty((min(CHUNK, N), split.num_pixels), np.uint8)
    x = np.empty(pixels.shape)
    for start in range(0, N, CHUNK):
        n = min(CHUNK, N - start)
        x[:n] = split.gather(np.arange(start, start + n), out=pixels[:n])
        total += x[:n].sum(axis=0)
        squares += np.square(x[:n], out=x[:n]).sum(axis=0)
    # whole numbers below 2**53 up to here, so a pixel that never varies gives exactly 0
    return total / N, np.sqrt(N * squares - total**2) / N
