"""What is wrong with a run, in plain words: rules over its measurements, each with its evidence and one thing to try.

A rule is a function from a `Run` to a `Finding`, or None when all is well or there is too little to judge by.
The thresholds were set on some sixty trained runs, so that the healthy ones among them raise nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.nn import MLP
from mlp.training import History, RunConfig, TrainingDivergedError
from mlp.training.probes import LayerProbes

Array = NDArray[Any]

# Enough to judge by.
MIN_PROBES = 5
MIN_STEPS = 20
MIN_STEPS_TOO_LOW = 100
MIN_STEPS_NOTHING = 300
MIN_EPOCHS = 5
RECENT = 0.2  # "recent" is this last part of the run

# When to speak.
EXPLODING_NORM = 100.0  # of the gradient of all weights; in healthy runs the recent median stays below 5
EXPLODING_RATIO = 100.0  # first to last layer
LOSS_JUMP = 3.0  # times the loss of guessing, over JUMP_STEPS steps
JUMP_STEPS = 10
JUMP_HEALED = 0.25  # of the loss of guessing: below that a jump has done no harm
RATIO_TOO_HIGH = 0.1  # runs that learn well have their medians between 0.0003 and 0.01, and hardly a step above 0.05
RATIO_TOO_LOW = 3e-5
DEAD_SHARE = 0.5
SATURATED_SHARE = 0.7
COPIES = 0.01  # of their size; units that began at random differ by more than half of it, copies by rounding alone
VANISHING_RATIO = 0.01
NOTHING_LEARNT = 0.98  # of the loss of guessing
HALF_LEARNT = 0.5  # of the loss of guessing: below that a slow run may simply be done
VALIDATION_RISE = 1.1
GAP_FACTOR = 5.0
GAP_SHARE = 0.1  # of the loss of guessing
GAP_ANSWERS = 0.005  # what is known by heart is answered right; a single outlier can make any loss large

CS231N = "Karpathy, CS231n notes, “Neural Networks Part 3: Learning and Evaluation”"
LARGE_STD = 0.15  # of normal weights: He's for 100 inputs is √(2/100) = 0.14
USUAL_RATE = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.01}  # the others: 0.001


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what, how one sees it, what to try, and by which rule."""

    kind: str
    title: str
    evidence: str
    advice: str
    remedy: dict[str, Any]
    threshold: str
    source: str


@dataclass(frozen=True, eq=False)
class Run:
    """What the rules look at."""

    config: RunConfig
    history: History
    probes: LayerProbes
    steps_per_epoch: int
    diverged: TrainingDivergedError | None = None
    network: MLP | None = None

    @property
    def steps(self) -> int:
        """How many steps were trained."""
        return self.history.steps.count

    @property
    def can_judge_layers(self) -> bool:
        """Whether there are probes enough to speak about layers."""
        return len(self.probes.steps) >= MIN_PROBES and self.steps >= MIN_STEPS

    @cached_property
    def losses(self) -> Array:
        """(rows,) of the mini-batches, as float64; the loss of a step that overflowed is inf."""
        return np.nan_to_num(self.history.steps.column("loss").astype(np.float64), nan=np.inf, posinf=np.inf)

    @cached_property
    def recent_loss(self) -> float:
        """The median over the last tenth of the steps, at least 20 of them; NaN before the first."""
        return _median(self.losses[-max(MIN_STEPS, len(self.losses) // 10) :])

    @property
    def guessing(self) -> float:
        """The loss of the best answer that ignores the digit: 1/K for each of the K classes.

        Cross-entropy: ln K. Mean squared error: the variance of a one-hot label, (K - 1) / K².
        """
        K = len(self.config.classes or range(10))
        return math.log(K) if self.config.loss == "cross_entropy" else (K - 1) / K**2

    @property
    def guessing_words(self) -> str:
        """`guessing` for a sentence: "2.3, the loss of guessing"."""
        formula = "ln K" if self.config.loss == "cross_entropy" else "(K - 1)/K²"
        return f"{self.guessing:.3g}, the loss of guessing ({formula})"

    def recent(self, measure: Array) -> Array:
        """measure: (layers, probes) -> (layers, recent probes), at least MIN_PROBES of them if there are."""
        steps = self.probes.steps
        if len(steps) == 0:
            return measure
        first = int(np.searchsorted(steps, steps[-1] * (1 - RECENT), side="right"))
        return measure[:, min(first, max(0, len(steps) - MIN_PROBES)) :]

    @cached_property
    def relative_gradient(self) -> Array:
        """(layers, probes): ‖dW‖ / ‖W‖, the share by which a step at learning rate 1 would change the weights.

        Norms alone cannot be compared between layers, for a larger matrix has the larger norm. This ratio can, and it
        is what decides how fast a layer learns under SGD.
        """
        with np.errstate(all="ignore"):
            return self.probes.weight_gradient / self.probes.weight_norm

    @cached_property
    def first_to_last(self) -> float:
        """The first layer's relative gradient over the last one's, median of the recent probes; NaN if unknown."""
        relative = self.recent(self.relative_gradient)
        with np.errstate(all="ignore"):
            return _median(relative[0] / relative[-1])

    @cached_property
    def fastest_update(self) -> float:
        """The update:weight ratio of the layer that moves most, median of the recent probes; NaN if unknown."""
        return _largest([_median(row) for row in self.recent(self.probes.update_ratio)])


def diagnose(
    config: RunConfig,
    history: History,
    probes: LayerProbes,
    *,
    steps_per_epoch: int,
    diverged: TrainingDivergedError | None = None,
    network: MLP | None = None,
) -> list[Finding]:
    """What is wrong with a run, the most serious first; empty when all is well or there is too little to judge by.

    Whether units are copies of one another is seen by the weights alone: it is judged where there is a `network`.
    """
    run = Run(config, history, probes, steps_per_epoch, diverged, network)
    # While units are copies, all else that the layers show has this one cause.
    rules = (not_finite, zero_weights) if zero_weights(run) else RULES
    found = [finding for rule in rules if (finding := rule(run))]
    if not found:  # these two describe a run that stands still for no other reason
        found = [finding for rule in (rate_too_low, nothing_learnt) if (finding := rule(run))][:1]
    return found + [finding for finding in [overfitting(run)] if finding]


def not_finite(run: Run) -> Finding | None:
    """The trainer stopped at a number that is no longer finite."""
    error = run.diverged
    if error is None:
        return None
    loss = f" after a loss of {_number(run.history.steps.last('loss'))} at the step before" if run.steps else ""
    return Finding(
        kind="diverged",
        title="The training has diverged",
        evidence=f"At step {error.step:,} {error.place} ceased to be a finite number{loss}.",
        advice=_advice(error.remedy),
        remedy=error.remedy,
        threshold="Named when a loss, weight or gradient is infinite or not a number.",
        source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 8.2.4",
    )


def zero_weights(run: Run) -> Finding | None:
    """Hidden layers that began at zero: their units are copies of one another.

    They are for as long as nothing but rounding tells them apart: in float32 that may grow until they do separate.
    """
    if run.network is None or run.steps == 0:
        return None
    hidden = run.network.linears[:-1]
    spreads = [_spread(np.vstack([linear.W, linear.b])) for linear in hidden]
    layer = next((layer for layer, spread in enumerate(spreads) if spread < COPIES), None)
    if layer is None:
        return None
    largest = _largest(run.probes.weight_gradient[:-1].ravel())
    if run.config.activation == "sigmoid" or hidden[layer].W.any():
        why = "all units of a layer give the same output and get the same gradient, so they stay one unit, copied"
    else:
        why = "all hidden outputs are 0 and no gradient passes the zero weights, so only the output biases learn"
    measured = "" if math.isnan(largest) else f", and the largest weight gradient of a hidden layer is {largest:.3g}"
    return Finding(
        kind="zero_weights",
        title="Zero weights: the hidden units cannot become different",
        evidence=f"After {run.steps:,} steps the loss is {_number(run.recent_loss)}, the units of hidden "
        f"layer {layer + 1} differ by {spreads[layer]:.2g} of the size of their weights{measured}: {why}.",
        advice="Start from random weights, for only chance breaks the symmetry between the units.",
        remedy={"weight_init": _fitting_init(run.config.activation)},
        threshold=f"Named when the weights into the units of a hidden layer differ by less than {_percent(COPIES)} of "
        "their size.",
        source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 8.4",
    )


def exploding(run: Run) -> Finding | None:
    """A gradient that is long, or that grows on its way back."""
    if not run.can_judge_layers:
        return None
    with np.errstate(all="ignore"):
        norm = _median(np.sqrt(np.sum(run.recent(run.probes.weight_gradient) ** 2, axis=0)))
    ratio = run.first_to_last
    if norm > EXPLODING_NORM:
        evidence = f"The gradient of all weights has a norm of {_number(norm)}, median of the recent probes."
    elif ratio > EXPLODING_RATIO and math.isfinite(ratio):
        evidence = f"Relative to its weights, the first layer's gradient is {ratio:.3g} times that of the last."
    else:
        return None
    remedy = _calmer(run.config)
    return Finding(
        kind="exploding",
        title="The gradient explodes",
        evidence=evidence,
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named when that norm is above {EXPLODING_NORM:g}, or that ratio above {EXPLODING_RATIO:g}.",
        source="Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks (2013), "
        "arXiv:1211.5063",
    )


def rate_too_high(run: Run) -> Finding | None:
    """Steps so long that the loss jumps up, or that a layer loses a tenth of its weights' length at each."""
    if run.steps < MIN_STEPS:
        return None
    peak, row = _highest_mean(run.losses, JUMP_STEPS)
    step = run.history.steps.steps()[row]
    start = float(run.losses[0])
    jumped = peak > LOSS_JUMP * max(start, run.guessing) and not run.recent_loss < JUMP_HEALED * run.guessing
    update = run.fastest_update
    title = "The learning rate is too high"
    if jumped:
        title = "The loss explodes: the learning rate is too high"
        evidence = (
            f"The loss rose from {_number(start)} at the first step to {_number(peak)} around step {step:,} and is now "
            f"{_number(run.recent_loss)}."
        )
    elif run.steps >= MIN_STEPS_TOO_LOW and len(run.probes.steps) >= MIN_PROBES and update > RATIO_TOO_HIGH:
        evidence = f"A step changes the fastest layer by {update:.3g} of the length of its weights."
    else:
        return None
    remedy = _calmer(run.config)
    return Finding(
        kind="learning_rate_high",
        title=title,
        evidence=evidence,
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named when the loss, mean of {JUMP_STEPS} steps, rises above {LOSS_JUMP:g} times that of the first "
        f"step and of guessing and does not recover, or the update:weight ratio is above {RATIO_TOO_HIGH:g} "
        "(rule of thumb: a thousandth).",
        source=CS231N,
    )


def dead_units(run: Run) -> Finding | None:
    """Units that are 0 for every digit: no gradient passes them, so they do not come back."""
    if not run.can_judge_layers:
        return None
    layer, share = _worst_layer(run.recent(run.probes.dead))
    if not share >= DEAD_SHARE:
        return None
    config = run.config
    remedy = _calmer(config)
    if "gradient_clip" in remedy:  # neither scaling nor learning rate is to blame
        good_init = config.weight_init == "he_normal"
        remedy = {"activation": "leaky_relu"} if good_init else {"weight_init": "he_normal"}
        if config.activation == "leaky_relu":
            remedy = {"activation": "elu"}
    return Finding(
        kind="dead_units",
        title="Many units are dead",
        evidence=f"In hidden layer {layer + 1}, {_percent(share)} of the units are 0 for every training digit "
        "that they were probed with, median of the recent probes.",
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named from {_percent(DEAD_SHARE)} of the units of a hidden layer.",
        source="Karpathy, CS231n notes, “Neural Networks Part 1”; Lu et al., Dying ReLU and Initialization (2019), "
        "arXiv:1903.06733",
    )


def saturated_units(run: Run) -> Finding | None:
    """Activations in the flat parts of tanh or sigmoid, where the slope is nearly 0."""
    if not run.can_judge_layers:
        return None
    layer, share = _worst_layer(run.recent(run.probes.saturated))
    if not share >= SATURATED_SHARE:
        return None
    config = run.config
    fitting = _fitting_init(config.activation)
    remedy = _calmer(config)
    if "gradient_clip" in remedy:
        remedy = {"weight_init": fitting} if config.weight_init != fitting else {"activation": "relu"}
    return Finding(
        kind="saturated_units",
        title="Most activations are saturated",
        evidence=f"In hidden layer {layer + 1}, {_percent(share)} of the activations lie in the flat parts of "
        f"{config.activation}, median of the recent probes.",
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named from {_percent(SATURATED_SHARE)} of a hidden layer's activations: tanh beyond ±0.97, sigmoid "
        "below 0.03 or above 0.97.",
        source="Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010)",
    )


def vanishing(run: Run) -> Finding | None:
    """A gradient that fades from the last layer to the first."""
    if not run.can_judge_layers or not run.config.hidden_layers:
        return None
    ratio = run.first_to_last
    if not ratio < VANISHING_RATIO:
        return None
    config = run.config
    if config.activation in ("sigmoid", "tanh"):
        remedy: dict[str, Any] = {"activation": "relu", "weight_init": "he_normal"}
    elif config.weight_init not in ("he_normal", "he_uniform"):
        remedy = {"weight_init": "he_normal"}
    elif len(config.hidden_layers) > 2:
        remedy = {"hidden_layers": config.hidden_layers[:2]}
    else:
        remedy = {"activation": "elu" if config.activation != "elu" else "relu"}
    return Finding(
        kind="vanishing",
        title="The gradient vanishes on its way back",
        evidence=f"Relative to its weights, the first layer's gradient is {ratio:.3g} times that of the last, median "
        "of the recent probes.",
        advice=_advice(remedy),
        remedy=remedy,
        threshold="Named when the length of the gradient over that of the weights, ‖dW‖/‖W‖, is in the first layer "
        f"below {VANISHING_RATIO:g} times that in the last.",
        source="Hochreiter (1991); Glorot and Bengio, Understanding the difficulty of training deep feedforward neural "
        "networks (2010)",
    )


def rate_too_low(run: Run) -> Finding | None:
    """Steps too short to arrive anywhere, while there is still much to learn."""
    warm = run.config.warmup_epochs * run.steps_per_epoch
    if len(run.probes.steps) < MIN_PROBES or run.steps < MIN_STEPS_TOO_LOW + warm:
        return None
    update = run.fastest_update
    if not (0 < update < RATIO_TOO_LOW and run.recent_loss > HALF_LEARNT * run.guessing):
        return None
    config, usual = run.config, _usual_rate(run.config)
    if config.learning_rate < usual:
        remedy: dict[str, Any] = {"learning_rate": usual}
    elif config.schedule != "constant":
        remedy = {"schedule": "constant"}
    else:
        remedy = {"learning_rate": min(10.0, 10 * config.learning_rate)}
    return Finding(
        kind="learning_rate_low",
        title="The learning rate is too low",
        evidence=f"A step changes even the fastest layer by only {update:.3g} of the length of its weights, and the "
        f"loss is still {_number(run.recent_loss)} after {run.steps:,} steps.",
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named when the update:weight ratio is below {RATIO_TOO_LOW:.5f} in all layers (rule of thumb: "
        f"a thousandth) and the loss above half of {run.guessing_words}.",
        source=CS231N,
    )


def nothing_learnt(run: Run) -> Finding | None:
    """A loss no better than that of guessing, and no other rule knows why."""
    if run.steps < MIN_STEPS_NOTHING or not run.recent_loss > NOTHING_LEARNT * run.guessing:
        return None
    remedy = _plainer(run.config)
    return Finding(
        kind="nothing_learnt",
        title="The network learns nothing",
        evidence=f"After {run.steps:,} steps the loss is {_number(run.recent_loss)}, against {run.guessing_words}.",
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named when the loss is above {NOTHING_LEARNT:g} times {run.guessing_words}, after "
        f"{MIN_STEPS_NOTHING} steps.",
        source=CS231N,
    )


def overfitting(run: Run) -> Finding | None:
    """Better and better on the training digits, not on others: the gap, and where it is going."""
    measured = [record for record in run.history.epochs if math.isfinite(record.validation_loss)]
    if len(measured) < MIN_EPOCHS:
        return None
    train = np.array([record.train_loss for record in measured])
    validation = np.convolve([record.validation_loss for record in measured], np.full(3, 1 / 3), mode="valid")
    best = int(validation.argmin())
    now, learnt = float(validation[-1]), float(train[-3:].mean())
    rises = now > VALIDATION_RISE * validation[best] and learnt < train[best : best + 3].mean() and now > 2 * learnt
    gap = now > GAP_FACTOR * learnt and now - learnt > GAP_SHARE * run.guessing
    knows = np.mean([record.train_accuracy - record.validation_accuracy for record in measured[-3:]]) > GAP_ANSWERS
    if not (knows and (rises or gap)):
        return None
    trend = f", up from {_number(validation[best])} at epoch {measured[best + 1].epoch}" if rises else ""
    remedy = _regularized(run.config)
    return Finding(
        kind="overfitting",
        title="The network learns its training digits by heart",
        evidence=f"The loss is {_number(learnt)} on the training digits but {_number(now)} on the validation "
        f"digits{trend} (means of three epochs).",
        advice=_advice(remedy),
        remedy=remedy,
        threshold=f"Named after {MIN_EPOCHS} epochs when the validation loss is {_percent(VALIDATION_RISE - 1)} above "
        f"its best and twice the training loss, which still falls, or {GAP_FACTOR:g} times the training loss and above "
        f"it by {_percent(GAP_SHARE)} of the loss of guessing; and {_percent(GAP_ANSWERS)} more of the training digits "
        "are answered right.",
        source="Prechelt, Early Stopping – But When? (1998)",
    )


RULES: Sequence[Callable[[Run], Finding | None]] = (
    not_finite,
    exploding,
    rate_too_high,
    dead_units,
    saturated_units,
    vanishing,
)

# -- what to try


def _calmer(config: RunConfig) -> dict[str, Any]:
    """What makes signals or steps smaller, the likeliest culprit first."""
    if config.input_scaling == "none":
        return {"input_scaling": "unit"}
    if config.weight_init == "normal" and config.weight_init_std > LARGE_STD and config.hidden_layers:
        return {"weight_init": _fitting_init(config.activation)}
    if config.learning_rate > _usual_rate(config):
        return {"learning_rate": _usual_rate(config)}
    if config.gradient_clip is None or config.gradient_clip > 1:
        return {"gradient_clip": 1.0}
    return {"learning_rate": config.learning_rate / 10}


def _plainer(config: RunConfig) -> dict[str, Any]:
    """What keeps a network from learning anything, taken away, the likeliest culprit first."""
    if config.label_noise > 0:
        return {"label_noise": 0.0}
    if config.weight_decay > 0:
        return {"weight_decay": 0.0}
    if config.dropout > 0:
        return {"dropout": 0.0}
    if config.activation in ("sigmoid", "tanh"):
        return {"activation": "relu", "weight_init": "he_normal"}
    if config.optimizer != "adam":
        return {"optimizer": "adam", "learning_rate": 0.001}
    return {"hidden_layers": (100,)} if config.hidden_layers != (100,) else {"hidden_layers": ()}


def _regularized(config: RunConfig) -> dict[str, Any]:
    """What keeps a network from learning by heart: more digits where there are, else a handicap."""
    if config.train_size is not None:
        return {"train_size": None}
    if config.hidden_layers and config.dropout == 0:
        return {"dropout": 0.3}
    return {"weight_decay": min(1.0, max(1e-4, 10 * config.weight_decay))}


def _usual_rate(config: RunConfig) -> float:
    return USUAL_RATE.get(config.optimizer, 0.001)


def _fitting_init(activation: str) -> str:
    return "glorot_normal" if activation in ("tanh", "sigmoid", "identity") else "he_normal"


def _advice(remedy: dict[str, Any]) -> str:
    """A remedy as one sentence."""
    parts = [_SENTENCES[name](value) for name, value in remedy.items() if name in _SENTENCES]
    joined = ", and ".join([*parts[:1], *(part[0].lower() + part[1:] for part in parts[1:])])
    return f"{joined or 'Try other settings'}."


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "activation": lambda name: f"Use {name.replace('_', ' ')} units, whose slope does not fade",
    "dropout": lambda p: f"Silence {_percent(p)} of the hidden units at random in each step" if p else "Drop no units",
    "gradient_clip": lambda norm: f"Limit the norm of the gradient to {norm:g}",
    "hidden_layers": lambda sizes: (
        f"Try the hidden layers {'-'.join(map(str, sizes))}" if sizes else "Try no hidden layer"
    ),
    "input_scaling": lambda _: "Scale the pixels to [0, 1] before they enter",
    "label_noise": lambda _: "Train on the true labels",
    "learning_rate": lambda rate: f"Try a learning rate of {rate:g}",
    "optimizer": lambda name: f"Let {name.capitalize()} choose the length of each weight's step",
    "schedule": lambda _: "Keep the learning rate constant",
    "train_size": lambda _: "Train on all the digits there are",
    "weight_decay": lambda decay: f"Set the weight decay to {decay:g}",
    "weight_init": lambda name: (
        f"Start from {name.replace('_', ' ').capitalize()} weights, which keep the size of signals from layer to layer"
    ),
}


# -- numbers


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _finite(values: Array) -> Array:
    return values[np.isfinite(values)]


def _median(values: Array) -> float:
    """(n,) -> the median of the finite ones, NaN if there are none."""
    finite = _finite(values)
    return float(np.median(finite)) if finite.size else math.nan


def _largest(values: Sequence[float] | Array) -> float:
    """(n,) -> the largest of the finite ones, NaN if there are none."""
    finite = _finite(np.asarray(values, np.float64))
    return float(finite.max()) if finite.size else math.nan


@np.errstate(all="ignore")  # the weights of a diverged run may be too large to square
def _spread(units: Array) -> float:
    """(D, units) -> how far the columns lie from their mean, as a share of their size; NaN for a single one."""
    if units.shape[1] < 2:
        return math.nan
    size = np.linalg.norm(units)
    return float(np.linalg.norm(units - units.mean(axis=1, keepdims=True)) / size) if size else 0.0


def _worst_layer(shares: Array) -> tuple[int, float]:
    """shares: (layers, probes) -> the layer with the largest median, and that median; NaN if nothing was measured."""
    medians = np.array([_median(row) for row in shares])
    if not np.isfinite(medians).any():
        return 0, math.nan
    layer = int(np.nanargmax(medians))
    return layer, float(medians[layer])


def _highest_mean(values: Array, width: int) -> tuple[float, int]:
    """values: (n,), n >= width -> the largest mean of `width` in a row, and the position of its middle."""
    means = np.convolve(values, np.full(width, 1 / width), mode="valid")
    peak = int(np.nan_to_num(means, nan=np.inf).argmax())
    return float(means[peak]), peak + width // 2


def _number(value: float) -> str:
    """Three digits of a loss or a length, but 19,600 and not 1.96e+04."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
