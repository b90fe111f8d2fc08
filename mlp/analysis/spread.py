"""How weights and gradients spread: percentiles over the run, histograms at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.nn import LOSSES, MLP
from mlp.training.snapshots import Snapshot

Array = NDArray[Any]

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)
# Larger arrays are judged by an even sample of about this many values: at the 5th percentile that is off by a
# quarter of a percentage point of rank, which no band shows.
SAMPLE = 20_000


def percentile_bands(moments: Iterable[Array], percentiles: Sequence[float] = PERCENTILES) -> NDArray[np.float64]:
    """The percentiles of an array at each moment: (moments, percentiles); NaN where it holds no finite number."""
    rows = [_percentiles(np.asarray(values).ravel(), percentiles) for values in moments]
    return np.array(rows, np.float64).reshape(len(rows), len(percentiles))


def weight_bands(
    network: MLP, snapshots: Iterable[Snapshot], percentiles: Sequence[float] = PERCENTILES
) -> dict[str, NDArray[np.float64]]:
    """The percentiles of all weights and biases at each snapshot, under the keys of `network.state_dict()`.

    Each is (snapshots, percentiles). The network tells the shapes; it is left as it is.
    """
    twin = network.copy()
    arrays = twin.state_dict()
    rows: dict[str, list[NDArray[np.float64]]] = {key: [] for key in arrays}
    for snapshot in snapshots:
        np.copyto(twin.parameters, snapshot.parameters)
        for key, array in arrays.items():
            rows[key].append(_percentiles(array.ravel(), percentiles))
    return {key: np.array(found).reshape(len(found), len(percentiles)) for key, found in rows.items()}


def histogram_limits(*arrays: Array) -> tuple[float, float]:
    """Limits (-m, m) that hold every finite value of all arrays: with them, histograms are comparable.

    Zero then stands in the middle of an odd number of bins. (-1, 1) if there is nothing but zeros or no finite number.
    """
    m = 0.0
    for values in arrays:
        finite = _finite(values)
        m = max(m, float(np.abs(finite).max(initial=0.0)))
    return (-m, m) if m > 0 else (-1.0, 1.0)


def histogram(
    values: Array, bins: int = 61, limits: tuple[float, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How many values fall in each of equal bins: edges (bins + 1,), counts (bins,).

    Without limits they are `histogram_limits(values)`. Values that are not finite or outside the limits are not
    counted; limits of no width are given some.
    """
    low, high = histogram_limits(values) if limits is None else limits
    if not high > low:
        width = max(abs(low), 1.0) / 2
        low, high = low - width, high + width
    counts, edges = np.histogram(_finite(values).astype(np.float64, copy=False), bins=bins, range=(low, high))
    return edges, counts.astype(np.int64, copy=False)


def gradient_at(network: MLP, x: Array, labels: Array, loss: str = "cross_entropy") -> dict[str, Array]:
    """The gradient of the loss on a batch at the network's present weights, under the keys of `gradients()`.

    x: (N, 784) or (N, 28, 28) uint8, labels: (N,). Without dropout, weight decay and clipping. It is worked out on a
    copy, so a training under way is not disturbed; for a past moment, copy a snapshot's parameters into one first.

    Raises ValueError as `MLP.forward` and the losses do.
    """
    twin = network.copy()
    _, dlogits = LOSSES[loss](twin.forward(x), labels)
    twin.backward(dlogits)
    return twin.gradients()


def _percentiles(values: Array, percentiles: Sequence[float]) -> NDArray[np.float64]:
    """values: (n,) -> (percentiles,)"""
    sample = _finite(values[:: max(1, len(values) // SAMPLE)])
    if sample.size == 0:
        return np.full(len(percentiles), np.nan)
    return np.percentile(sample, percentiles).astype(np.float64)


def _finite(values: Array) -> Array:
    """(n,) the finite ones among the values."""
    flat = np.asarray(values).ravel()
    finite = np.isfinite(flat)
    return flat if finite.all() else flat[finite]
