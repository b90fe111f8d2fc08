"""The order of the examples, and mini-batches of them, scaled and augmented, in buffers that are kept."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlp.data.augmentation import Augmentation
from mlp.data.dataset import Split
from mlp.data.randomness import Stream, generator
from mlp.nn import InputScaling


def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of n examples in that epoch: a permutation (n,), the same whichever epochs were asked for before."""
    return generator(seed, Stream.EPOCH_ORDER, epoch).permutation(n)


class Batcher:
    """Makes mini-batches of a split, of up to `batch_size` examples.

    The arrays it hands out are views of buffers that the next batch overwrites: copy what must last.
    """

    def __init__(
        self,
        split: Split,
        scaling: InputScaling,
        batch_size: int,
        dtype: DTypeLike,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.split = split
        self.scaling = scaling
        self.augmentation = augmentation
        self.seed = seed
        self._pixels = np.empty((batch_size, split.num_pixels), np.uint8)
        self._x = np.empty((batch_size, split.num_pixels), dtype)
        self._n = 0

    def batch(
        self, positions: NDArray[np.integer[Any]], step: int, part: int = 0
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """positions: (n,) in the split -> x: (n, D) float, labels: (n,).

        The augmentation depends on (seed, step, part) alone. `part` numbers the pieces of a batch that is larger
        than the buffers, so that they are not all warped alike.
        Raises ValueError for more positions than batch_size, IndexError for one outside the split.
        """
        n = len(positions)
        if n > len(self._pixels):
            raise ValueError(f"positions must be at most batch_size = {len(self._pixels)}, got {n}")
        self._n = n
        pixels = self.split.gather(positions, out=self._pixels[:n])
        if self.augmentation:
            self.augmentation(pixels, generator(self.seed, Stream.AUGMENTATION, step, part), out=pixels)
        return self.scaling(pixels, out=self._x[:n]), self.split.labels[positions]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(n, D) uint8: the digits of the latest batch as the network saw them, after augmentation."""
        return self._pixels[: self._n]
