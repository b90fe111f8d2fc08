"""Names of choices as a reader knows them, and numbers as a reader wants them."""

from __future__ import annotations

from math import isfinite

from mlp.training import RunConfig

CHOICES = {
    "relu": "ReLU",
    "leaky_relu": "Leaky ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "tanh": "tanh",
    "sigmoid": "Sigmoid",
    "identity": "Identity (none)",
    "he_normal": "He, normal",
    "he_uniform": "He, uniform",
    "glorot_normal": "Glorot, normal",
    "glorot_uniform": "Glorot, uniform",
    "lecun_normal": "LeCun, normal",
    "normal": "Normal, own deviation",
    "zeros": "All zero",
    "cross_entropy": "Cross-entropy",
    "mean_squared_error": "Mean squared error",
    "sgd": "SGD",
    "momentum": "SGD with momentum",
    "nesterov": "Nesterov momentum",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamw": "AdamW",
    "constant": "Constant",
    "step": "Steps down",
    "exponential": "Exponential decay",
    "cosine": "Cosine to zero",
    "mnist": "MNIST digits",
    "fashion_mnist": "Fashion-MNIST (download)",
    "kmnist": "KMNIST (download)",
    "unit": "0 to 1",
    "standard": "Mean 0, deviation 1",
    "per_pixel": "Mean 0, deviation 1 per pixel",
    "none": "Raw, 0 to 255",
    "full": "all",
}


def choice(name: object) -> str:
    """A setting's value in words: "relu" is "ReLU"; None is "off"."""
    if name is None:
        return "off"
    if isinstance(name, int | float):
        return f"{name:,}" if isinstance(name, int) else f"{name:g}"
    return CHOICES.get(str(name), str(name))


def brief(value: object) -> str:
    """A setting's value in a few characters: hidden layers are "100-50"."""
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "none"
    return choice(value)


def sentence(error: Exception) -> str:
    """What went wrong, with the full stop that a page wants."""
    return f"{str(error).rstrip('.')}."


def whole_sentence(error: Exception) -> str:
    """The same where nothing stands before it."""
    text = sentence(error)
    return text[:1].upper() + text[1:]


def share(part: float) -> str:
    """A probability as it may be said: 0.9996 is not 100%, and 0.0004 not 0%."""
    if 0.999 < part < 1:
        return "> 99.9%"
    return "< 0.1%" if 0 < part < 0.001 else f"{part:.1%}"


def count(number: int, word: str) -> str:
    """How many there are: "1 drawing", "1,200 drawings"."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """Seconds as a person says them: "8 s", "2 min 5 s", "1 h 10 min"."""
    if not isfinite(seconds):
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def network_sentence(config: RunConfig, layer_sizes: list[int], num_parameters: int) -> str:
    """The network in one line: "784 → 196 → 10, 155,830 parameters, ReLU"."""
    sizes = " → ".join(f"{size:,}" for size in layer_sizes)
    kind = choice(config.activation) if config.hidden_layers else "no hidden layer: softmax regression"
    return f"{sizes}, {num_parameters:,} parameters, {kind}"
