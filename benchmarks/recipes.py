"""Runs the recipes and writes what they come to: `python -m benchmarks.recipes [keys…]`

Without keys all of them, some forty minutes of one core. What was measured with the very same settings before is kept
unless --again is given, so it may be interrupted. Linear algebra gets one thread: the numbers then do not depend on how
many cores there are, and the processor time is that of one core.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from functools import partial
from time import process_time

from mlp.analysis.diagnosis import diagnose
from mlp.training import Trainer, TrainingDivergedError
from mlp.training.recipes import RECIPES, RESULTS, Measurement, Recipe, Variant, measurements, variant_key

say = partial(print, flush=True)


def measure(variant: Variant) -> Measurement:
    """Trains a variant to its end and measures it."""
    trainer = Trainer(variant.config)
    trainer.threads = 1
    started = process_time()
    looked_at = None
    try:
        if variant.look_at is not None:
            trainer.advance(steps=variant.look_at)
            looked_at = trainer.evaluate("validation").accuracy
        trainer.advance(steps=trainer.total_steps)
    except TrainingDivergedError:
        pass  # `trainer.diverged` tells, and the last good weights are measured
    seconds = process_time() - started
    train, validation, test = (trainer.evaluate(split) for split in ("train", "validation", "test"))
    best = max(trainer.history.epochs, key=lambda record: record.validation_accuracy, default=None)
    has_validation = best is not None and not math.isnan(best.validation_accuracy)
    findings = diagnose(
        variant.config,
        trainer.history,
        trainer.probes.probes(),
        steps_per_epoch=trainer.steps_per_epoch,
        diverged=trainer.diverged,
    )
    return Measurement(
        test_accuracy=test.accuracy,
        test_loss=round(test.loss, 5),
        validation_accuracy=validation.accuracy if validation.size else None,
        validation_loss=round(validation.loss, 5) if validation.size else None,
        train_accuracy=train.accuracy,
        train_loss=round(train.loss, 5),
        best_validation_accuracy=best.validation_accuracy if has_validation else None,
        best_epoch=best.epoch if has_validation else None,
        looked_at=looked_at,
        steps=trainer.step_count,
        parameters=trainer.network.num_parameters,
        seconds=round(seconds, 1),
        diverged=trainer.diverged.step if trainer.diverged else None,
        findings=tuple(finding.title for finding in findings),
    )


def kept() -> dict[str, dict[str, object]]:
    """The rows of the table whose settings are still those of the recipes, in the order of the recipes."""
    measurements.cache_clear()
    table = measurements(RESULTS)
    rows = {}
    for recipe in RECIPES:
        for variant in recipe.variants:
            key = variant_key(recipe, variant)
            if key in table and table[key][0] == variant.config:
                rows[key] = {"config": variant.config.to_dict(), **asdict(table[key][1])}
    return rows


def write(rows: dict[str, dict[str, object]]) -> None:
    """One line for each variant, so that a change shows as one."""
    lines = [f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(row)}" for key, row in rows.items()]
    RESULTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def run(recipe: Recipe, *, again: bool) -> None:
    """Measures the variants of a recipe and writes each as soon as it is done."""
    for variant in recipe.variants:
        key = variant_key(recipe, variant)
        if key in kept() and not again:
            say(f"{key}: kept")
            continue
        found = measure(variant)
        write(kept() | {key: {"config": variant.config.to_dict(), **asdict(found)}})
        write(kept())  # in the order of the recipes
        say(
            f"{key}: test accuracy {found.test_accuracy:.4f}, training loss {found.train_loss:.4f}, "
            f"{found.seconds:.0f} s"
        )


def main() -> None:
    """Measures what is asked for."""
    keys = [recipe.key for recipe in RECIPES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description="Measure the recipes.")
    parser.add_argument("keys", nargs="*", metavar="key", help=f"which ones (default: all of {', '.join(keys)})")
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    arguments = parser.parse_args()
    if unknown := set(arguments.keys) - set(keys):
        parser.error(f"there is no recipe {', '.join(sorted(unknown))}; the recipes are {', '.join(keys)}")
    for recipe in RECIPES:
        if not arguments.keys or recipe.key in arguments.keys:
            run(recipe, again=arguments.again)


if __name__ == "__main__":
    main()
