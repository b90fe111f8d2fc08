"""The neural network itself, in numpy alone: layers, losses, optimizers, schedules and the gradient check."""

from mlp.nn.activations import ACTIVATIONS, ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, Tanh
from mlp.nn.clipping import clip_gradient_norm
from mlp.nn.dropout import Dropout
from mlp.nn.gradient_check import GradientCheck, gradient_check
from mlp.nn.initializers import INITIALIZERS
from mlp.nn.layer import Layer
from mlp.nn.linear import Linear
from mlp.nn.losses import (
    LOSSES,
    LOSSES_PER_SAMPLE,
    Softmax,
    cross_entropy,
    cross_entropy_on_probabilities,
    cross_entropy_per_sample,
    mean_squared_error,
    mean_squared_error_per_sample,
    softmax,
)
from mlp.nn.network import MAX_HIDDEN_LAYERS, MAX_HIDDEN_UNITS, MLP
from mlp.nn.optimizers import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    build_optimizer,
)
from mlp.nn.scaling import UNIT, InputScaling
from mlp.nn.schedules import SCHEDULES, Schedule, build_schedule

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "INITIALIZERS",
    "LOSSES",
    "LOSSES_PER_SAMPLE",
    "MAX_HIDDEN_LAYERS",
    "MAX_HIDDEN_UNITS",
    "MLP",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "UNIT",
    "Adagrad",
    "Adam",
    "AdamW",
    "Dropout",
    "GradientCheck",
    "Identity",
    "InputScaling",
    "Layer",
    "LeakyReLU",
    "Linear",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "ReLU",
    "Schedule",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "build_optimizer",
    "build_schedule",
    "clip_gradient_norm",
    "cross_entropy",
    "cross_entropy_on_probabilities",
    "cross_entropy_per_sample",
    "gradient_check",
    "mean_squared_error",
    "mean_squared_error_per_sample",
    "softmax",
]
