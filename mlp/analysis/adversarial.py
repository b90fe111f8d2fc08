"""How little has to change before the network is wrong: steps against its gradient, and as much random noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlp.analysis.saliency import checked_class, checked_pixels, pixel_gradient, way_back
from mlp.nn import MLP, softmax

Array: TypeAlias = NDArray[Any]

WHITE = 255


@dataclass(frozen=True, eq=False)
class EpsilonAnswers:
    """The network's answers to one picture changed by more and more.

    epsilons: (E,), attack: (E, K) probabilities for the picture changed against the gradient, noise: (E, K) for the
    same picture with random signs.
    """

    epsilons: NDArray[np.float64]
    attack: Array
    noise: Array


def fast_gradient_sign(network: MLP, pixels: Array, label: int, epsilon: float) -> NDArray[np.uint8]:
    """The fast gradient sign method, p + ε sign(dL/dp): a small change of every pixel that raises the loss.

    pixels: (28, 28) uint8, label: the class that the step leads away from, epsilon: share of the full range, 0 to 1,
    rounded to whole grey levels -> (28, 28) uint8, cut off at black and white. L is the
    cross-entropy, whatever loss the network was trained with.
    Goodfellow, Shlens, Szegedy, "Explaining and Harnessing Adversarial Examples", 2015, arXiv:1412.6572

    Raises:
        ValueError: the picture is not (28, 28) uint8, the network has no such class, or epsilon is not in [0, 1].
    """
    (moved,) = _moved(pixels, _attack_signs(network, pixels, label), [epsilon])
    return np.asarray(moved)


def random_sign_noise(pixels: Array, epsilon: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same step for each pixel, up or down by chance: (28, 28) uint8 -> (28, 28) uint8.

    As large a change as `fast_gradient_sign` makes, so that the two can be compared: what differs is the direction.

    Raises:
        ValueError: the picture is not (28, 28) uint8, or epsilon is not in [0, 1].
    """
    (moved,) = _moved(pixels, _random_signs(rng), [epsilon])
    return np.asarray(moved)


def answers_by_epsilon(
    network: MLP, pixels: Array, label: int, epsilons: Sequence[float] | Array, rng: np.random.Generator
) -> EpsilonAnswers:
    """The answers to the attack and to the noise for many steps: one gradient, one draw of signs, one batch.

    pixels: (28, 28) uint8, epsilons: (E,). A generator in the same state gives `random_sign_noise` the same signs.
    Raises as fast_gradient_sign.
    """
    pictures = [_moved(pixels, _attack_signs(network, pixels, label), epsilons)]
    pictures.append(_moved(pixels, _random_signs(rng), epsilons))
    attack, noise = np.split(network.predict_proba(np.concatenate(pictures)), 2)
    return EpsilonAnswers(np.asarray(epsilons, np.float64), attack, noise)


def smallest_epsilon(network: MLP, pixels: Array, label: int, *, limit: float = 1.0) -> float | None:
    """The smallest step of `fast_gradient_sign` up to `limit` that changes the answer; None if none does.

    All whole grey levels are tried, so it is a multiple of 1 / 255. pixels: (28, 28) uint8. The answer is compared with
    the one to the picture as it is, be that right or wrong. Raises as fast_gradient_sign.
    """
    epsilons = np.arange(_levels([limit])[0] + 1) / WHITE
    answers = network.predict_logits(_moved(pixels, _attack_signs(network, pixels, label), epsilons)).argmax(axis=1)
    (changed,) = np.nonzero(answers != answers[0])
    return float(epsilons[changed[0]]) if len(changed) else None


def _attack_signs(network: MLP, pixels: Array, label: int) -> Array:
    """The sign of dL/dp for each pixel: (28, 28).

    On the logits, dL/dz = softmax(z) - one_hot(label) vanishes in rounding where the network is very sure. Divided by
    1 - softmax(z)[label], which changes no sign, it does not: -1 at the label, else the softmax over the other classes.
    """
    checked_pixels(pixels)
    label = checked_class("label", label, network)
    z = network.predict_logits(pixels[np.newaxis]).astype(np.float64)
    z[0, label] = -np.inf
    dlogits = softmax(z)[0]
    dlogits[label] = -1
    dx = way_back(network, pixels, dlogits)[0][1]
    return np.nan_to_num(np.sign(pixel_gradient(network, dx))).astype(np.int16)


def _random_signs(rng: np.random.Generator) -> Array:
    return rng.choice(np.array([-1, 1], np.int16), size=(28, 28))


def _moved(pixels: Array, signs: Array, epsilons: Sequence[float] | Array) -> NDArray[np.uint8]:
    """(28, 28), (28, 28), (E,) -> (E, 28, 28)"""
    steps = _levels(epsilons)[:, np.newaxis, np.newaxis] * signs
    return np.asarray(np.clip(checked_pixels(pixels) + steps, 0, WHITE), np.uint8)


def _levels(epsilons: Sequence[float] | Array) -> Array:
    """Steps as whole grey levels: (E,)"""
    found = np.asarray(epsilons, np.float64)
    if found.ndim != 1 or len(found) == 0 or not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"epsilon must be in [0, 1], a share of the range from black to white, got {epsilons!r}")
    return np.rint(WHITE * found).astype(np.int16)
