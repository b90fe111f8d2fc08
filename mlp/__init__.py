"""MLP Microscope: a numpy multilayer perceptron to watch while it learns handwritten digits."""

from mlp import analysis, nn
from mlp.data import load_dataset
from mlp.nn import MLP
from mlp.training import RunConfig, Trainer

__all__ = ["MLP", "RunConfig", "Trainer", "analysis", "load_dataset", "nn"]
