"""One random stream for each purpose, so that no choice changes because another one was made or left out."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a random stream is for. The numbers are part of every result: never renumber them."""

    SPLIT = 101
    LABEL_NOISE = 102
    EPOCH_ORDER = 103
    AUGMENTATION = 104
    DROPOUT = 105


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """The generator of (seed, stream, key): the same three always give the same numbers."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, *key)))
