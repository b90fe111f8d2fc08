"""Faults put into a copy of a network on purpose, and where the gradient check says they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlp.nn import MLP, GradientCheck, Layer, Linear, gradient_check

Array = NDArray[Any]
BugName = Literal["mask", "mean", "transpose", "sign", "bias"]

WRONG = 1e-4  # relative error from which on an array counts as wrong; a right one stays below 1e-6
CHECK_DIGITS = 4
MOST_ENTRIES = 40
WORK = 400_000_000  # parameters read in one check: what is not to be waited for long


@dataclass(frozen=True)
class Bug:
    """A fault in the backward pass. `layer` counts the linear layers from 0; the loss comes after the last one."""

    name: BugName
    layer: int


@dataclass(frozen=True)
class Verdict:
    """What the numbers of a check say: the place of the fault, None when all is right. `wrong`: the arrays."""

    layer: int | None
    wrong: tuple[str, ...]


class _Whole(Layer):
    """In place of an activation: backward lets everything through, as if its slope were 1 everywhere."""

    def __init__(self, activation: Layer) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Array) -> Array:
        return self.activation.forward(x)

    def backward(self, dy: Array) -> Array:
        return dy


class _Summed(Layer):
    """Behind the logits: the gradient of the sum over the digits, while the loss is their mean."""

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy * len(dy)


class _Transposed(Linear):
    """dW = dyᵀ x, pressed into the shape of W: each number is right, and stands in the wrong place."""

    def backward(self, dy: Array, **options: Any) -> Any:
        dx = super().backward(dy, **options)
        self.dW[...] = (dy.T @ self._x).reshape(self.dW.shape)
        return dx


class _Flipped(Linear):
    """dW and db point downhill already, so that the update climbs."""

    def backward(self, dy: Array, **options: Any) -> Any:
        dx = super().backward(dy, **options)
        self.dW *= -1
        self.db *= -1
        return dx


class _FirstOnly(Linear):
    """db is that of the first digit alone: the sum over the batch was forgotten."""

    def backward(self, dy: Array, **options: Any) -> Any:
        dx = super().backward(dy, **options)
        self.db[...] = dy[0]
        return dx


_LINEAR = {"transpose": _Transposed, "sign": _Flipped, "bias": _FirstOnly}


def possible_bugs(network: MLP) -> list[Bug]:
    """The faults that can be told in this network. Without an activation no mask can be dropped."""
    last = len(network.linears)
    found = [Bug(name, layer) for name in ("transpose", "sign", "bias") for layer in range(last)]
    if network.activation != "identity":
        found += [Bug("mask", layer) for layer in range(last - 1)]
    return [*found, Bug("mean", last)]


def with_bug(network: MLP, bug: Bug) -> MLP:
    """A float64 copy with the fault in its layers; the network itself and its classes stay as they are.

    Raises ValueError when the network has no such place.
    """
    if bug not in possible_bugs(network):
        raise ValueError(f"this network has no place for {bug}")
    twin = network.copy(dtype=np.float64)
    if bug.name == "mean":
        twin.layers.append(_Summed())
        return twin
    linear = twin.linears[bug.layer]
    place = twin.layers.index(linear)
    if bug.name == "mask":
        twin.layers[place + 1] = _Whole(twin.layers[place + 1])
        return twin
    broken = _LINEAR[bug.name](linear.W, linear.b, linear.dW, linear.db)
    twin.layers[place] = twin.linears[bug.layer] = broken
    return twin


def entries_per_array(network: MLP) -> int:
    """How many entries of each array one check may nudge without a long wait: fewer in a large network."""
    arrays = 2 * len(network.linears)
    return int(np.clip(WORK // (2 * arrays * network.num_parameters), 4, MOST_ENTRIES))


def check(network: MLP, x: Array, labels: NDArray[np.int64], *, loss: str, seed: int = 0) -> dict[str, GradientCheck]:
    """The gradient check on a sample of each array. x: (N, D), labels: (N,). Raises as `gradient_check` does.

    Dropout does not act in it: a loss that is drawn anew each time has no derivative.
    """
    return gradient_check(
        network,
        np.asarray(x, np.float64),
        labels,
        loss=loss,
        max_entries_per_array=entries_per_array(network),
        rng=np.random.default_rng(seed),
    )


def verdict(checks: dict[str, GradientCheck], digits: int) -> Verdict:
    """Where the fault lies: gradients flow from the loss to the first layer, so the wrong array next to the loss tells.

    All arrays wrong by one and the same factor, the number of digits, point at the loss itself.
    """
    wrong = tuple(name for name, found in checks.items() if not found.largest_relative_error <= WRONG)
    if not wrong:
        return Verdict(None, ())
    last = max(int(name.split(".")[0]) for name in wrong)
    factors = [checks[name].analytic / checks[name].numeric for name in wrong if checks[name].numeric]
    by_factor = digits > 1 and len(wrong) == len(checks) and np.allclose(factors, digits, rtol=1e-3)
    return Verdict(last + 1 if by_factor else last, wrong)
