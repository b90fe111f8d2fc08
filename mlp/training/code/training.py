"""What the numpy and the PyTorch script share of the training: initial weights, schedule, order, chunks, report."""

from __future__ import annotations

from mlp.data.randomness import Stream
from mlp.training.code import augmentation, data
from mlp.training.code.text import num_classes, page, rows, setting
from mlp.training.config import FULL_BATCH, RunConfig
from mlp.training.trainer import CHUNK_SIZE, CHUNK_VALUES

IMPORTS = (
    "import gzip",
    "import math",
    "import sys",
    "from pathlib import Path",
    "import numpy as np",
    "from scipy.ndimage import gaussian_filter1d",
)

_INITIAL_WEIGHTS = {
    "he_normal": ("He et al. 2015: variance 2 / D", "rng.normal(0, math.sqrt(2 / D), (D, K))"),
    "he_uniform": ("He et al. 2015: variance 2 / D", "rng.uniform(-math.sqrt(6 / D), math.sqrt(6 / D), (D, K))"),
    "glorot_normal": ("Glorot and Bengio 2010: variance 2 / (D + K)", "rng.normal(0, math.sqrt(2 / (D + K)), (D, K))"),
    "glorot_uniform": (
        "Glorot and Bengio 2010: variance 2 / (D + K)",
        "rng.uniform(-math.sqrt(6 / (D + K)), math.sqrt(6 / (D + K)), (D, K))",
    ),
    "lecun_normal": ("LeCun et al. 1998: variance 1 / D", "rng.normal(0, math.sqrt(1 / D), (D, K))"),
    "normal": ("The same deviation whatever the size of the layer", "rng.normal(0, WEIGHT_INIT_STD, (D, K))"),
    "zeros": ("All zero: the units of a layer stay alike", "np.zeros((D, K))"),
}


def packages(config: RunConfig, *frameworks: str) -> str:
    """What pip has to install for a script of these frameworks."""
    return " ".join([*frameworks, *(["scipy"] if config.augment_elastic else [])])


def constants(config: RunConfig, *without: str) -> str:
    """All settings that are numbers and have an effect, but for those that the framework cannot follow."""
    decays = config.schedule in ("step", "exponential")
    comments = {"gradient_clip": "the longest that a gradient may be"}
    wanted = {
        "seed": True,
        "epochs": True,
        "batch_size": config.batch_size != FULL_BATCH,
        "learning_rate": True,
        "momentum": config.optimizer in ("momentum", "nesterov"),
        "weight_decay": config.weight_decay > 0,
        "gradient_clip": config.gradient_clip is not None,
        "warmup_epochs": config.warmup_epochs > 0,
        "decay_epochs": decays,
        "decay_factor": decays,
        "dropout": drops(config),
        "weight_init_std": config.weight_init == "normal",
    }
    found = [setting(config, name, comments.get(name, "")) for name, on in wanted.items() if on and name not in without]
    found += data.constants(config)
    if "augment" not in without:
        found += augmentation.constants(config)
    return rows(*found, (f"DTYPE = np.{config.dtype}", ""))


def drops(config: RunConfig) -> bool:
    """Whether there is dropout: it follows hidden layers only."""
    return bool(config.dropout and config.hidden_layers)


def scheduled(config: RunConfig) -> bool:
    """Whether the learning rate changes over the run."""
    return config.schedule != "constant" or config.warmup_epochs > 0


def initial_weights(config: RunConfig) -> str:
    """The function that draws W: (D, K), and its generator."""
    words, value = _INITIAL_WEIGHTS[config.weight_init]
    return page(
        "rng = np.random.default_rng(SEED)" if "rng" in value else "",
        f'def initial_weights(D, K):\n    """{words}."""\n    return {value}',
    )


def schedule_counts(config: RunConfig) -> str:
    """The lengths of the schedule's parts in steps."""
    warm = config.warmup_epochs > 0
    lines = ["STEPS_PER_EPOCH = -(-len(train_labels) // BATCH_SIZE)"]
    if warm:
        lines.append("WARMUP_STEPS = round(WARMUP_EPOCHS * STEPS_PER_EPOCH)")
    if config.schedule == "cosine":
        total = "EPOCHS * STEPS_PER_EPOCH"
        lines.append(f"DECAY_STEPS = max(1, {total} - WARMUP_STEPS)" if warm else f"DECAY_STEPS = {total}")
    elif config.schedule != "constant":
        lines.append("DECAY_STEPS = max(1, round(DECAY_EPOCHS * STEPS_PER_EPOCH))")
    return "\n".join(lines)


def schedule(config: RunConfig) -> str:
    """The function factor(step); "" where the learning rate is constant."""
    if not scheduled(config):
        return ""
    t = "(step - WARMUP_STEPS)" if config.warmup_epochs else "step"
    value = {
        "constant": "1.0",
        "step": f"DECAY_FACTOR ** ({t} // DECAY_STEPS)",
        "exponential": f"DECAY_FACTOR ** ({t} / DECAY_STEPS)",
        "cosine": f"(1 + math.cos(math.pi * min({t} / DECAY_STEPS, 1))) / 2",
    }[config.schedule]
    rising = ["if step < WARMUP_STEPS:", "    return (step + 1) / WARMUP_STEPS"] if config.warmup_epochs else []
    words = '"""What the learning rate is multiplied by at this step, counted from 0."""'
    return page(
        schedule_counts(config),
        "\n    ".join(["def factor(step):", words, *rising, f"return {value}"]),
    )


def chunk_size(config: RunConfig) -> int | None:
    """How many digits of a batch the app takes at a time; None if none of its batches is larger than that."""
    limit = min(CHUNK_SIZE, CHUNK_VALUES // sum([*config.hidden_layers, num_classes(config)]))
    batch = config.batch_size if isinstance(config.batch_size, int) else 60_000
    return limit if min(batch, config.train_size or 60_000) > limit else None


def inputs(config: RunConfig, positions: str, part: str) -> str:
    """The expression for what the network reads of these training digits."""
    pixels = f"train_images[{positions}]"
    if augmentation.augments(config):
        pixels = f"augment({pixels}, stream({Stream.AUGMENTATION:d}, step, {part}))"
    return f"prepare({pixels})"


def report(config: RunConfig, loss: str = "epoch_loss / len(order)") -> str:
    """The lines that say how an epoch went, in the indented end of a loop or function."""
    splits = ["validation", "test"] if config.validation_size else ["test"]
    parts = [f"epoch {{epoch + 1:2}}  loss {{{loss}:.4f}}"]
    parts += [f"  {split} accuracy {{accuracy({split}_images, {split}_labels):.4f}}" for split in splits]
    ends = [', end=""'] * (len(parts) - 1) + [""]
    return "\n".join(f'    print(f"{part}"{end})' for part, end in zip(parts, ends, strict=True))
