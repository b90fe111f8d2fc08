"""One training step taken apart: every array that it computes, in the order in which the engine computes it.

The engine's own layers, loss, clipping and optimizer do the work, on a copy of the network, so the numbers are those
of `Trainer.step()` to the last bit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlp.data import epoch_order
from mlp.data.randomness import Stream, generator
from mlp.nn import (
    LOSSES,
    MLP,
    Dropout,
    Linear,
    Softmax,
    build_optimizer,
    clip_gradient_norm,
    cross_entropy,
    cross_entropy_on_probabilities,
    softmax,
)
from mlp.training import Trainer
from mlp.training.trainer import SUSPICIOUS_LOSS

Array = NDArray[Any]
Kind = Literal[
    "input", "linear", "activation", "dropout", "softmax", "loss",  # forward
    "dlogits", "dW", "db", "dinput", "ddropout", "dactivation",  # back
    "clip", "update", "after",  # the step itself
]  # fmt: skip

MOST_DIGITS = 1024  # of a walk: more would be neither seen nor quick
ALL_LAYERS = -1


@dataclass(frozen=True)
class StepSettings:
    """How a step is made of a gradient; `learning_rate` is that of the step, after its schedule."""

    loss: str
    optimizer: str
    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 0.0
    gradient_clip: float | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """Digits that a step may take. pixels: (N, 784) uint8, x: (N, 784) scaled, labels: (N,).

    `whole`: whether these are all the digits of the run's own step, so that its update is the run's.
    """

    pixels: NDArray[np.uint8]
    x: Array
    labels: NDArray[np.int64]
    whole: bool


@dataclass(frozen=True, eq=False)
class Stage:
    """One thing that the step computes.

    `key` is its name in letters: "z1", "a1", "h1" (after dropout), "logits", "p", "loss", "dlogits", "dW2", "db2", …,
    "clip", "update", "after". `layer` counts the linear layers from 0; ALL_LAYERS belongs to none. `value` is what the
    engine returned, a copy; for "loss" and "after" (1,), for "clip" and "update" all parameters, (P,).
    """

    key: str
    kind: Kind
    layer: int
    value: Array


@dataclass(frozen=True, eq=False)
class Walk:
    """A training step in stages.

    network: as it was before the step, with the gradient of the batch before clipping.
    inputs: what each linear layer read, (N, D); outputs: what came out of it, (N, K); d_outputs: the gradient there.
    clipped: (P,) the gradient that the optimizer was given. after: (P,) the parameters after the update.
    stopped: why there is no update, or "".
    """

    stages: tuple[Stage, ...]
    network: MLP
    batch: Batch
    settings: StepSettings
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    d_outputs: tuple[Array, ...]
    probabilities: Array
    loss: float
    gradient_norm: float
    clipped: Array | None
    after: Array | None
    loss_after: float
    probabilities_after: Array | None
    masks: np.random.Generator | None
    stopped: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all stages in order."""
        return tuple(stage.key for stage in self.stages)

    @property
    def num_digits(self) -> int:
        """N."""
        return len(self.batch.labels)

    @property
    def dropout(self) -> bool:
        """Whether units fall silent at random in this network."""
        return any(isinstance(layer, Dropout) for layer in self.network.layers)

    def stage(self, key: str) -> Stage:
        """The stage of that name; where this walk has none, its last one."""
        return next((stage for stage in self.stages if stage.key == key), self.stages[-1])

    def of_true_class(self, probabilities: Array) -> Array:
        """(N, K) -> (N,): p(true class) of each digit."""
        return np.asarray(probabilities[np.arange(self.num_digits), self.batch.labels])


@dataclass(frozen=True, eq=False)
class Sum:
    """One number of the walk as the sum that makes it: left · right, term by term, plus the bias where there is one.

    left, right: (n,); value: what the engine computed, which adds up in another order and in its own precision.
    """

    left: Array
    right: Array
    bias: float | None
    value: float

    @property
    def terms(self) -> NDArray[np.float64]:
        """(n,) the products, in float64."""
        return self.left.astype(np.float64) * self.right

    @property
    def total(self) -> float:
        """All of it, in float64."""
        return float(self.terms.sum() + (self.bias or 0.0))

    def strongest(self, count: int) -> NDArray[np.intp]:
        """Positions of the terms of largest absolute value, largest first."""
        return np.argsort(-np.abs(self.terms), kind="stable")[:count]


# -- what a step is made of


def settings_of(trainer: Trainer, step: int) -> StepSettings:
    """How the trainer makes the step after `step` steps."""
    config = trainer.config
    return StepSettings(
        loss=config.loss,
        optimizer=config.optimizer,
        learning_rate=trainer.learning_rate_at(step),
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        gradient_clip=config.gradient_clip,
    )


def coming_batch(trainer: Trainer, step: int, limit: int = MOST_DIGITS) -> Batch:
    """The digits of the step after `step` steps, at most `limit` of them, in arrays of their own.

    The order and the augmentation follow from the seed and the step, so a moment of the past has its true batch too.
    """
    epoch, number = divmod(step, trainer.steps_per_epoch)
    start = number * trainer.batch_size
    positions = epoch_order(len(trainer.dataset.train), trainer.config.seed, epoch)[start : start + trainer.batch_size]
    # Augmentation draws for a whole chunk at once, so the chunk is made and then cut.
    chunk = positions[: trainer.chunk_size]
    batcher = trainer.new_batcher(len(chunk))
    x, labels = batcher.batch(chunk, step)
    count = min(limit, len(chunk))
    return Batch(batcher.pixels[:count].copy(), x[:count].copy(), labels[:count], count == len(positions))


def one_digit(network: MLP, pixels: NDArray[np.uint8], label: int) -> Batch:
    """A batch of a single digit. pixels: 784 values of any shape, uint8."""
    row = np.ascontiguousarray(pixels, np.uint8).reshape(1, -1)
    x = network.input_scaling(row, out=np.empty(row.shape, network.dtype))
    return Batch(row, x, np.array([label]), whole=False)


def dropout_masks(trainer: Trainer, step: int) -> np.random.Generator:
    """What the dropout masks of the step after `step` steps are drawn from."""
    return generator(trainer.config.seed, Stream.DROPOUT, step)


# -- the step


@np.errstate(all="ignore")  # a lost run shows inf and nan, and says so
def walk_step(
    network: MLP,
    batch: Batch,
    settings: StepSettings,
    *,
    memory: Mapping[str, Array | int] | None = None,
    masks: np.random.Generator | None = None,
) -> Walk:
    """Takes one step on a copy of the network and keeps all that it computes.

    memory: the optimizer's state before the step, `Optimizer.state()`; None is a fresh optimizer. masks: the generator
    of the dropout masks, left as it is; the loss after the step is taken with the very same masks.

    As the trainer does, it makes no update from a loss or a gradient that is not finite; the walk ends there.

    Raises ValueError when x, labels or the optimizer's state do not fit the network.
    """
    start = network.copy()
    start.gradient[:] = 0
    moved = start.copy()
    stages = [Stage("x", "input", ALL_LAYERS, batch.x)]
    logits, inputs, outputs = _forward(moved, batch.x, masks, stages)
    probabilities = softmax(logits)
    if settings.loss == "cross_entropy":
        stages.append(Stage("p", "softmax", len(moved.linears) - 1, probabilities))
    loss_function = LOSSES[settings.loss]
    loss, dlogits = loss_function(logits, batch.labels)
    stages.append(Stage("loss", "loss", ALL_LAYERS, np.array([loss])))
    found: dict[str, Any] = {
        "network": start,
        "batch": batch,
        "settings": settings,
        "inputs": inputs,
        "outputs": outputs,
        "probabilities": probabilities,
        "loss": loss,
        "masks": masks,
    }
    nothing: dict[str, Any] = {"clipped": None, "after": None, "loss_after": np.nan, "probabilities_after": None}
    if not isfinite(loss):
        stopped = "The loss is not a finite number, so a trainer stops here: there is no gradient to go on with."
        return Walk(tuple(stages), **found, **nothing, d_outputs=(), gradient_norm=np.nan, stopped=stopped)

    d_outputs = _backward(moved, dlogits, stages)
    start.gradient[:] = moved.gradient
    norm = float(np.linalg.norm(moved.gradient.astype(np.float64)))
    limit = settings.gradient_clip
    looked_at = limit is not None or loss > SUSPICIOUS_LOSS
    if looked_at:
        clip_gradient_norm(moved, limit or inf)
    if limit is not None:
        stages.append(Stage("clip", "clip", ALL_LAYERS, moved.gradient.copy()))
    if looked_at and not isfinite(norm):
        stopped = "The gradient is not finite, so there is no update: a trainer stops here."
        return Walk(tuple(stages), **found, **nothing, d_outputs=d_outputs, gradient_norm=norm, stopped=stopped)

    optimizer = build_optimizer(
        settings.optimizer,
        moved,
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    if memory is not None:
        optimizer.load_state(dict(memory))
    clipped = moved.gradient.copy()
    optimizer.step()
    stages.append(Stage("update", "update", ALL_LAYERS, moved.parameters - start.parameters))
    logits_after, _, _ = _forward(moved, batch.x, masks)
    loss_after = loss_function(logits_after, batch.labels)[0]
    stages.append(Stage("after", "after", ALL_LAYERS, np.array([loss_after])))
    return Walk(
        tuple(stages),
        **found,
        d_outputs=d_outputs,
        gradient_norm=norm,
        clipped=clipped,
        after=moved.parameters.copy(),
        loss_after=loss_after,
        probabilities_after=softmax(logits_after),
    )


def loss_at(walk: Walk, network: MLP) -> float:
    """The loss of the walk's batch, with the walk's dropout masks, for a network of the same shape."""
    logits, _, _ = _forward(network, walk.batch.x, walk.masks)
    return LOSSES[walk.settings.loss](logits, walk.batch.labels)[0]


def two_ways_to_dlogits(walk: Walk) -> tuple[Array, Array, Array]:
    """p, dlogits by softmax and cross-entropy as one, and dlogits by one after the other: all (N, K) float64.

    The last is inf or nan where a probability underflows to 0.
    """
    logits, labels = walk.stage("logits").value.astype(np.float64), walk.batch.labels
    layer = Softmax()
    p = layer.forward(logits)
    with np.errstate(all="ignore"):
        apart = layer.backward(cross_entropy_on_probabilities(p, labels)[1])
    return p, cross_entropy(logits, labels)[1], apart


def _forward(
    network: MLP, x: Array, masks: np.random.Generator | None, stages: list[Stage] | None = None
) -> tuple[Array, tuple[Array, ...], tuple[Array, ...]]:
    """x: (N, D) -> logits, and what each linear layer read and gave; a stage for each layer of the network."""
    if masks is not None:
        network.dropout_rng = copy.deepcopy(masks)
    value, number = x, -1
    inputs: list[Array] = []
    outputs: list[Array] = []
    for layer in network.layers:
        if isinstance(layer, Dropout):
            layer.training = masks is not None
        if isinstance(layer, Linear):
            number += 1
            inputs.append(value if stages is None or not number else stages[-1].value)
        value = layer.forward(value)
        if stages is None:
            continue
        kept = value.copy()  # the layer's own array is overwritten by the next forward
        if isinstance(layer, Linear):
            outputs.append(kept)
            last = layer is network.linears[-1]
            stages.append(Stage("logits" if last else f"z{number + 1}", "linear", number, kept))
        elif isinstance(layer, Dropout):
            stages.append(Stage(f"h{number + 1}", "dropout", number, kept))
        else:
            stages.append(Stage(f"a{number + 1}", "activation", number, kept))
    return value, tuple(inputs), tuple(outputs)


def _backward(network: MLP, dlogits: Array, stages: list[Stage]) -> tuple[Array, ...]:
    """As `MLP.backward`, with a stage for all that it computes. Returns the gradient at each linear layer's output."""
    d: Any = dlogits.astype(network.dtype, copy=False)
    number = len(network.linears) - 1
    stages.append(Stage("dlogits", "dlogits", number, d.copy()))
    gradients = network.gradients()
    d_outputs = [stages[-1].value]
    dropout = any(isinstance(layer, Dropout) for layer in network.layers)
    for layer in reversed(network.layers):
        if isinstance(layer, Linear):
            d = layer.backward(d, input_gradient=layer is not network.linears[0])
            stages.append(Stage(f"dW{number + 1}", "dW", number, gradients[f"{number}.weight"].copy()))
            stages.append(Stage(f"db{number + 1}", "db", number, gradients[f"{number}.bias"].copy()))
            number -= 1
            if d is not None:
                stages.append(Stage(f"d{'h' if dropout else 'a'}{number + 1}", "dinput", number + 1, d.copy()))
            continue
        d = layer.backward(d)
        if isinstance(layer, Dropout):
            stages.append(Stage(f"da{number + 1}", "ddropout", number, d.copy()))
        else:
            stages.append(Stage(f"dz{number + 1}", "dactivation", number, d.copy()))
            d_outputs.insert(0, stages[-1].value)
    return tuple(d_outputs)


# -- one number of it


def written_out(walk: Walk, stage: Stage, row: int, column: int) -> Sum | None:
    """One entry of a stage as the sum that makes it, or None where it is no sum.

    row, column: the place in the stage's own array: digit and unit of z, logits and da; input and unit of dW; a bias
    has its unit in `column`. Raises IndexError for a place outside.
    """
    if stage.kind not in ("linear", "dW", "db", "dinput"):
        return None
    linear = walk.network.linears[stage.layer]
    read, d = walk.inputs[stage.layer], walk.d_outputs[stage.layer] if walk.d_outputs else None
    if stage.kind == "linear":
        bias = float(linear.b[column])
        return Sum(read[row], linear.W[:, column], bias, float(stage.value[row, column]))
    if d is None:
        return None
    if stage.kind == "dW":
        return Sum(read[:, row], d[:, column], None, float(stage.value[row, column]))
    if stage.kind == "db":
        return Sum(np.ones(len(d), d.dtype), d[:, column], None, float(stage.value[column]))
    return Sum(d[row], linear.W[column], None, float(stage.value[row, column]))
