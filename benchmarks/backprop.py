"""Server time of each stage of a walk: `python -m benchmarks.backprop`

The backpropagation page of 784-196-10 at batch 32 is taken from stage to stage; each time is that of the whole page
script, the smallest of a few rounds. What is done once for each walk is listed below it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from threadpoolctl import threadpool_limits

from mlp.analysis import bugs
from mlp.analysis.step_curve import step_curve
from mlp.analysis.walk import coming_batch, settings_of, walk_step
from mlp.training import RunConfig, Trainer

APP = str(Path(__file__).parent.parent / "app.py")
STEPS = 200
ROUNDS = 5
LARGE = {"hidden_layers": (1024,) * 6}


def stage_seconds() -> dict[str, float]:
    """The time of the page at each stage."""
    at = AppTest.from_file(APP, default_timeout=120).run()
    at.session_state["workbench"].trainer.advance(steps=STEPS)
    at.switch_page("pages/learn/backprop.py").run()
    taken: dict[str, float] = {}
    for _ in range(ROUNDS):
        for key in at.session_state["walk"].walk.keys:
            at.session_state["walk_places"].stage = key
            started = time.perf_counter()
            at.run()
            assert not at.exception
            taken[key] = min(taken.get(key, float("inf")), time.perf_counter() - started)
    return taken


def fastest(work: Callable[[], object]) -> float:
    """The smallest time of a few rounds, in seconds."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def once_seconds(settings: dict[str, Any]) -> dict[str, float]:
    """What is worked out once for each walk, or when it is asked for."""
    trainer = Trainer(RunConfig(**settings, validation_size=0, train_size=2000))
    batch, step = coming_batch(trainer, 0), settings_of(trainer, 0)
    walk = walk_step(trainer.network, batch, step)
    x, labels = batch.x[: bugs.CHECK_DIGITS], batch.labels[: bugs.CHECK_DIGITS]
    return {
        "the batch": fastest(lambda: coming_batch(trainer, 0)),
        "the walk": fastest(lambda: walk_step(trainer.network, batch, step)),
        "the loss along the step": fastest(lambda: step_curve(walk)),
        "the gradient check": fastest(lambda: bugs.check(walk.network, x, labels, loss="cross_entropy")),
    }


def main() -> None:
    """Prints two short tables."""
    logging.disable(logging.WARNING)
    threadpool_limits(limits=1)
    print("| stage of 784-196-10, batch 32 | milliseconds of the page |")
    print("|---|---:|")
    for key, seconds in stage_seconds().items():
        print(f"| {key} | {1000 * seconds:.0f} |")
    print("\n| once for each walk, in milliseconds | 784-196-10 | 784-6×1024-10 |")
    print("|---|---:|---:|")
    small, large = once_seconds({}), once_seconds(LARGE)
    for name, seconds in small.items():
        print(f"| {name} | {1000 * seconds:.1f} | {1000 * large[name]:.0f} |")


if __name__ == "__main__":
    main()
