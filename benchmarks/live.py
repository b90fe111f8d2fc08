"""How much of its speed training keeps while a page watches it: `python -m benchmarks.live`.

The same network is trained alone, in the background run, and in the background run while a page's share of the work
is done twice a second: a copy of the run, both figures, the digits, as JSON. The three take turns, so that a busy
machine slows all of them alike; the best round of each is compared.
"""

from __future__ import annotations

import json
import time

from threadpoolctl import threadpool_limits

from mlp.training import BackgroundRun, RunConfig, RunSlots, Trainer
from mlp.ui.tiles import answer_tiles
from mlp.viz import LIGHT, learning_curve

ROUNDS = 4
POLL_SECONDS = 0.5
CONFIG = RunConfig()


def alone() -> float:
    """Seconds to train without anything beside it."""
    trainer = Trainer(CONFIG)
    started = time.perf_counter()
    trainer.advance(steps=trainer.total_steps)
    return time.perf_counter() - started


def background(watched: bool) -> float:
    """Seconds to train in the background, on request while a page is drawn twice a second."""
    run = BackgroundRun(Trainer(CONFIG), RunSlots(1))
    started = time.perf_counter()
    run.play()
    drawn = started
    while run.active:
        time.sleep(0.01)  # not until the next picture: the end of the run would be seen too late
        if watched and time.perf_counter() - drawn > POLL_SECONDS:
            draw(run)
            drawn = time.perf_counter()
    seconds = time.perf_counter() - started
    run.stop()
    return seconds


def draw(run: BackgroundRun) -> int:
    """What the live page does at every update, without Streamlit and the browser; the characters it would send."""
    view = run.view()
    options = {"steps_per_epoch": view.steps_per_epoch, "smoothing": 0.9}
    figures = [learning_curve(view.history, measure, LIGHT, **options).to_json() for measure in ("loss", "accuracy")]
    tiles = [tile.caption for tile in answer_tiles(view.batch, view.class_names)]
    return len(json.dumps([figures, tiles]))


def main() -> None:
    """Prints the table."""
    threadpool_limits(limits=1)
    alone()  # reads the digits and warms up
    ways = {
        "alone": alone,
        "in the background": lambda: background(watched=False),
        "in the background, drawn every 0.5 s": lambda: background(watched=True),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            best[name] = min(best[name], way())
    print("| 784-196-10, batch 32, 10 epochs, with validation | speed against training alone |")
    print("|---|---:|")
    for name, seconds in best.items():
        print(f"| {name} | {best['alone'] / seconds:.2f} |")


if __name__ == "__main__":
    main()
