"""What single units look for, and what the network would be without one of them.

`layer` counts linear layers from 0, so the last one is the output layer, whose units are the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

from mlp.nn import ACTIVATIONS, MLP

Array: TypeAlias = NDArray[Any]
LayerValues: TypeAlias = list[tuple[Array, Array]]
"""(z, a) of each linear layer, as `MLP.layer_values` gives them."""

Order = Literal["norm", "similarity", "class"]

# Turning the branches of the tree so that neighbours are alike takes time with the cube of the units.
MOST_TURNED = 256


@dataclass(frozen=True, eq=False)
class UnitPassport:
    """One unit and the digits it was tested on.

    most, least: (count,) positions of the digits that excite it most and least, the extreme ones first, by its input
    z: a silent relu unit tells by z which digits it is furthest from. `most_inputs` and `least_inputs` are z there.
    class_means: (K,) its mean output on the digits of each class, NaN for a class without digits.
    `accuracy_without` is the share of right answers with its output held at 0, `accuracy` that of the whole network.

    In the output layer the outputs are probabilities, and a silenced unit is a class that is never answered.
    """

    layer: int
    unit: int
    most: NDArray[np.int64]
    least: NDArray[np.int64]
    most_inputs: Array
    least_inputs: Array
    class_means: NDArray[np.float64]
    accuracy: float
    accuracy_without: float


@np.errstate(over="ignore")  # the weights of a diverged run may be too large to square
def unit_order(network: MLP, by: Order = "norm", layer: int = 0) -> NDArray[np.int64]:
    """An order of the units of a layer: a permutation (units,).

    "norm": the longest weight vector first. "similarity": units with weights of like direction side by side.
    "class": by the class that `spoken_class` finds, within a class the strongest first.

    Raises ValueError for another `by` or a layer that the network has not.
    """
    W = network.linears[_checked_layer(network, layer)].W
    if by == "norm":
        return np.argsort(-np.linalg.norm(W, axis=0), kind="stable")
    if by == "similarity":
        return _similarity_order(W)
    if by == "class":
        classes, strengths = spoken_class(network, layer)
        return np.lexsort((-strengths, classes))
    raise ValueError(f"by must be one of norm, similarity, class, got {by!r}")


def spoken_class(network: MLP, layer: int) -> tuple[NDArray[np.int64], Array]:
    """The class that each unit of a layer speaks for, and how strongly: both (units,).

    Its effect on the logits is E = W₊₁ W₊₂ …: (units, K), the product of the later weight matrices; the class is the
    largest of its row, the strength how far it stands above the row's mean, for softmax ignores what is added to all
    logits alike. This is the linear view: the bends of the activations between are left out.
    """
    effect = np.eye(network.linears[_checked_layer(network, layer)].W.shape[1])
    for linear in network.linears[layer + 1 :]:
        effect = effect @ linear.W
    return effect.argmax(axis=1), effect.max(axis=1) - effect.mean(axis=1)


def input_patterns(network: MLP, layer: int) -> Array:
    """Each unit's pattern on the pixels: (units, 784).

    In layer 0 these are its weights, W[:, j]. Deeper units are projected back by the product of the weight matrices,
    (W₀ W₁ … W)[:, j]: what the unit would look for if all layers were linear. It leaves out the biases and the
    activations, so a deep relu unit may well answer to digits that its pattern does not show.

    Raises ValueError for a layer that the network has not.
    """
    _checked_layer(network, layer)
    pattern = network.linears[layer].W
    for linear in reversed(network.linears[:layer]):
        pattern = linear.W @ pattern
    return pattern.T.copy()


def passport(
    network: MLP,
    layer: int,
    unit: int,
    images: Array,
    labels: Array,
    num_classes: int,
    count: int = 9,
    values: LayerValues | None = None,
) -> UnitPassport:
    """What excites one unit, whom it knows, and whether it is missed.

    images: (N, 28, 28) uint8 or (N, 784), labels: (N,). Most of the time goes into `network.layer_values` of the
    images: for several units of one moment, work it out once and hand it over as `values`.

    Raises ValueError for a layer or unit that the network has not.
    """
    units = network.linears[_checked_layer(network, layer)].W.shape[1]
    if not 0 <= unit < units:
        raise ValueError(f"unit must be in 0..{units - 1} in layer {layer}, got {unit!r}")
    values = network.layer_values(images) if values is None else values
    logits = values[-1][0]
    z, a = (array[:, unit] for array in values[layer])
    order = np.argsort(z, kind="stable")
    least, most = order[:count], order[::-1][:count]
    sizes = np.bincount(labels, minlength=num_classes)
    with np.errstate(invalid="ignore"):  # a class without digits: 0 / 0
        class_means = np.bincount(labels, weights=a, minlength=num_classes) / sizes
    return UnitPassport(
        layer=layer,
        unit=unit,
        most=most,
        least=least,
        most_inputs=z[most],
        least_inputs=z[least],
        class_means=class_means,
        accuracy=_accuracy(logits, labels),
        accuracy_without=_accuracy(logits_without(network, layer, unit, values), labels),
    )


def logits_without(network: MLP, layer: int, unit: int, values: LayerValues) -> Array:
    """The logits with one unit's output held at 0: (N, K). values: `network.layer_values` of the N digits.

    The next layer loses one term of its sums, z₊₁ - a[:, j] W₊₁[j], so nothing before it is worked out again; and
    digits on which the unit is silent anyway keep their logits. In the output layer the unit's logit becomes -inf.
    """
    logits = values[-1][0].copy()
    if layer == len(network.linears) - 1:
        logits[:, unit] = -np.inf
        return logits
    a = values[layer][1][:, unit]
    (rows,) = np.nonzero(a)
    following = network.linears[layer + 1]
    z = values[layer + 1][0][rows] - np.outer(a[rows], following.W[unit])
    bend = ACTIVATIONS[network.activation]()
    for linear in network.linears[layer + 2 :]:
        z = bend.forward(z) @ linear.W + linear.b
    logits[rows] = z
    return logits


def _similarity_order(W: Array) -> NDArray[np.int64]:
    """The leaves of a tree in which units with weights of like direction are close: W: (D, units) -> (units,)"""
    units = W.shape[1]
    if units < 3:
        return np.arange(units)
    lengths = np.linalg.norm(W, axis=0)
    directions = W / np.where(lengths > 0, lengths, 1)
    distance = np.clip(1 - directions.T @ directions, 0, 2).astype(np.float64)
    np.fill_diagonal(distance, 0)
    pairs = scipy.spatial.distance.squareform(distance, checks=False)
    clusters = scipy.cluster.hierarchy
    tree = clusters.linkage(pairs, method="average")
    if units <= MOST_TURNED:
        tree = clusters.optimal_leaf_ordering(tree, pairs)
    return clusters.leaves_list(tree).astype(np.int64)


def _accuracy(logits: Array, labels: Array) -> float:
    return float(np.mean(logits.argmax(axis=1) == labels)) if len(labels) else np.nan


def _checked_layer(network: MLP, layer: int) -> int:
    if not 0 <= layer < len(network.linears):
        raise ValueError(f"layer must be in 0..{len(network.linears) - 1}, got {layer!r}")
    return layer
