"""The multilayer perceptron: linear layers with activations between them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mlp.nn.activations import ACTIVATIONS
from mlp.nn.dropout import Dropout
from mlp.nn.initializers import INITIALIZERS
from mlp.nn.layer import Array, Layer
from mlp.nn.linear import Linear
from mlp.nn.losses import softmax
from mlp.nn.scaling import UNIT, InputScaling

MAX_HIDDEN_LAYERS = 6
MAX_HIDDEN_UNITS = 1024
ROWS_AT_ONCE = 1000


class MLP:
    """a = f(x W₀ + b₀), a = f(a W₁ + b₁), …, logits = a W + b.   x: (N, D), logits: (N, K)

    All weights and biases are one vector, `parameters`: (P,), their gradients another, `gradient`: (P,); the arrays
    of the layers are views into them. Without hidden layers the network is softmax regression.

    `layer_sizes` counts inputs, hidden units and outputs, [784, 196, 10]; `dropout` follows each hidden activation
    and draws from `dropout_rng`, which is `rng` unless another is set; `init_std` is used by weight_init="normal".

    Raises:
        ValueError: a size, name, dtype or probability is outside what is allowed.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str = "relu",
        weight_init: str = "he_normal",
        *,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
        init_std: float = 0.01,
        dropout: float = 0.0,
        input_scaling: InputScaling = UNIT,
    ) -> None:
        self.layer_sizes = _checked_sizes(layer_sizes)
        self.activation = one_of("activation", activation, ACTIVATIONS)
        self.dtype = _checked_dtype(dtype)
        self.input_scaling = input_scaling
        self.num_classes = self.layer_sizes[-1]
        self.num_parameters = sum((D + 1) * K for D, K in pairwise(self.layer_sizes))
        self.parameters: Array = np.zeros(self.num_parameters, self.dtype)
        self.gradient: Array = np.zeros_like(self.parameters)
        self._dropout_rng = rng

        initialize = INITIALIZERS[one_of("weight_init", weight_init, INITIALIZERS)]
        options = {"std": init_std} if weight_init == "normal" else {}
        self.linears: list[Linear] = []
        self.layers: list[Layer] = []
        for (W, b), (dW, db) in zip(self._arrays(self.parameters), self._arrays(self.gradient), strict=True):
            W[...] = initialize(rng, *W.shape, **options)
            self.linears.append(Linear(W, b, dW, db))
            self.layers += [self.linears[-1], ACTIVATIONS[activation]()]
            if dropout:
                self.layers.append(Dropout(dropout, rng))
        del self.layers[self.layers.index(self.linears[-1]) + 1 :]  # the logits are linear
        self._values = self._no_values()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """x: (N, D) -> logits: (N, K), in kept memory that the next forward overwrites; dropout acts in training.

        Floats are taken as scaled inputs; uint8 is taken as pixels, (N, D) or (N, 28, 28), and scaled first.
        backward reads x again, so leave it unchanged until then.

        Raises:
            ValueError: x has another number of columns.
        """
        return self._forward(self._inputs(x), training)

    @np.errstate(all="ignore")  # a diverging run shows inf and nan: the trainer's to report, not numpy's
    def _forward(self, x: Array, training: bool) -> Array:
        self._values = [x]
        for layer in self.layers:
            if isinstance(layer, Dropout):
                layer.training = training
            self._values.append(layer.forward(self._values[-1]))
        return self._values[-1]

    @np.errstate(all="ignore")
    def backward(self, dlogits: Array, *, accumulate: bool = False, input_gradient: bool = False) -> Array | None:
        """dlogits: (N, K), at the last forward -> fills `gradient`; with `input_gradient` -> dx: (N, D), else None.

        With `accumulate` the gradients add to those in place. The losses give means over their rows, so for the mean
        over N examples fed in chunks of n, multiply the dlogits of each by n / N.

        Raises:
            ValueError: dlogits has not the shape of the logits of the last forward.
        """
        logits = self._values[-1]
        if dlogits.shape != logits.shape:
            raise ValueError(f"dlogits must match the last forward's logits, {logits.shape}, got {dlogits.shape}")
        d: Any = dlogits.astype(self.dtype, copy=False)
        for layer in reversed(self.layers):
            if isinstance(layer, Linear):
                wanted = input_gradient or layer is not self.linears[0]
                d = layer.backward(d, accumulate=accumulate, input_gradient=wanted)
            else:
                d = layer.backward(d)
        return d if input_gradient else None

    def predict_logits(self, images: Array) -> Array:
        """images: (N, 28, 28) or (N, D) uint8, or (N, D) floats already scaled -> logits: (N, K), a new array.

        Works in chunks, without dropout; leaves a step under way alone. Raises as forward.
        """
        images = self._flat(images)
        logits = np.empty((len(images), self.num_classes), self.dtype)
        for start in range(0, len(images), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            logits[rows] = self._infer(images[rows])[-1][0]
        return logits

    def predict_proba(self, images: Array) -> Array:
        """images: as for predict_logits -> probabilities: (N, K), the softmax of the logits."""
        return softmax(self.predict_logits(images))

    def layer_values(self, x: Array) -> list[tuple[Array, Array]]:
        """x: (N, D) -> (z, a) of each linear layer, both (N, units): before and after its activation.

        The last pair is (logits, probabilities). New arrays, without dropout; leaves a step under way alone.
        """
        *hidden, (logits, _) = self._infer(x)
        return [*hidden, (logits, softmax(logits))]

    def hidden_activations(self, x: Array) -> list[Array]:
        """x: (N, D) -> the outputs of each hidden layer, (N, units). Leaves a step under way alone."""
        return [a for _, a in self._infer(x)[:-1]]

    def state_dict(self) -> dict[str, Array]:
        """{"0.weight": (D, units), "0.bias": (units,), "1.weight": …}, numbered by linear layer: live views."""
        return self.named(self.parameters)

    def gradients(self) -> dict[str, Array]:
        """The gradients of the last backward, under the keys of state_dict: live views."""
        return self.named(self.gradient)

    def named(self, vector: Array) -> dict[str, Array]:
        """Any vector with an entry for each parameter, (P,), as views under the keys of state_dict."""
        pairs = enumerate(self._arrays(vector))
        return {f"{i}.{name}": array for i, pair in pairs for name, array in zip(("weight", "bias"), pair, strict=True)}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Copy in the weights and biases of another network of the same sizes.

        Raises:
            ValueError: a key is missing or unexpected, or an array has another shape; nothing is copied then.
        """
        own = self.state_dict()
        if missing := [key for key in own if key not in state]:
            raise ValueError(f"state_dict lacks {', '.join(missing)}")
        if unexpected := [key for key in state if key not in own]:
            raise ValueError(f"state_dict has {', '.join(unexpected)}, but only {', '.join(own)} belong here")
        for key, array in own.items():
            if np.shape(state[key]) != array.shape:
                raise ValueError(f"{key} must have shape {array.shape}, got {np.shape(state[key])}")
        for key, array in own.items():
            array[...] = state[key]

    def copy(self, dtype: npt.DTypeLike | None = None) -> Self:
        """A network of the same type, with parameters, gradient and random generator of its own.

        It shares nothing with this one, so it may be used from another thread.
        """
        twin = copy.deepcopy(self)
        if dtype is not None:
            twin.dtype = _checked_dtype(dtype)
            twin.parameters, twin.gradient = self.parameters.astype(dtype), self.gradient.astype(dtype)
            twin._bind()
        return twin

    def first_non_finite(self) -> str | None:
        """Name the first place with inf or nan in the last forward and backward, or None: "the logits"."""
        return next((place for place, array in self._places() if not np.isfinite(array).all()), None)

    @property
    def dropout_rng(self) -> np.random.Generator:
        """The generator that dropout masks are drawn from."""
        return self._dropout_rng

    @dropout_rng.setter
    def dropout_rng(self, rng: np.random.Generator) -> None:
        self._dropout_rng = rng
        for layer in self.layers:
            if isinstance(layer, Dropout):
                layer.rng = rng

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.layer_sizes))
        return f"MLP {sizes}, {self.activation}, {self.num_parameters:,} parameters, {self.dtype}"

    @np.errstate(all="ignore")
    def _infer(self, x: Array) -> list[tuple[Array, Array]]:
        """As layer_values, but the last pair is (logits, logits)."""
        a = self._inputs(x)
        pairs = []
        for linear in self.linears:
            z = a @ linear.W
            z += linear.b
            a = z if linear is self.linears[-1] else ACTIVATIONS[self.activation]().forward(z)
            pairs.append((z, a))
        return pairs

    def _places(self) -> Iterator[tuple[str, Array]]:
        """All arrays with their names, in the order in which a step computes them."""
        yield "the input", self._values[0]
        number = 0
        for layer, value in zip(self.layers, self._values[1:], strict=True):
            if isinstance(layer, Linear):
                name = self._layer_name(number)
                number += 1
                yield f"the weights of {name}", layer.W
                yield f"the biases of {name}", layer.b
            yield "the logits" if number == len(self.linears) else f"the output of {name}", value
        for i, linear in reversed(list(enumerate(self.linears))):
            yield f"the gradient of the weights of {self._layer_name(i)}", linear.dW
            yield f"the gradient of the biases of {self._layer_name(i)}", linear.db

    def _layer_name(self, i: int) -> str:
        return "the output layer" if i == len(self.linears) - 1 else f"hidden layer {i + 1}"

    def _arrays(self, vector: Array) -> Iterator[tuple[Array, Array]]:
        """vector: (P,) -> for each linear layer, views of it: (D, K) and (K,)"""
        start = 0
        for D, K in pairwise(self.layer_sizes):
            W, b, start = start, start + D * K, start + (D + 1) * K
            yield vector[W:b].reshape(D, K), vector[b:start]

    def _inputs(self, x: Array) -> Array:
        if x.shape[1:] == self.layer_sizes[:1] and x.dtype == self.dtype:
            return x  # as in every training step
        x = self._flat(x)
        if x.dtype == np.uint8:
            return self.input_scaling(x, out=np.empty(x.shape, self.dtype))
        return x.astype(self.dtype, copy=False)

    def _flat(self, x: Array) -> Array:
        x = np.asarray(x)
        D = self.layer_sizes[0]
        if x.ndim < 2 or math.prod(x.shape[1:]) != D:
            raise ValueError(f"x must have shape (N, {D}), got {x.shape}")
        return x.reshape(len(x), D)

    def _no_values(self) -> list[Array]:
        """What stands for the values of the last forward before there was one."""
        return [np.empty(0, self.dtype)] * (len(self.layers) + 1)

    def _bind(self) -> None:
        """Make the arrays of the layers views of `parameters` and `gradient` again."""
        views = zip(self._arrays(self.parameters), self._arrays(self.gradient), strict=True)
        for linear, ((W, b), (dW, db)) in zip(self.linears, views, strict=True):
            linear.W, linear.b, linear.dW, linear.db = W, b, dW, db

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_values"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._values = self._no_values()
        self._bind()


def one_of(setting: str, name: str, registry: dict[str, Any]) -> str:
    """The name, if the registry has it.

    Raises:
        ValueError: it has not; the message lists the names that it has.
    """
    if name not in registry:
        raise ValueError(f"{setting} must be one of {', '.join(registry)}, got {name!r}")
    return name


def _checked_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in layer_sizes)
    if not 2 <= len(sizes) <= MAX_HIDDEN_LAYERS + 2:
        raise ValueError(
            f"layer_sizes must be inputs, up to {MAX_HIDDEN_LAYERS} hidden layers, and outputs, got {list(layer_sizes)}"
        )
    if sizes != tuple(layer_sizes) or min(sizes) < 1 or max(sizes[1:-1], default=1) > MAX_HIDDEN_UNITS:
        raise ValueError(
            f"layer_sizes must be whole numbers from 1, hidden ones up to {MAX_HIDDEN_UNITS}, got {list(layer_sizes)}"
        )
    return sizes


def _checked_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")
    return np.dtype(dtype)
