"""Digits: where they come from, how they are split, scaled, augmented and put into batches."""

from mlp.data.augmentation import Augmentation
from mlp.data.batches import Batcher, epoch_order
from mlp.data.dataset import Dataset, Split, load_dataset
from mlp.data.preparation import INPUT_SCALINGS, build_input_scaling
from mlp.data.sources import SOURCES, DatasetError, Progress, Source

__all__ = [
    "INPUT_SCALINGS",
    "SOURCES",
    "Augmentation",
    "Batcher",
    "Dataset",
    "DatasetError",
    "Progress",
    "Source",
    "Split",
    "build_input_scaling",
    "epoch_order",
    "load_dataset",
]
