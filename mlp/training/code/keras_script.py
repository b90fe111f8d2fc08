"""The Keras 3 script, for any of its backends: Keras draws initial weights and batches itself.

Where Keras means something else by a setting, it is translated: its own normal initializers are truncated, its weight
decay is AdamW's for every optimizer, and RMSprop and Adagrad have epsilon under the root.
"""

from __future__ import annotations

from mlp.data.randomness import Stream
from mlp.training.code import augmentation, data, training
from mlp.training.code.text import call, complete, fill, heading, listed, not_carried_over, num_classes, page
from mlp.training.config import RunConfig

_IMPORTS = (*training.IMPORTS, "import keras")

_ACTIVATIONS = {
    "relu": '"relu"',
    "leaky_relu": "keras.layers.LeakyReLU(negative_slope=0.01)",
    "elu": '"elu"',
    "gelu": "keras.ops.gelu",  # its default is the approximation with tanh, unlike that of "gelu"
    "tanh": '"tanh"',
    "sigmoid": '"sigmoid"',
}

_VARIANCE = 'keras.initializers.VarianceScaling({}, "{}", "untruncated_normal")'
_INITIALIZERS = {
    "he_normal": _VARIANCE.format(2.0, "fan_in"),
    "he_uniform": '"he_uniform"',
    "glorot_normal": _VARIANCE.format(1.0, "fan_avg"),
    "glorot_uniform": '"glorot_uniform"',
    "lecun_normal": _VARIANCE.format(1.0, "fan_in"),
    "normal": "keras.initializers.RandomNormal(stddev=WEIGHT_INIT_STD)",
    "zeros": '"zeros"',
}

_OPTIMIZERS = {
    "sgd": ("SGD", []),
    "momentum": ("SGD", ["momentum=MOMENTUM"]),
    "nesterov": ("SGD", ["momentum=MOMENTUM", "nesterov=True"]),
    "rmsprop": ("RMSprop", ["rho=0.99", "epsilon=1e-8**2"]),
    "adagrad": ("Adagrad", ["initial_accumulator_value=0.0", "epsilon=1e-10**2"]),
    "adam": ("Adam", ["epsilon=1e-8"]),
    "adamw": ("AdamW", ["epsilon=1e-8"]),
}

_SCHEDULES = {
    "step": ("ExponentialDecay", ["DECAY_FACTOR", "staircase=True"]),
    "exponential": ("ExponentialDecay", ["DECAY_FACTOR"]),
    "cosine": ("CosineDecay", []),
}

_WARM_UP = '''
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate rises in WARMUP_STEPS steps; then comes its schedule."""

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rising = LEARNING_RATE * (step + 1) / max(1, WARMUP_STEPS)
        return keras.ops.where(step < WARMUP_STEPS, rising, $later)
'''

_BATCHES = '''
class Batches(keras.utils.PyDataset):
    """The training digits, in another order and changed another way in each epoch."""

    def __init__(self):
        super().__init__()
        self.begin(0)

    def begin(self, epoch, logs=None):
        self.epoch = epoch
        self.order = stream($order, epoch).permutation(len(train_labels))

    def __len__(self):
        return math.ceil(len(train_labels) / BATCH_SIZE)

    def __getitem__(self, i):
        batch = self.order[i * BATCH_SIZE : (i + 1) * BATCH_SIZE]
        changes = stream($augmentation, self.epoch * len(self) + i, 0)
        targets = $targets
        return prepare(augment(train_images[batch], changes)), targets
'''

_REPORT = '''
def accuracy(images, labels):
    """The share of right answers."""
    answers = model.predict(prepare(images), batch_size=1000, verbose=0).argmax(axis=1)
    return np.mean(answers == labels)


def report(epoch, logs):
    """One line for each epoch."""
$lines
'''


def script(config: RunConfig) -> str:
    """The run in Keras 3, its data prepared by numpy."""
    needs_stream = data.divides(config) or config.label_noise or augmentation.augments(config)
    return complete(
        heading(
            config,
            "Keras",
            training.packages(config, "numpy", "keras", "torch"),
            "torch is one of the backends of Keras 3, chosen by the environment variable KERAS_BACKEND=torch; "
            "tensorflow and jax are the others.",
            "The digits are those of the app. Keras draws initial weights"
            f"{'' if augmentation.augments(config) else ' and batches'} of the same kind by itself, so the losses of "
            "single steps are others.",
            not_carried_over(*_differences(config)),
        ),
        _IMPORTS,
        training.constants(config),
        data.STREAM if needs_stream else "",
        data.reading(config),
        data.preparing(config),
        augmentation.augmenting(config),
        _model(config),
        fill(
            _BATCHES,
            order=int(Stream.EPOCH_ORDER),
            augmentation=int(Stream.AUGMENTATION),
            targets=_targets(config, "train_labels[batch]"),
        )
        if augmentation.augments(config)
        else "",
        fill(_REPORT, lines=training.report(config, "logs['loss']")),
        _schedule(config),
        _training(config),
    )


def _differences(config: RunConfig) -> list[str]:
    found = []
    if config.optimizer in ("adam", "adamw"):
        found.append("the place of epsilon: Keras adds it before the means are made up for their start at 0")
    if config.optimizer in ("momentum", "nesterov") and training.scheduled(config):
        found.append(
            "momentum under a schedule: in Keras the velocity keeps the learning rates of earlier steps, in the app "
            "each step takes the present one"
        )
    if _penalised(config):
        found.append("the loss without weight decay: Keras prints it with the penalty, WEIGHT_DECAY / 2 times w^2")
        if config.gradient_clip:
            found.append("clipping before weight decay: Keras clips the gradient of the two together")
    return found


def _penalised(config: RunConfig) -> bool:
    """Whether weight decay has to be a penalty: Keras's own is AdamW's, which for plain SGD is the same."""
    return config.weight_decay > 0 and config.optimizer not in ("sgd", "adamw")


def _model(config: RunConfig) -> str:
    initializer = f"kernel_initializer={_INITIALIZERS[config.weight_init]}"
    penalty = []
    if _penalised(config):
        penalty = [f"{part}_regularizer=keras.regularizers.L2(WEIGHT_DECAY / 2)" for part in ("kernel", "bias")]
    dense = call("return keras.layers.Dense", "units", "activation=activation", initializer, *penalty)
    parts = ["keras.Input((784,))"]
    for units in config.hidden_layers:
        activation = f", {_ACTIVATIONS[config.activation]}" if config.activation in _ACTIVATIONS else ""
        parts += [f"dense({units}{activation})", *(["keras.layers.Dropout(DROPOUT)"] if config.dropout else [])]
    parts.append(f"dense({num_classes(config)})")
    return page(
        'keras.config.set_floatx("float64")' if config.dtype == "float64" else "",
        "keras.utils.set_random_seed(SEED)",
        "def dense(units, activation=None):\n" + "\n".join(f"    {line}" for line in dense.split("\n")),
        call("model = keras.Sequential", listed("", *parts, beside=5)),  # four spaces and a comma
    )


def _schedule(config: RunConfig) -> str:
    if not training.scheduled(config):
        return ""
    if config.schedule == "constant":
        return page(training.schedule_counts(config), fill(_WARM_UP, later="LEARNING_RATE"))
    name, more = _SCHEDULES[config.schedule]
    decay = call(f"decay = keras.optimizers.schedules.{name}", "LEARNING_RATE", "DECAY_STEPS", *more)
    warm = fill(_WARM_UP, later="decay(step - WARMUP_STEPS)") if config.warmup_epochs else ""
    return page(training.schedule_counts(config) + "\n" + decay, warm)


def _targets(config: RunConfig, labels: str) -> str:
    if config.loss == "cross_entropy":
        return labels
    return f"keras.utils.to_categorical({labels}, {num_classes(config)})"


def _training(config: RunConfig) -> str:
    name, arguments = _OPTIMIZERS[config.optimizer]
    rate = "LEARNING_RATE"
    if training.scheduled(config):
        rate = "WarmUp()" if config.warmup_epochs else "decay"
    arguments = [rate, *arguments]
    if config.optimizer == "adamw" or (config.weight_decay and not _penalised(config)):
        arguments.append("weight_decay=WEIGHT_DECAY" if config.weight_decay else "weight_decay=0.0")
    if config.gradient_clip:
        arguments.append("global_clipnorm=GRADIENT_CLIP")
    loss = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    if config.loss == "mean_squared_error":
        loss = "keras.losses.MeanSquaredError()"
    digits = ["prepare(train_images)", _targets(config, "train_labels"), "batch_size=BATCH_SIZE"]
    calls = "on_epoch_end=report"
    batches = []
    if augmentation.augments(config):
        batches = ["batches = Batches()"]
        digits = ["batches", "shuffle=False"]
        calls = "on_epoch_begin=batches.begin, on_epoch_end=report"
    comment = ["# Keras has epsilon under the root"] if config.optimizer in ("rmsprop", "adagrad") else []
    return "\n".join(
        [
            *comment,
            call(f"optimizer = keras.optimizers.{name}", *arguments),
            f"model.compile(optimizer, {loss})",
            *batches,
            call(
                "model.fit",
                *digits,
                "epochs=EPOCHS",
                "verbose=0",
                f"callbacks=[keras.callbacks.LambdaCallback({calls})]",
            ),
        ]
    )
