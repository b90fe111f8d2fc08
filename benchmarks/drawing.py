"""How well drawn digits are read: `python -m benchmarks.drawing [--pen PATH]`

With a file of pen digits in the UNIPEN format (UCI's "Pen-Based Recognition of Handwritten Digits"): the share read
with all steps of MNIST's preparation and without each, and what each digit is mistaken for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.unipen import CANVAS, Strokes, read_pen_digits
from mlp.analysis import Preparation, digit_from_image, digit_from_strokes, pretrained_network
from mlp.data import load_dataset
from mlp.nn import MLP
from mlp.training import RunConfig, Trainer

PREPARATIONS = {
    "all steps": Preparation(),
    "without cropping": Preparation(crop=False),
    "without scaling": Preparation(scale=False),
    "without centring": Preparation(centre=False),
    "the canvas only shrunk": Preparation(crop=False, scale=False, centre=False),
}


def three() -> Strokes:
    """A three of 500 points, for the clock."""
    t = np.linspace(0, 1, 250)
    upper = np.stack([140 + 50 * np.sin(np.pi * (1.2 * t - 0.2)), 90 - 50 * np.cos(np.pi * t)], axis=1)
    return [np.concatenate([upper, upper + np.array([0, 100])])]


def microseconds(call: Callable[[], Any], repeats: int = 300) -> float:
    """The shortest time of a call."""
    best = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
    return 1e6 * best


def default_network() -> MLP:
    """The network that the app starts with, trained for its ten epochs without augmentation."""
    trainer = Trainer(RunConfig())
    trainer.advance(steps=trainer.total_steps)
    return trainer.network


def pen_tables(path: str) -> None:
    """Prints the shares read, and the table of digits."""
    drawings, labels = read_pen_digits(path)
    networks = pretrained_network(), default_network()
    found = {}
    print(f"\n| {len(labels):,} pen digits read rightly | pretrained | the app's default network |")
    print("|---|---:|---:|")
    for name, preparation in PREPARATIONS.items():
        digits = np.stack([digit_from_strokes(strokes, CANVAS, preparation) for strokes in drawings])
        both = [network.predict_logits(digits).argmax(axis=1) for network in networks]
        print(f"| {name} | " + " | ".join(f"{np.mean(answer == labels):.2%}" for answer in both) + " |")
        found[name] = both[0]
    print("\n| digit | read rightly | else mostly as |")
    print("|---|---:|---|")
    for k in range(10):
        answer = found["all steps"][labels == k]
        wrong = np.bincount(answer[answer != k], minlength=10)
        others = ", ".join(f"{j} ({wrong[j]})" for j in np.argsort(-wrong, kind="stable")[:2] if wrong[j])
        print(f"| {k} | {np.mean(answer == k):.1%} | {others} |")


def main(arguments: list[str] | None = None) -> None:
    """Prints accuracy, times, and with --pen the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawing")
    parser.add_argument("--pen", help="a file of pen digits in the UNIPEN format")
    path = parser.parse_args(arguments).pen
    threadpool_limits(limits=1)
    network, test = pretrained_network(), load_dataset("mnist").test
    accuracy = np.mean(network.predict_logits(test.images).argmax(axis=1) == test.labels)
    print(f"{network}: test accuracy {accuracy:.4f}")
    strokes = three()
    digit = digit_from_strokes(strokes)
    page = np.full((400, 500), 230, np.uint8)
    page[50:330, 100:380] -= np.kron(digit, np.ones((10, 10), np.uint8)) // 255 * 200
    print(f"a digit from 500 points: {microseconds(lambda: digit_from_strokes(strokes)):.0f} microseconds")
    print(f"a digit from a picture of 500 by 400: {microseconds(lambda: digit_from_image(page), 30):.0f} microseconds")
    print(f"an answer: {microseconds(lambda: network.predict_proba(digit[None])):.0f} microseconds")
    if path:
        pen_tables(path)


if __name__ == "__main__":
    main()
