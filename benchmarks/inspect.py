"""Server time of the inspect pages, and what probes cost: `python -m benchmarks.inspect`

The default network is trained for ten epochs, then each page is asked for one kept moment after another, as the slider
does: the time of the whole page script. Mistakes: how long it takes to answer all 10,000 test digits and to put them in
order, for the default and for the largest network. Probes: the speed of a run with them against one without.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from statistics import median

import numpy as np
import streamlit as st
from streamlit.testing.v1 import AppTest
from threadpoolctl import threadpool_limits

from mlp.analysis import classify, order_digits
from mlp.data import load_dataset
from mlp.nn import MLP
from mlp.training import RunConfig, Trainer

APP = str(Path(__file__).parent.parent / "app.py")
PAGES = ("gradients", "weights", "activations", "mistakes")
MOMENTS = 12
ROUNDS = 4
STEPS_A_TURN = 25
POLL_SECONDS = 0.5
WATCHED = ("pages/train/live.py", "pages/inspect/gradients.py", "pages/inspect/mistakes.py")
NETWORKS = {"784-196-10": (196,), "six layers of 1,024": (1024,) * 6}


def page_seconds(at: AppTest, page: str) -> float:
    """The median time of one page over several moments."""
    at.switch_page(f"pages/inspect/{page}.py").run()
    choice = at.session_state["moment"]
    choice.following, choice.moments = False, sorted({*choice.trainer.snapshots.steps, choice.trainer.step_count})
    taken = []
    for step in choice.moments[:: max(1, len(choice.moments) // MOMENTS)]:
        choice.step = step
        started = time.perf_counter()
        at.run()
        taken.append(time.perf_counter() - started)
    return median(taken)


def answers_seconds(hidden_layers: tuple[int, ...]) -> float:
    """The shortest time in which all test digits are answered and sorted by their loss."""
    digits, network = load_dataset("mnist").test, MLP([784, *hidden_layers, 10], rng=np.random.default_rng(0))
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        order_digits(classify(network, digits))
        taken.append(time.perf_counter() - started)
    return min(taken)


def speed_with_probes(epochs: int) -> tuple[float, int]:
    """The speed of a run with probes over that of one without, in turns of a few steps; and how many probes it took."""
    config = RunConfig(epochs=epochs)
    probed, bare = Trainer(config), Trainer(config)
    for name in ("before_update", "after_update"):
        setattr(bare.probes, name, lambda *_: None)
    while not bare.finished:
        for trainer in (probed, bare):
            trainer.advance(steps=STEPS_A_TURN)
    return bare.seconds / probed.seconds, len(probed.probes)


def watched_seconds(page: str) -> float:
    """The time of a run of which a page is drawn anew every half second."""
    at = AppTest.from_file(APP, default_timeout=120).run()
    at.switch_page(page).run()
    trainer = at.session_state["workbench"].trainer
    started = drawn = time.perf_counter()
    at.button(key="play").click().run()
    while not trainer.finished:
        time.sleep(0.01)  # not until the next picture: the end of the run would be seen too late
        if time.perf_counter() - drawn > POLL_SECONDS:
            at.run()
            drawn = time.perf_counter()
    seconds = time.perf_counter() - started
    st.cache_resource.clear()  # ends the session's thread
    return seconds


def alone_seconds() -> float:
    """The time of the same run by itself."""
    trainer = Trainer(RunConfig())
    started = time.perf_counter()
    trainer.advance(steps=trainer.total_steps)
    return time.perf_counter() - started


def main() -> None:
    """Prints three short tables."""
    logging.disable(logging.WARNING)
    threadpool_limits(limits=1)
    at = AppTest.from_file(APP, default_timeout=120).run()
    trainer = at.session_state["workbench"].trainer
    trainer.advance(steps=trainer.total_steps)
    print("| page, 784-196-10 after 10 epochs | milliseconds a moment |")
    print("|---|---:|")
    for page in PAGES:
        print(f"| {page} | {1000 * page_seconds(at, page):.0f} |")
    print("\n| 10,000 test digits answered and sorted | milliseconds |")
    print("|---|---:|")
    for name, hidden_layers in NETWORKS.items():
        print(f"| {name} | {1000 * answers_seconds(hidden_layers):.0f} |")
    print("\n| default run | speed with probes over without | probes |")
    print("|---|---:|---:|")
    for epochs in (1, 4):
        speeds, counts = zip(*(speed_with_probes(epochs) for _ in range(ROUNDS)), strict=True)
        print(f"| {epochs} epochs | {median(speeds):.3f} | {median(counts):.0f} |")
    print("\n| page drawn every 0.5 s, default run | training speed against a run alone |")
    print("|---|---:|")
    rounds = [(alone_seconds(), *(watched_seconds(page) for page in WATCHED)) for _ in range(ROUNDS)]
    best = [min(times) for times in zip(*rounds, strict=True)]
    for page, seconds in zip(WATCHED, best[1:], strict=True):
        print(f"| {page} | {best[0] / seconds:.2f} |")


if __name__ == "__main__":
    main()
