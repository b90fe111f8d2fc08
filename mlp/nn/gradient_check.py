"""The gradient check: backward's answer compared with what nudging each parameter does to the loss."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from mlp.nn.layer import Array
from mlp.nn.losses import LOSSES
from mlp.nn.network import MLP, one_of

TOLERANCE = 1e-6
# Below, rounding hides every mistake; above, the curve of the loss looks like one.
SMALLEST_EPSILON, LARGEST_EPSILON = 1e-9, 1e-2


@dataclass(frozen=True)
class GradientCheck:
    """The entry of one parameter array where backward and the central difference disagree most."""

    largest_relative_error: float
    position: tuple[int, ...]
    analytic: float
    numeric: float
    entries_checked: int

    def __str__(self) -> str:
        return (
            f"relative error {self.largest_relative_error:.1e} at {self.position}: "
            f"backward says {self.analytic:.9g}, the central difference {self.numeric:.9g} "
            f"(largest of {self.entries_checked:,} entries)"
        )


def gradient_check(
    network: MLP,
    x: Array,
    labels: Array,
    *,
    loss: str = "cross_entropy",
    epsilon: float = 1e-6,
    max_entries_per_array: int | None = None,
    rng: np.random.Generator | None = None,
) -> dict[str, GradientCheck]:
    """Compare backward with the central difference (L(w + ε) - L(w - ε)) / 2ε -> the worst of each array.

    x: (N, D), labels: (N,) -> {"0.weight": GradientCheck, …}. With max_entries_per_array, that many entries of each
    array are drawn from `rng` (default: seed 0). With the default epsilon a right backward stays below TOLERANCE, 1e-6.

    The error of an entry is |a - n| / max(|a| + |n|, floor). In float64 the loss is rounded at about 1e-16 of itself
    (or of 1), so the central difference cannot tell gradients apart by less than 1e-16 L / ε; the floor is that over
    TOLERANCE, so that rounding alone stays below it, and true zeros pass.

    The check is about smooth functions. Where a nudge carries a unit of ReLU or leaky ReLU over its kink at 0, the
    central difference is a mean of both slopes, and neither side is wrong: a smaller epsilon or another x tells.

    A float32 network is checked as a float64 copy; a float64 network in place, its parameters and gradient restored
    exactly, but a step under way must start again from forward.

    Raises:
        ValueError: the loss is unknown, x or labels do not fit the network, epsilon is not in [1e-9, 1e-2], or
            max_entries_per_array is neither None nor a whole number from 1.
    """
    loss_function = LOSSES[one_of("loss", loss, LOSSES)]
    _check_settings(epsilon, max_entries_per_array)
    if network.dtype != np.float64:
        network = network.copy(dtype=np.float64)
    rng = np.random.default_rng(0) if rng is None else rng
    x = np.asarray(x)
    parameters, gradient = network.parameters.copy(), network.gradient.copy()
    try:
        value, dlogits = loss_function(network.forward(x), labels)
        network.backward(dlogits)
        floor = 4 * np.finfo(np.float64).eps * max(abs(value), 1.0) / epsilon / TOLERANCE
        gradients = {name: array.copy() for name, array in network.gradients().items()}
        checks = {}
        for name, W in network.state_dict().items():
            entries = np.arange(W.size)
            if max_entries_per_array is not None and max_entries_per_array < W.size:
                entries = np.sort(rng.choice(W.size, max_entries_per_array, replace=False))
            analytic, numeric = gradients[name].ravel()[entries], np.empty(len(entries))
            w = W.reshape(-1)
            for i, entry in enumerate(entries):
                before = w[entry]
                w[entry] = before + epsilon
                above = loss_function(network.forward(x), labels)[0]
                w[entry] = before - epsilon
                below = loss_function(network.forward(x), labels)[0]
                w[entry] = before
                numeric[i] = (above - below) / (2 * epsilon)
            errors = np.abs(analytic - numeric) / np.maximum(np.abs(analytic) + np.abs(numeric), floor)
            worst = int(np.argmax(errors))  # nan counts as the largest
            checks[name] = GradientCheck(
                largest_relative_error=float(errors[worst]),
                position=tuple(int(i) for i in np.unravel_index(entries[worst], W.shape)),
                analytic=float(analytic[worst]),
                numeric=float(numeric[worst]),
                entries_checked=len(entries),
            )
        return checks
    finally:
        network.parameters[...], network.gradient[...] = parameters, gradient


def _check_settings(epsilon: Any, max_entries_per_array: Any) -> None:
    number = isinstance(epsilon, Real) and not isinstance(epsilon, bool)
    if not (number and SMALLEST_EPSILON <= epsilon <= LARGEST_EPSILON):
        raise ValueError(f"epsilon must be in [{SMALLEST_EPSILON:g}, {LARGEST_EPSILON:g}], got {epsilon!r}")
    if max_entries_per_array is None:
        return
    try:
        right = operator.index(max_entries_per_array) >= 1 and not isinstance(max_entries_per_array, bool)
    except TypeError:
        right = False
    if not right:
        raise ValueError(f"max_entries_per_array must be None or a whole number from 1, got {max_entries_per_array!r}")
