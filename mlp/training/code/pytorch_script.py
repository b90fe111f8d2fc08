"""The PyTorch script: the same digits, initial weights and batches through torch.nn and torch.optim."""

from __future__ import annotations

from itertools import pairwise

from mlp.data.randomness import Stream
from mlp.training.code import augmentation, data, training
from mlp.training.code.text import call, complete, fill, heading, not_carried_over, num_classes
from mlp.training.config import RunConfig

_IMPORTS = (
    *training.IMPORTS,
    "import torch",
    "import torch.nn.functional as F",
    "from torch import nn",
)

_ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU(0.01)",
    "elu": "nn.ELU()",
    "gelu": 'nn.GELU(approximate="tanh")',
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "identity": "nn.Identity()",
}

_FILLING = """
with torch.no_grad():
    for layer in model:
        if isinstance(layer, nn.Linear):
            W = initial_weights(layer.in_features, layer.out_features)
            layer.weight.copy_(torch.from_numpy(W.T))  # PyTorch keeps W transposed
            layer.bias.zero_()
"""

_ACCURACY = '''
@torch.no_grad()
def accuracy(images, labels):
    """The share of right answers."""
    answers = model$evaluating(torch.from_numpy(prepare(images))).argmax(dim=1)
    return np.mean(answers.numpy() == labels)
'''

# Name and arguments besides the parameters, the learning rate and the weight decay; defaults of torch.optim are left
# out where the app has the same.
_OPTIMIZERS = {
    "sgd": ("SGD", []),
    "momentum": ("SGD", ["momentum=MOMENTUM"]),
    "nesterov": ("SGD", ["momentum=MOMENTUM", "nesterov=True"]),
    "rmsprop": ("RMSprop", ["alpha=0.99", "eps=1e-8"]),
    "adagrad": ("Adagrad", ["eps=1e-10"]),
    "adam": ("Adam", ["betas=(0.9, 0.999)", "eps=1e-8"]),
    "adamw": ("AdamW", ["betas=(0.9, 0.999)", "eps=1e-8"]),
}


def script(config: RunConfig) -> str:
    """The run in PyTorch, its data prepared by numpy."""
    masks = "the masks of dropout: PyTorch draws its own, so the losses of single steps differ from the app's"
    plain = "Nesterov momentum of 0 is plain SGD, which PyTorch takes only without nesterov=True."
    return complete(
        heading(
            config,
            "PyTorch",
            training.packages(config, "numpy", "torch"),
            not_carried_over(masks)
            if training.drops(config)
            else "Same digits, initial weights and batches as in the app, so the same losses but for rounding.",
            plain if _is_plain(config) else "",
            "Weights that the app saved in PyTorch's layout can be loaded into this model:",
            '    model.load_state_dict(safetensors.torch.load_file("weights.safetensors"))',
        ),
        _IMPORTS,
        training.constants(config),
        data.STREAM,
        data.reading(config),
        data.preparing(config),
        augmentation.augmenting(config),
        training.initial_weights(config),
        _model(config),
        fill(_ACCURACY, evaluating=".eval()" if training.drops(config) else ""),
        training.schedule(config),
        _optimizer(config),
        _loop(config),
    )


def _model(config: RunConfig) -> str:
    sizes = [784, *config.hidden_layers, num_classes(config)]
    after = [_ACTIVATIONS[config.activation], *(["nn.Dropout(DROPOUT)"] if training.drops(config) else [])]
    layers: list[str] = []
    for D, K in pairwise(sizes):
        layers += [f"nn.Linear({D}, {K})", *after]
    del layers[-len(after) :]  # the logits are linear
    before = ["torch.set_default_dtype(torch.float64)"] if config.dtype == "float64" else []
    before += ["torch.manual_seed(SEED)  # of the masks of dropout"] if training.drops(config) else []
    return "\n".join([*before, call("model = nn.Sequential", *layers), fill(_FILLING)])


def _is_plain(config: RunConfig) -> bool:
    return config.optimizer == "nesterov" and config.momentum == 0


def _optimizer(config: RunConfig) -> str:
    name, arguments = _OPTIMIZERS[config.optimizer]
    if _is_plain(config):
        arguments = ["momentum=MOMENTUM"]
    decay = ["weight_decay=WEIGHT_DECAY"] if config.weight_decay else []
    if config.optimizer == "adamw" and not decay:
        decay = ["weight_decay=0"]  # PyTorch's default is another
    lines = [call(f"optimizer = torch.optim.{name}", "model.parameters()", "lr=LEARNING_RATE", *arguments, *decay)]
    if training.scheduled(config):
        lines.append("scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)")
    return "\n".join(lines)


def _loop(config: RunConfig) -> str:
    chunk = training.chunk_size(config)
    lines = ["step = len(losses)"] if augmentation.augments(config) else []
    lines += ["batch = order[first : first + BATCH_SIZE]", "optimizer.zero_grad()"]
    if chunk is None:
        lines += [
            f"x = torch.from_numpy({training.inputs(config, 'batch', '0')})",
            "labels = torch.from_numpy(train_labels[batch])",
            f"loss = {_loss(config)}",
            "loss.backward()",
        ]
    else:
        lines += [
            "loss = 0.0",
            f"for part in range(-(-len(batch) // {chunk})):  # {chunk:,} digits at a time",
            f"    chunk = batch[part * {chunk} : (part + 1) * {chunk}]",
            "    share = len(chunk) / len(batch)",
            f"    x = torch.from_numpy({training.inputs(config, 'chunk', 'part')})",
            "    labels = torch.from_numpy(train_labels[chunk])",
            f"    chunk_loss = {_loss(config)} * share",
            "    chunk_loss.backward()  # gradients add up",
            "    loss += chunk_loss.detach()",
        ]
    if config.gradient_clip:
        lines.append("nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_CLIP)")
    lines.append("optimizer.step()")
    if training.scheduled(config):
        lines.append("scheduler.step()")
    lines += ["losses.append(loss.item())", "epoch_loss += losses[-1] * len(batch)"]
    return "\n".join(
        [
            "losses = []  # of each step, before its update",
            "for epoch in range(EPOCHS):",
            *(["    model.train()"] if training.drops(config) else []),
            f"    order = stream({Stream.EPOCH_ORDER:d}, epoch).permutation(len(train_labels))",
            "    epoch_loss = 0.0",
            "    for first in range(0, len(order), BATCH_SIZE):",
            *(f"        {line}" for line in lines),
            training.report(config),
        ]
    )


def _loss(config: RunConfig) -> str:
    if config.loss == "cross_entropy":
        return "F.cross_entropy(model(x), labels)"
    return f"F.mse_loss(model(x), F.one_hot(labels, {num_classes(config)}).to(x.dtype))"
