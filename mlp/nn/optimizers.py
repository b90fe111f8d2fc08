"""Optimizers, in order of increasing complexity: how the gradient becomes a change of the parameters.

w: parameters, g: gradient, η: learning rate, λ: weight decay; all vectors are (P,). Defaults and details are those of
torch.optim. Except in AdamW, weight decay adds λ w to the gradient.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from mlp.nn.layer import Array
from mlp.nn.network import MLP, one_of


class Optimizer:
    """Reads `network.gradient` and updates `network.parameters` in place, at each step().

    `learning_rate`, `momentum` and `weight_decay` may be changed between steps.

    Raises:
        ValueError: learning_rate or weight_decay is negative or not finite, or momentum outside [0, 1).
    """

    vectors: ClassVar[tuple[str, ...]] = ()  # the attributes that are remembered from step to step

    def __init__(self, network: MLP, learning_rate: float, *, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        for name, value in {"learning_rate": learning_rate, "weight_decay": weight_decay}.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a number from 0, got {value!r}")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
        self.network = network
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.t = 0
        for name in self.vectors:
            setattr(self, name, np.zeros_like(network.parameters))
        self._s = np.empty_like(network.parameters)
        self._decayed = np.empty_like(network.parameters)

    @np.errstate(all="ignore")
    def step(self) -> None:
        """Move w against g, by what the optimizer makes of η."""
        self.t += 1
        w, g, η = self.network.parameters, self.network.gradient, float(self.learning_rate)
        if self.weight_decay:
            g = self._decay(w, g, η, float(self.weight_decay))
        self._update(w, g, η, self._s)

    def state(self) -> dict[str, Array | int]:
        """The number of steps "t" and copies of the vectors remembered: what load_state needs to go on."""
        return {"t": self.t, **{name: getattr(self, name).copy() for name in self.vectors}}

    def load_state(self, state: dict[str, Array | int]) -> None:
        """Go on from a state().

        Raises:
            ValueError: the state is of another optimizer or another size of network.
        """
        if set(state) != {"t", *self.vectors}:
            raise ValueError(f"the state of {type(self).__name__} is t, {', '.join(self.vectors)}, got {list(state)}")
        for name in self.vectors:
            if np.shape(state[name]) != self._s.shape:
                raise ValueError(f"{name} must have shape {self._s.shape}, got {np.shape(state[name])}")
        self.t = int(state["t"])
        for name in self.vectors:
            getattr(self, name)[...] = state[name]

    def _decay(self, w: Array, g: Array, η: float, λ: float) -> Array:
        """Return g + λ w."""
        np.multiply(w, λ, out=self._decayed)
        self._decayed += g
        return self._decayed

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        """Change w; s is scratch space."""
        raise NotImplementedError


class SGD(Optimizer):
    """w <- w - η g.   Robbins and Monro 1951, doi:10.1214/aoms/1177729586"""

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        np.multiply(g, η, out=s)
        w -= s


class Momentum(Optimizer):
    """v <- μ v + g,   w <- w - η v.   μ = momentum.   Polyak 1964, as in torch.optim.SGD"""

    vectors = ("v",)
    v: Array

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        self.v *= float(self.momentum)
        self.v += g
        np.multiply(self.v, η, out=s)
        w -= s


class Nesterov(Optimizer):
    """v <- μ v + g,   w <- w - η (g + μ v): the velocity that the next step would have.

    Nesterov 1983; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".
    """

    vectors = ("v",)
    v: Array

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        μ = float(self.momentum)
        self.v *= μ
        self.v += g
        np.multiply(self.v, μ, out=s)
        s += g
        s *= η
        w -= s


class RMSprop(Optimizer):
    """v <- α v + (1 - α) g²,   w <- w - η g / (√v + ε).   Tieleman and Hinton 2012, lecture 6.5"""

    vectors = ("v",)
    v: Array
    α = 0.99
    ε = 1e-8

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        _average_in_square(self.v, g, self.α, s)
        np.sqrt(self.v, out=s)
        s += self.ε
        np.divide(g, s, out=s)
        s *= η
        w -= s


class Adagrad(Optimizer):
    """G <- G + g²,   w <- w - η g / (√G + ε).   Duchi et al. 2011, JMLR 12"""

    vectors = ("G",)
    G: Array
    ε = 1e-10

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        np.multiply(g, g, out=s)
        self.G += s
        np.sqrt(self.G, out=s)
        s += self.ε
        np.divide(g, s, out=s)
        s *= η
        w -= s


class Adam(Optimizer):
    """m <- β1 m + (1 - β1) g,   v <- β2 v + (1 - β2) g²,   w <- w - η m̂ / (√v̂ + ε).

    m̂ = m / (1 - β1ᵗ) and v̂ = v / (1 - β2ᵗ) make up for the start at 0. Kingma and Ba 2015, arXiv:1412.6980.
    """

    vectors = ("m", "v")
    m: Array
    v: Array
    β1 = 0.9
    β2 = 0.999
    ε = 1e-8

    def _update(self, w: Array, g: Array, η: float, s: Array) -> None:
        self.m *= self.β1
        np.multiply(g, 1 - self.β1, out=s)
        self.m += s
        _average_in_square(self.v, g, self.β2, s)
        root = math.sqrt(1 - self.β2**self.t)  # taken out of √v̂, which saves a pass over the vector
        np.sqrt(self.v, out=s)
        s += self.ε * root
        np.divide(self.m, s, out=s)
        s *= η * root / (1 - self.β1**self.t)
        w -= s


class AdamW(Adam):
    """w <- (1 - η λ) w, then as Adam: the decay is not divided by √v̂.   Loshchilov and Hutter 2019, arXiv:1711.05101"""

    def _decay(self, w: Array, g: Array, η: float, λ: float) -> Array:
        w *= 1 - η * λ
        return g


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
}


def build_optimizer(
    name: str, network: MLP, *, learning_rate: float, momentum: float = 0.9, weight_decay: float = 0.0
) -> Optimizer:
    """The optimizer of that name; a momentum that it has no use for is ignored.

    Raises:
        ValueError: the name is unknown or a number outside its bounds.
    """
    optimizer = OPTIMIZERS[one_of("optimizer", name, OPTIMIZERS)]
    return optimizer(network, learning_rate, momentum=momentum, weight_decay=weight_decay)


def _average_in_square(v: Array, g: Array, β: float, s: Array) -> None:
    """Average: v <- β v + (1 - β) g²."""
    v *= β
    np.multiply(g, g, out=s)
    s *= 1 - β
    v += s
