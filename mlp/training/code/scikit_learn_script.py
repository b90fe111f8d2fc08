"""The scikit-learn script: MLPClassifier, which has fewer settings; the script names all that it cannot follow."""

from __future__ import annotations

from mlp.training.code import augmentation, data, training
from mlp.training.code.text import call, complete, fill, heading, not_carried_over, num_classes
from mlp.training.config import FULL_BATCH, RunConfig

_IMPORTS = (*training.IMPORTS, "from sklearn.neural_network import MLPClassifier")
_WITHOUT = ("gradient_clip", "warmup_epochs", "decay_epochs", "decay_factor", "dropout", "weight_init_std", "augment")

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "identity": "identity"}
_SOLVERS = {"sgd": "sgd", "momentum": "sgd", "nesterov": "sgd"}

_TRAINING = '''
def accuracy(images, labels):
    """The share of right answers."""
    return model.score(prepare(images), labels)


x = prepare(train_images)
for epoch in range(EPOCHS):
    model.partial_fit(x, train_labels, classes=range($K))  # once over all digits
$report
'''


def script(config: RunConfig) -> str:
    """The run in scikit-learn, its data prepared by numpy."""
    return complete(
        heading(
            config,
            "scikit-learn",
            training.packages(config, "numpy", "scikit-learn").removesuffix(" scipy"),
            "The digits are those of the app; scikit-learn draws the batches itself.",
            not_carried_over(*_differences(config)),
        ),
        _IMPORTS,
        training.constants(config, *_WITHOUT),
        data.STREAM if data.divides(config) or config.label_noise else "",
        data.reading(config),
        data.preparing(config),
        _model(config),
        fill(_TRAINING, K=num_classes(config), report=training.report(config, "model.loss_")),
    )


def _differences(config: RunConfig) -> list[str]:
    std = f" of weight_init_std {config.weight_init_std}" if config.weight_init == "normal" else ""
    found = [f"weight_init {config.weight_init}{std}: weights and biases are scikit-learn's own (Glorot, uniform)"]
    if config.hidden_layers and config.activation not in _ACTIVATIONS:
        found.append(f"activation {config.activation}: scikit-learn has none, relu stands in for it")
    if config.loss != "cross_entropy":
        found.append(f"loss {config.loss}: the classifier minimises cross-entropy")
    if config.optimizer not in (*_SOLVERS, "adam"):
        found.append(f"optimizer {config.optimizer}: scikit-learn has SGD and Adam, Adam stands in for it")
    elif config.optimizer == "adam":
        found.append("the place of Adam's epsilon: added before the means are made up for their start at 0")
    if config.weight_decay:
        biases = "weight_decay of biases: scikit-learn's alpha acts on weights only"
        found.append(biases + (", and as a part of the gradient" if config.optimizer == "adamw" else ""))
        found.append("the loss without weight decay: scikit-learn adds the penalty to it")
    if training.scheduled(config):
        names = ["schedule", *(["warmup_epochs"] if config.warmup_epochs else [])]
        names += ["decay_epochs", "decay_factor"] if config.schedule in ("step", "exponential") else []
        found.append(", ".join(f"{name} {getattr(config, name)}" for name in names) + ": the learning rate is constant")
    if config.gradient_clip:
        found.append(f"gradient_clip {config.gradient_clip}")
    if training.drops(config):
        found.append(f"dropout {config.dropout}")
    found += [f"{name} {getattr(config, name)}" for name in augmentation.SETTINGS if getattr(config, name)]
    if num_classes(config) == 2:
        found.append("two outputs: of two classes scikit-learn makes a single logistic output")
    return found


def _model(config: RunConfig) -> str:
    momentum = {
        "sgd": ["momentum=0.0"],
        "momentum": ["momentum=MOMENTUM", "nesterovs_momentum=False"],
        "nesterov": ["momentum=MOMENTUM", "nesterovs_momentum=True"],
    }
    size = "BATCH_SIZE" if config.batch_size == FULL_BATCH else "min(BATCH_SIZE, len(train_labels))"
    alpha = "alpha=0.0"
    if config.weight_decay:
        alpha = f"alpha=WEIGHT_DECAY * {size}"
    arguments = [
        f"{config.hidden_layers}",
        f'activation="{_ACTIVATIONS.get(config.activation, "relu")}"',
        f'solver="{_SOLVERS.get(config.optimizer, "adam")}"',
        *momentum.get(config.optimizer, []),
        "learning_rate_init=LEARNING_RATE",
        alpha,
        f"batch_size={size}",
        "random_state=np.random.RandomState(SEED)",
    ]
    comment = "# scikit-learn divides alpha by the number of digits in a batch\n" if config.weight_decay else ""
    return comment + call("model = MLPClassifier", *arguments)
