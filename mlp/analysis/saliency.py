"""Why this answer: which pixels and which hidden units speak for a class, and which against it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlp.nn import ACTIVATIONS, MLP

Array: TypeAlias = NDArray[Any]

SIDE = 28


@dataclass(frozen=True, eq=False)
class Saliency:
    """What each pixel has to do with the logit of one class.

    target: the class asked about. gradient: (28, 28), how fast its logit rises as a pixel goes from 0 (black) to
    1 (white). input_times_gradient: (28, 28), the pixel, from 0 to 1, times its gradient: what the ink that is there
    does; where there is none it is 0, although ink there might change the answer.
    """

    target: int
    gradient: Array
    input_times_gradient: Array


@dataclass(frozen=True, eq=False)
class Units:
    """The units of one hidden layer that move a logit most.

    numbers: (n,) which units, those with the largest contributions of either sign first. activations, contributions:
    (n,) of these units. rest: what all other units of the layer contribute together.
    """

    numbers: NDArray[np.int64]
    activations: Array
    contributions: Array
    rest: float


def saliency(network: MLP, pixels: Array, target: int | None = None) -> Saliency:
    """The gradient of a class's logit on the pixels.   pixels: (28, 28) uint8; target: by default the answered class.

    Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2014, arXiv:1312.6034; input × gradient:
    Shrikumar et al., "Not Just a Black Box", 2016, arXiv:1605.01713. The factor of the network's input scaling is part
    of the gradient. Without dropout; leaves a training step under way alone.

    Raises:
        ValueError: the picture is not (28, 28) uint8, or the network has no such class.
    """
    target = _target(network, pixels, target)
    (_, dx), *_ = way_back(network, pixels, np.eye(network.num_classes)[target])
    gradient = pixel_gradient(network, dx)
    return Saliency(target, gradient, pixels / np.float32(255) * gradient)


def strongest_units(network: MLP, pixels: Array, target: int | None = None, count: int = 8) -> list[Units]:
    """For each hidden layer, the `count` units with the largest contributions to a class's logit.

    The contribution of unit i is a_i · d logit / d a_i: its activation times how fast the logit rises with it. In the
    last hidden layer that is exactly its term a_i · W[i, target] of the sum, so the contributions of all its units and
    the bias add up to the logit. In an earlier layer it is what would go with the unit if all that follows were
    linear. For relu, leaky_relu and identity the contributions of a layer add up to the logit but for what the biases
    of later layers add; for the bent activations they need not. A unit that raises every logit alike is large here too,
    although softmax ignores it.

    pixels: (28, 28) uint8; target: by default the answered class. No hidden layer: an empty list.

    Raises:
        ValueError: the picture is not (28, 28) uint8, the network has no such class, or count is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, got {count!r}")
    target = _target(network, pixels, target)
    found = []
    for a, da in way_back(network, pixels, np.eye(network.num_classes)[target])[1:]:
        contributions = a * da
        numbers = np.argsort(-np.abs(contributions), kind="stable")
        first, others = numbers[:count], numbers[count:]
        found.append(Units(first, a[first], contributions[first], float(contributions[others].sum())))
    return found


@np.errstate(all="ignore")  # the weights of a diverged run
def way_back(network: MLP, pixels: Array, dlogits: Array) -> list[tuple[Array, Array]]:
    """A picture's way through the network, and a gradient's way back, in arrays of its own and without dropout.

    pixels: (28, 28) uint8, dlogits: (K,) -> (a, da) of the scaled input and of each hidden layer, (units,) each.
    `MLP.backward` would need a copy of the network, and keeps no da.
    """
    x = np.empty((1, pixels.size), network.dtype)
    values = [network.input_scaling(pixels[np.newaxis], out=x)]
    hidden = network.linears[:-1]
    bends = [ACTIVATIONS[network.activation]() for _ in hidden]
    for linear, bend in zip(hidden, bends, strict=True):
        values.append(bend.forward(values[-1] @ linear.W + linear.b))
    gradients = [dlogits.astype(network.dtype)[np.newaxis] @ network.linears[-1].W.T]
    for linear, bend in zip(reversed(hidden), reversed(bends), strict=True):
        gradients.append(bend.backward(gradients[-1]) @ linear.W.T)
    return [(a[0], da[0]) for a, da in zip(values, reversed(gradients), strict=True)]


@np.errstate(all="ignore")
def pixel_gradient(network: MLP, dx: Array) -> Array:
    """dx: (784,) on the scaled input -> (28, 28) on pixels from 0 to 1. x = (255 p - offset) · factor"""
    return np.asarray(dx * (255 * network.input_scaling.factor), dx.dtype).reshape(SIDE, SIDE)


def checked_pixels(pixels: Array) -> Array:
    """The picture, if it is one.

    Raises:
        ValueError: it is not (28, 28) uint8.
    """
    kind = getattr(pixels, "dtype", type(pixels).__name__)
    if kind != np.uint8 or pixels.shape != (SIDE, SIDE):
        raise ValueError(f"pixels must be (28, 28) uint8, got {np.shape(pixels)} {kind}")
    return pixels


def checked_class(setting: str, value: int, network: MLP) -> int:
    """The number of a class of this network.

    Raises:
        ValueError: it is none.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number < network.num_classes:
        raise ValueError(f"{setting} must be a class in 0..{network.num_classes - 1}, got {value!r}")
    return number


def _target(network: MLP, pixels: Array, target: int | None) -> int:
    checked_pixels(pixels)
    if target is None:
        return int(network.predict_logits(pixels[np.newaxis])[0].argmax())
    return checked_class("target", target, network)
