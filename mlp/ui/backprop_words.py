"""What is said at each stage of a walk: its title, its formula with the shapes under the letters, and why it is so."""

from __future__ import annotations

from dataclasses import dataclass

from mlp.analysis.walk import Stage, Walk
from mlp.ui import names
from mlp.viz import layer_labels
from mlp.viz.graph import letters

GRADIENT = "the gradient of the loss with respect to"


@dataclass(frozen=True)
class StageWords:
    """title: "hidden 1: the weighted sums"; part: which way the walk goes; formulas: KaTeX, a line each."""

    title: str
    part: str
    formulas: tuple[str, ...]
    why: str


def symbol(key: str) -> str:
    """A stage's key in KaTeX: "a1" is "a_{1}", "dW2" the same with an upright d."""
    if key in ("logits", "dlogits"):
        return r"\text{logits}" if key == "logits" else r"\mathrm{d}\text{logits}"
    if key in ("x", "p"):
        return key
    if key.startswith("d"):
        return rf"\mathrm{{d}}{symbol(key[1:])}"
    return f"{key[0]}_{{{key[1:]}}}"


def over(text: str, *shape: int) -> str:
    """A symbol with its shape under it."""
    sizes = r" \times ".join(map(whole, shape))
    return rf"\underbrace{{{text}}}_{{{sizes}}}"


def whole(number: int) -> str:
    """A whole number in KaTeX, which would set a space after a bare comma."""
    return f"{number:,}".replace(",", "{,}")


def decimal(value: float, figures: int) -> str:
    """A number in KaTeX: 4e-11 is 4 times ten to the power of -11."""
    mantissa, _, exponent = f"{value:.{figures}g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def say(walk: Walk, stage: Stage) -> StageWords:
    """The words of a stage."""
    return _FORWARD.get(stage.kind, _backward)(walk, stage)


def place(walk: Walk, stage: Stage) -> str:
    """Where a stage is, in a few words: "back, hidden 1"."""
    part = say(walk, stage).part
    return part if stage.layer < 0 else f"{part}, {_layer(walk, stage)}"


def plain(key: str) -> str:
    """A stage's key as it is written in a line of text: "dW₂"."""
    return letters(key)


def _layer(walk: Walk, stage: Stage) -> str:
    """Which layer a stage belongs to; the gradient at the input of a layer belongs to the one before."""
    labels = layer_labels(len(walk.network.linears))
    return labels[stage.layer - (stage.kind == "dinput")]


def read_by(walk: Walk, layer: int) -> str:
    """The key of what a linear layer reads."""
    return "x" if layer == 0 else f"{'h' if walk.dropout else 'a'}{layer}"


def made_by(walk: Walk, layer: int) -> str:
    """The key of what a linear layer gives."""
    return "logits" if layer == len(walk.network.linears) - 1 else f"z{layer + 1}"


def _input(walk: Walk, stage: Stage) -> StageWords:
    N, D = stage.value.shape
    return StageWords(
        "the input: pixels as numbers",
        "forward",
        (rf"{over('x', N, D)} = (\text{{pixels}} - \text{{offset}}) \cdot \text{{factor}}",),
        "A picture becomes a row of numbers of moderate size, because every later number, and every gradient of the "
        "first layer, is in proportion to them.",
    )


def _linear(walk: Walk, stage: Stage) -> StageWords:
    layer, (N, K) = stage.layer, stage.value.shape
    D = walk.inputs[layer].shape[1]
    out, read = symbol(made_by(walk, layer)), symbol(read_by(walk, layer))
    last = stage.key == "logits"
    W, b = over(f"W_{{{layer + 1}}}", D, K), over(f"b_{{{layer + 1}}}", K)
    return StageWords(
        f"{_layer(walk, stage)}: " + ("the logits, one score for each class" if last else "the weighted sums"),
        "forward",
        (rf"{over(out, N, K)} = {over(read, N, D)}\,{W} + {b}",),
        f"Each of the {K:,} units adds up all {D:,} numbers that it reads, each times a weight of its own, plus its "
        "bias: " + ("its score for one class." if last else "how well the picture fits what the unit looks for."),
    )


_ACTIVATION = {
    "relu": (r"f(z) = \max(z, 0)", r"f'(z) = 1 \text{ where } z > 0, \text{ else } 0"),
    "leaky_relu": (r"f(z) = \max(z,\ 0.01\,z)", r"f'(z) = 1 \text{ where } z > 0, \text{ else } 0.01"),
    "elu": (
        r"f(z) = z \text{ where } z > 0, \text{ else } e^z - 1",
        r"f'(z) = 1 \text{ where } z > 0, \text{ else } e^z",
    ),
    "gelu": (
        r"f(z) = \tfrac{1}{2}\, z\, (1 + t), \quad t = \tanh u",
        r"f'(z) = \tfrac{1}{2} \left(1 + t + z\,(1 - t^2)\,u'\right)",
    ),
    "tanh": (r"f(z) = \tanh z", r"f'(z) = 1 - \tanh^2 z = 1 - a^2"),
    "sigmoid": (r"f(z) = \frac{1}{1 + e^{-z}}", r"f'(z) = a\,(1 - a)"),
    "identity": (r"f(z) = z", r"f'(z) = 1"),
}
_GELU_INSIDE = r"u = \sqrt{2/\pi}\,\left(z + 0.044715\,z^3\right)"


def _activation(walk: Walk, stage: Stage) -> StageWords:
    name, shape = walk.network.activation, stage.value.shape
    number = stage.layer + 1
    lines = [rf"{over(f'a_{{{number}}}', *shape)} = f({over(f'z_{{{number}}}', *shape)})", _ACTIVATION[name][0]]
    if name == "gelu":
        lines.append(_GELU_INSIDE)
    return StageWords(
        f"{_layer(walk, stage)}: {names.choice(name)}",
        "forward",
        tuple(lines),
        "Identity changes nothing: without a bend, all layers together are no more than a single one."
        if name == "identity"
        else "A bend for each number on its own: without it, all layers together would be no more than a single one.",
    )


def _dropout(walk: Walk, stage: Stage) -> StageWords:
    shape, number = stage.value.shape, stage.layer + 1
    return StageWords(
        f"{_layer(walk, stage)}: dropout",
        "forward",
        (
            rf"{over(f'h_{{{number}}}', *shape)} = {over(f'a_{{{number}}}', *shape)} \odot "
            rf"\frac{{m}}{{1 - q}}",
            r"m = 0 \text{ with probability } q, \text{ else } 1",
        ),
        "Units fall silent at random, so that none can be relied upon alone; the masks are those that the run itself "
        "draws for this step, and the loss after the update is taken with the same ones.",
    )


def _softmax(walk: Walk, stage: Stage) -> StageWords:
    return StageWords(
        "softmax: scores become probabilities",
        "forward",
        (
            rf"{over('p', *stage.value.shape)}:\quad "
            r"p_{nk} = \frac{e^{\,\text{logits}_{nk}}}{\sum_{j} e^{\,\text{logits}_{nj}}}",
        ),
        "Made positive by the exponential and divided by their sum, the scores of a digit become shares that add up "
        "to 1.",
    )


def _loss(walk: Walk, stage: Stage) -> StageWords:
    N = walk.num_digits
    if walk.settings.loss == "cross_entropy":
        formulas: tuple[str, ...] = (rf"L = -\frac{{1}}{{{whole(N)}}} \sum_{{n=1}}^{{{whole(N)}}} \log p_{{n,\,t_n}}",)
        why = (
            "For each digit the loss is minus the logarithm of the probability that its true class $t_n$ was given: 0 "
            "for certainty, and more and more the less it was expected; the loss of the batch is their mean."
        )
    else:
        K = walk.network.num_classes
        formulas = (
            rf"L = \frac{{1}}{{{whole(N)} \cdot {K}}} \sum_{{n,k}} \left(\text{{logits}}_{{nk}} - y_{{nk}}\right)^2",
            r"y_{nk} = 1 \text{ for the true class, else } 0",
        )
        why = (
            "The outputs should be 1 for the true class, 0 for the others; the loss is the mean of the squared misses."
        )
    return StageWords("the loss: one number for all that is wrong", "forward", formulas, why)


def _dlogits(walk: Walk, stage: Stage) -> StageWords:
    shape = N, K = stage.value.shape
    d = over(symbol("dlogits"), N, K)
    if walk.settings.loss == "cross_entropy":
        formula = rf"{d} = \frac{{1}}{{{whole(N)}}} \left({over('p', *shape)} - {over('y', *shape)}\right)"
        why = (
            "Softmax and logarithm undo each other on the way back: each score is asked to move by how far its "
            "probability is from the truth, and dividing by the number of digits makes it a mean."
        )
    else:
        miss = rf"{over(symbol('logits'), *shape)} - {over('y', *shape)}"
        formula = rf"{d} = \frac{{2}}{{{whole(N)} \cdot {K}}} \left({miss}\right)"
        why = "The slope of a square is twice the miss: each output is asked to move by how far it is off."
    return StageWords(f"back at the logits: {GRADIENT} them", "back", (formula,), why)


def _backward(walk: Walk, stage: Stage) -> StageWords:
    layer, linears = stage.layer, walk.network.linears
    name = _layer(walk, stage)
    d, shape = symbol(stage.key), stage.value.shape
    if stage.kind == "dinput":
        D, K = linears[layer].W.shape
        dz = over(symbol("d" + made_by(walk, layer)), walk.num_digits, K)
        return StageWords(
            f"{name}: {GRADIENT} its output",
            "back",
            (rf"{over(d, walk.num_digits, D)} = {dz}\,{over(f'W_{{{layer + 1}}}^T', K, D)}",),
            "A unit is to blame for all that it was used for: what each unit of the next layer is asked to do comes "
            "back over the very weight that it went out by.",
        )
    if stage.kind == "dW":
        D, K = linears[layer].W.shape
        read = over(symbol(read_by(walk, layer)) + "^T", D, walk.num_digits)
        dz = over(symbol("d" + made_by(walk, layer)), walk.num_digits, K)
        return StageWords(
            f"{name}: {GRADIENT} its weights",
            "back",
            (rf"{over(d, D, K)} = {read}\,{dz}",),
            "A weight's share in the mistake is what it read times what its unit is asked to do, added up over the "
            "digits: a weight that read 0 has no share.",
        )
    if stage.kind == "db":
        dz = symbol("d" + made_by(walk, layer))
        return StageWords(
            f"{name}: {GRADIENT} its biases",
            "back",
            (rf"{over(d, *shape)} = \sum_{{n=1}}^{{{walk.num_digits}}} {over(f'{dz}[n]', *shape)}",),
            "A bias is added to every digit alike, so it is asked to do the sum of what all digits ask.",
        )
    number = layer + 1
    if stage.kind == "ddropout":
        formula = rf"{over(d, *shape)} = {over(symbol(f'dh{number}'), *shape)} \odot \frac{{m}}{{1 - q}}"
        why = "What was silent on the way forward had no part in the loss: the same mask lets nothing back to it."
        return StageWords(f"{name}: back through dropout", "back", (formula,), why)
    activation = walk.network.activation
    slope = over(rf"f'(z_{{{number}}})", *shape)
    lines = [
        rf"{over(d, *shape)} = {over(symbol(f'da{number}'), *shape)} \odot {slope}",
        _ACTIVATION[activation][1],
    ]
    if activation == "gelu":
        lines += [r"t = \tanh u, \quad " + _GELU_INSIDE]
    return StageWords(
        f"{name}: back through {names.choice(activation)}",
        "back",
        tuple(lines),
        "How much a nudge of the sum would show behind the bend: the gradient is multiplied by the slope, number by "
        "number, and where the slope is 0 nothing goes further.",
    )


def _clip(walk: Walk, stage: Stage) -> StageWords:
    limit = walk.settings.gradient_clip or 0.0
    return StageWords(
        "clipping: no longer a step than allowed",
        "update",
        (rf"g \leftarrow g \cdot \min\!\left(1, \frac{{{limit:g}}}{{\lVert g \rVert}}\right)",),
        "All gradients together are one arrow; if it is longer than allowed it is shortened, and points where it did.",
    )


_RULES = {
    "sgd": (r"\theta \leftarrow \theta - \eta\, g",),
    "momentum": (r"v \leftarrow \mu\, v + g", r"\theta \leftarrow \theta - \eta\, v"),
    "nesterov": (r"v \leftarrow \mu\, v + g", r"\theta \leftarrow \theta - \eta\, (g + \mu\, v)"),
    "rmsprop": (
        r"v \leftarrow \alpha\, v + (1 - \alpha)\, g^2",
        r"\theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{v} + \varepsilon}",
    ),
    "adagrad": (r"G \leftarrow G + g^2", r"\theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{G} + \varepsilon}"),
    "adam": (
        r"m \leftarrow \beta_1 m + (1 - \beta_1)\, g",
        r"v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2",
        r"\theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}",
    ),
}
_RULES["adamw"] = _RULES["adam"]


def _update(walk: Walk, stage: Stage) -> StageWords:
    settings, P = walk.settings, walk.network.num_parameters
    lines = list(_RULES[settings.optimizer])
    if settings.weight_decay:
        decay = (
            r"\theta \leftarrow (1 - \eta\lambda)\, \theta"
            if settings.optimizer == "adamw"
            else r"g \leftarrow g + \lambda\, \theta"
        )
        lines.insert(0, decay)
    theta, g = over(r"\theta", P), over("g", P)
    lines += [rf"{theta}:\ \text{{all }} W, b \qquad {g}:\ \text{{all }} \mathrm{{d}}W, \mathrm{{d}}b"]
    values = rf"\eta = {decimal(settings.learning_rate, 4)}"
    if settings.optimizer in ("momentum", "nesterov"):
        values += rf", \quad \mu = {settings.momentum:g}"
    if settings.weight_decay:
        values += rf", \quad \lambda = {decimal(settings.weight_decay, 6)}"
    return StageWords(
        f"the update: {names.choice(settings.optimizer)}",
        "update",
        (*lines, values),
        "The gradient points to where the loss rises, so every weight takes a small step the other way; how small is "
        "the learning rate η.",
    )


def _after(walk: Walk, stage: Stage) -> StageWords:
    return StageWords(
        "after the step: the same digits once more",
        "update",
        (rf"L(\theta) = {decimal(walk.loss, 5)}", rf"L(\theta^{{\prime}}) = {decimal(walk.loss_after, 5)}"),
        "The same digits, with the new weights: the loss has fallen if the step was short enough for the slope to "
        "still be true at its end.",
    )


_FORWARD = {
    "input": _input,
    "linear": _linear,
    "activation": _activation,
    "dropout": _dropout,
    "softmax": _softmax,
    "loss": _loss,
    "dlogits": _dlogits,
    "clip": _clip,
    "update": _update,
    "after": _after,
}
