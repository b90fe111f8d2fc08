"""The numpy script: layers with a way forward and a way back, as in mlp/nn, in the fewest lines that are still clear.

What it computes is what the engine computes, operation by operation, so that the losses agree to the last bit.
"""

from __future__ import annotations

from itertools import pairwise

from mlp.data.randomness import Stream
from mlp.training.code import augmentation, data, training
from mlp.training.code.text import complete, fill, heading, listed, num_classes, page
from mlp.training.config import RunConfig

_LINEAR = '''
class Linear:
    """y = x W + b.   x: (N, D), W: (D, K), b: (K,), y: (N, K)"""

    def __init__(self, D, K):
        self.W = initial_weights(D, K).astype(DTYPE)
        self.b = np.zeros(K, DTYPE)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.db = dy.sum(axis=0)
        return dy @ self.W.T
'''

# Name of the class, formula, forward, backward: `keep` lines end with what backward needs.
_ACTIVATIONS = {
    "relu": (
        "ReLU",
        "y = max(x, 0)",
        ["self.y = np.maximum(x, 0)", "return self.y"],
        ["return dy * (self.y > 0)"],
    ),
    "leaky_relu": (
        "LeakyReLU",
        "y = max(x, 0.01 x)",
        ["self.y = np.maximum(x, 0.01 * x)", "return self.y"],
        ["return np.where(self.y > 0, dy, 0.01 * dy)"],
    ),
    "elu": (
        "ELU",
        "y = x where x > 0, else exp(x) - 1",
        ["self.y = np.maximum(x, np.expm1(np.minimum(x, 0)))", "return self.y"],
        ["return (np.minimum(self.y, 0) + 1) * dy"],
    ),
    "gelu": (
        "GELU",
        "y = x (1 + tanh(c (x + 0.044715 x^3))) / 2, c = sqrt(2 / pi)",
        [
            "c = math.sqrt(2 / math.pi)",
            "self.x, self.t = x, np.tanh((x * x * (c * 0.044715) + c) * x)",
            "return (self.t + 1) * x * 0.5",
        ],
        [
            "c, x, t = math.sqrt(2 / math.pi), self.x, self.t",
            "inner = (x * x * (3 * c * 0.044715) + c) * ((1 - t * t) * x)",
            "return (inner + t + 1) * 0.5 * dy",
        ],
    ),
    "tanh": ("Tanh", "y = tanh(x)", ["self.y = np.tanh(x)", "return self.y"], ["return (1 - self.y * self.y) * dy"]),
    "sigmoid": (
        "Sigmoid",
        "y = 1 / (1 + exp(-x))",
        ["self.y = 1 / (1 + np.exp(-x))", "return self.y"],
        ["return (1 - self.y) * self.y * dy"],
    ),
}

_DROPOUT = '''
class Dropout:
    """y = x m / (1 - p): in training each unit is silent with probability p."""

    rng = None  # of the masks m; None outside training

    def forward(self, x):
        if Dropout.rng is None:
            return x
        self.m = (Dropout.rng.random(x.shape, DTYPE) >= DROPOUT).astype(DTYPE) * (1 / (1 - DROPOUT))
        return x * self.m

    def backward(self, dy):
        return dy * self.m
'''

_PASSES = '''
def forward(x):
    """x: (N, 784) -> logits: (N, $K)"""
    for layer in layers:
        x = layer.forward(x)
    return x


def backward(dlogits):
    """dlogits: (N, $K) -> the gradients of all parameters, in their order"""
    for layer in reversed(layers):
        dlogits = layer.backward(dlogits)
    return [g for linear in linears for g in (linear.dW, linear.db)]
'''

_LOSSES = {
    "cross_entropy": '''
def cross_entropy(logits, labels):
    """The mean of -log softmax(logits)[label], and its gradient. In float64, as squares and
    exponentials leave the range of float32 early."""
    z = logits.astype(np.float64)
    z -= z.max(axis=1, keepdims=True)  # so that exp() cannot overflow
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = (np.log(total[:, 0]) - z[rows, labels]).mean()
    dlogits = p / total
    dlogits[rows, labels] -= 1
    return loss, (dlogits / len(labels)).astype(DTYPE)
''',
    "mean_squared_error": '''
def mean_squared_error(outputs, labels):
    """The mean of (output - 1 or 0)^2 over digits and classes, and its gradient. In float64, as
    squares leave the range of float32 early."""
    difference = outputs - np.eye($K)[labels]
    return (difference * difference).mean(), (difference * (2 / difference.size)).astype(DTYPE)
''',
}

_ACCURACY = '''
def accuracy(images, labels):
    """The share of right answers."""
    right = 0
    for first in range(0, len(labels), 1000):
        part = slice(first, first + 1000)
        right += np.sum(forward(prepare(images[part])).argmax(axis=1) == labels[part])
    return right / len(labels)
'''

_PARAMETERS = """
linears = [layer for layer in layers if isinstance(layer, Linear)]
parameters = [w for linear in linears for w in (linear.W, linear.b)]
"""

# What is remembered from step to step, the formula, and the lines of a loop over all parameters.
_OPTIMIZERS: dict[str, tuple[tuple[str, ...], str, list[str]]] = {
    "sgd": ((), "w <- w - rate g", ["w -= rate * g"]),
    "momentum": (("velocities",), "v <- momentum v + g, w <- w - rate v", ["v *= MOMENTUM", "v += g", "w -= rate * v"]),
    "nesterov": (
        ("velocities",),
        "v <- momentum v + g, w <- w - rate (g + momentum v)",
        ["v *= MOMENTUM", "v += g", "w -= rate * (MOMENTUM * v + g)"],
    ),
    "rmsprop": (
        ("squares",),
        "v: a moving average of g^2, w <- w - rate g / (sqrt(v) + 1e-8)",
        ["v *= 0.99", "v += (1 - 0.99) * (g * g)", "w -= rate * (g / (np.sqrt(v) + 1e-8))"],
    ),
    "adagrad": (
        ("squares",),
        "v: the sum of all g^2 so far, w <- w - rate g / (sqrt(v) + 1e-10)",
        ["v += g * g", "w -= rate * (g / (np.sqrt(v) + 1e-10))"],
    ),
    "adam": (
        ("means", "squares"),
        "m, v: moving averages of g and g^2, made up for their start at 0; t counts from 1",
        [
            "m *= 0.9",
            "m += (1 - 0.9) * g",
            "v *= 0.999",
            "v += (1 - 0.999) * (g * g)",
            "w -= rate * root / (1 - 0.9**t) * (m / (np.sqrt(v) + 1e-8 * root))",
        ],
    ),
}


def script(config: RunConfig) -> str:
    """The run in numpy; in scipy too where digits are bent."""
    return complete(
        heading(
            config,
            "numpy",
            training.packages(config, "numpy"),
            "Same digits, initial weights and batches as in the app, so the same losses.",
        ),
        training.IMPORTS,
        training.constants(config),
        data.STREAM,
        data.reading(config),
        data.preparing(config),
        augmentation.augmenting(config),
        training.initial_weights(config),
        _LINEAR,
        _activation(config),
        _DROPOUT if training.drops(config) else "",
        _layers(config),
        fill(_PASSES, K=num_classes(config)),
        fill(_LOSSES[config.loss], K=num_classes(config)),
        _ACCURACY,
        _optimizer(config),
        training.schedule(config),
        _loop(config),
    )


def _activation(config: RunConfig) -> str:
    if config.activation not in _ACTIVATIONS or not config.hidden_layers:
        return ""
    name, formula, forward, backward = _ACTIVATIONS[config.activation]
    lines = [
        f"class {name}:",
        f'    """{formula}"""',
        "",
        "    def forward(self, x):",
        *(f"        {line}" for line in forward),
        "",
        "    def backward(self, dy):",
        *(f"        {line}" for line in backward),
    ]
    return "\n".join(lines)


def _layers(config: RunConfig) -> str:
    sizes = [784, *config.hidden_layers, num_classes(config)]
    after = [f"{_ACTIVATIONS[config.activation][0]}()"] if config.activation in _ACTIVATIONS else []
    after += ["Dropout()"] if training.drops(config) else []
    parts: list[str] = []
    for D, K in pairwise(sizes):
        parts += [f"Linear({D}, {K})", *after]
    parts = parts[: len(parts) - len(after)]  # the logits are linear
    return page(listed("layers = ", *parts) + "\n" + _PARAMETERS.strip())


def _optimizer(config: RunConfig) -> str:
    name = "adam" if config.optimizer == "adamw" else config.optimizer
    kept, formula, lines = _OPTIMIZERS[name]
    letters = {"velocities": "v", "squares": "v", "means": "m"}
    memory = [f"{what} = [np.zeros_like(w) for w in parameters]" for what in kept]
    head = ["root = math.sqrt(1 - 0.999**t)"] if name == "adam" else []
    decay = []
    if config.weight_decay:
        decay = ["w *= 1 - rate * WEIGHT_DECAY" if config.optimizer == "adamw" else "g = WEIGHT_DECAY * w + g"]
    loop_names = ", ".join(["w", "g", *(letters[what] for what in kept)])
    over = ", ".join(["parameters", "gradients", *kept])
    arguments = "gradients, rate" + (", t" if name == "adam" else "")
    body = [
        *head,
        f"for {loop_names} in zip({over}):",
        *(f"    {line}" for line in [*decay, *lines]),
    ]
    return page(
        "\n".join(memory),
        "\n    ".join([f"def update({arguments}):", f'"""{config.optimizer}: {formula}."""', *body]),
    )


def _loop(config: RunConfig) -> str:
    chunk = training.chunk_size(config)
    counted = training.scheduled(config) or config.optimizer in ("adam", "adamw")
    counted |= augmentation.augments(config) or training.drops(config)
    lines = ["step = len(losses)"] if counted else []
    lines.append("batch = order[first : first + BATCH_SIZE]")
    if training.drops(config):
        lines.append(f"Dropout.rng = stream({Stream.DROPOUT:d}, step)")
    if chunk is None:
        lines += [
            f"x = {training.inputs(config, 'batch', '0')}",
            f"loss, dlogits = {config.loss}(forward(x), train_labels[batch])",
            "gradients = backward(dlogits)",
        ]
    else:
        lines += [
            "loss, gradients = 0.0, [np.zeros_like(w) for w in parameters]",
            f"for part in range(-(-len(batch) // {chunk})):  # {chunk:,} digits at a time",
            f"    chunk = batch[part * {chunk} : (part + 1) * {chunk}]",
            "    share = len(chunk) / len(batch)",
            f"    x = {training.inputs(config, 'chunk', 'part')}",
            f"    chunk_loss, dlogits = {config.loss}(forward(x), train_labels[chunk])",
            "    loss += chunk_loss * share",
            "    for total, g in zip(gradients, backward(dlogits * share)):",
            "        total += g",
        ]
    if config.gradient_clip:
        lines += [
            "norm = float(np.linalg.norm(np.concatenate([g.ravel() for g in gradients])))",
            "if norm > GRADIENT_CLIP:",
            "    gradients = [g * (GRADIENT_CLIP / (norm + 1e-6)) for g in gradients]",
        ]
    rate = "LEARNING_RATE * factor(step)" if training.scheduled(config) else "LEARNING_RATE"
    t = ", step + 1" if config.optimizer in ("adam", "adamw") else ""
    lines += [f"update(gradients, {rate}{t})", "losses.append(loss)", "epoch_loss += loss * len(batch)"]
    return "\n".join(
        [
            "losses = []  # of each step, before its update",
            "for epoch in range(EPOCHS):",
            f"    order = stream({Stream.EPOCH_ORDER:d}, epoch).permutation(len(train_labels))",
            "    epoch_loss = 0.0",
            "    for first in range(0, len(order), BATCH_SIZE):",
            *(f"        {line}" for line in lines),
            *(["    Dropout.rng = None"] if training.drops(config) else []),
            training.report(config),
        ]
    )
