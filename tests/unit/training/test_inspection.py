"""Looking inside a run: now, or as it stood at a snapshot, in a copy that later training does not touch."""

from itertools import pairwise

import numpy as np
import pytest

from mlp.data import load_dataset
from mlp.training import BackgroundRun, RunConfig, RunSlots, Trainer
from mlp.training.probes import MEASURES

SMALL = {"hidden_layers": (16,), "train_size": 500, "validation_size": 200, "batch_size": 25, "epochs": 1000}


@pytest.fixture
def train(digits):
    def make(**settings):
        return Trainer(RunConfig(**{**SMALL, **settings}), digits)

    return make


@pytest.fixture
def start(train):
    """A background run with so many steps done, ended with the test."""
    runs = []

    def make(steps=0, **settings):
        trainer = train(**settings)
        trainer.check_validation()
        trainer.advance(steps=steps)
        runs.append(BackgroundRun(trainer, RunSlots(8)))
        return runs[-1]

    yield make
    for run in runs:
        run.stop()
    for run in runs:
        run.join(20)


def bytes_at(trainer, step):
    """The weights of another trainer at that step."""
    trainer.advance(steps=step) if step else None
    assert trainer.step_count == step
    return trainer.network.parameters.tobytes()


def test_now_is_the_network_as_it_stands(start, digits):
    run = start(37)
    found = run.inspect()
    assert found.step == 37
    assert found.network.parameters.tobytes() == run.trainer.network.parameters.tobytes()
    images = digits.test.images[:50]
    np.testing.assert_array_equal(found.network.predict_proba(images), run.trainer.network.predict_proba(images))
    now = run.trainer.probes.probes()
    assert found.probes.steps.tolist() == now.steps.tolist()
    for name in MEASURES:
        np.testing.assert_array_equal(getattr(found.probes, name), getattr(now, name))
    assert found.snapshot_steps == run.trainer.snapshots.steps


def test_what_was_inspected_is_not_touched_by_later_training(start, wait_until, digits):
    run = start(20)
    found = [run.inspect(), run.inspect(8)]
    images = digits.test.images[:50]
    then = [(one.network.parameters.tobytes(), one.network.predict_proba(images).tobytes()) for one in found]
    probes, snapshot_steps = found[0].probes.weight_gradient.copy(), list(found[0].snapshot_steps)
    run.play()
    wait_until(lambda: run.trainer.step_count > 500)
    assert [(one.network.parameters.tobytes(), one.network.predict_proba(images).tobytes()) for one in found] == then
    np.testing.assert_array_equal(found[0].probes.weight_gradient, probes)
    assert found[0].snapshot_steps == snapshot_steps


def test_the_run_is_not_touched_by_what_is_done_to_the_copy(start, train):
    run = start(20)
    for step in (None, 8, 0):
        found = run.inspect(step)
        found.network.parameters[:] = 0
        found.snapshot_steps.clear()
    assert run.trainer.network.parameters.tobytes() == bytes_at(train(), 20)
    assert run.inspect(8).network.parameters.tobytes() == bytes_at(train(), 8)


@pytest.mark.parametrize("settings", [{}, {"hidden_layers": ()}, {"dropout": 0.2, "hidden_layers": (12, 8)}], ids=str)
def test_every_snapshot_is_the_network_as_it_stood_there(start, train, settings):
    run = start(300, **settings)
    steps = run.inspect().snapshot_steps
    assert {0, 1, 2, 4, 8, 16, 32, 64, 128, 256} <= set(steps)
    apart = train(**settings)
    for step in sorted({*steps[:12], *steps[-3:]}):
        apart.advance(steps=step - apart.step_count) if step else None
        found = run.inspect(step)
        assert found.step == step
        assert found.network.parameters.tobytes() == apart.network.parameters.tobytes()


def test_between_two_snapshots_the_earlier_one_is_given(start, train):
    run = start(1000)
    steps = run.inspect().snapshot_steps
    earlier, later = next((a, b) for a, b in pairwise(steps) if b - a > 1)
    found = run.inspect(later - 1)
    assert found.step == earlier
    assert found.network.parameters.tobytes() == bytes_at(train(), earlier)


def test_the_present_step_and_any_after_it_are_now(start):
    run = start(37)
    for step in (37, 38, 10**6):
        assert run.inspect(step).step == 37
        assert run.inspect(step).network.parameters.tobytes() == run.trainer.network.parameters.tobytes()


def test_before_the_first_step_there_are_the_initial_weights(start, train):
    found = start(0).inspect()
    assert (found.step, found.snapshot_steps, found.best_step) == (0, [0], 0)
    assert found.network.parameters.tobytes() == train().network.parameters.tobytes()
    assert found.probes.steps.size == 0


def test_the_best_step_is_the_one_with_the_lowest_validation_loss(start, wait_until):
    run = start(0, learning_rate=0.5, epochs=20)
    run.play()
    wait_until(lambda: run.status == "finished")
    wait_until(lambda: not run.busy)
    found = run.inspect()
    checks = run.view().history.checks
    assert found.best_step == min(checks, key=lambda check: check.loss).step < run.trainer.step_count
    assert found.best_step in found.snapshot_steps
    assert run.inspect(found.best_step).step == found.best_step


def test_without_validation_digits_there_is_no_best_step():
    trainer = Trainer(RunConfig(**{**SMALL, "validation_size": 0}), load_dataset(train_size=500, validation_size=0))
    run = BackgroundRun(trainer, RunSlots(8))
    trainer.advance(steps=25)
    assert run.inspect().best_step is None
    run.stop()
    run.join(20)


def test_each_look_at_a_run_that_plays_is_of_one_moment(start, train, wait_until):
    run = start(0)
    run.play()
    wait_until(lambda: run.trainer.step_count > 5)
    looks = [run.inspect() for _ in range(8)]
    run.pause()
    apart = train()
    for look in looks:
        if look.step > apart.step_count:
            apart.advance(steps=look.step - apart.step_count)
        assert look.network.parameters.tobytes() == apart.network.parameters.tobytes()
        assert look.probes.steps[-1] <= look.step


def test_a_run_that_diverged_can_still_be_looked_into(start, wait_until):
    run = start(0, loss="mean_squared_error", learning_rate=10, activation="identity")
    run.play()
    wait_until(lambda: run.status == "diverged")
    for step in (None, *run.inspect().snapshot_steps):
        assert np.isfinite(run.inspect(step).network.parameters).all()


def test_single_steps_keep_every_moment(start, wait_until):
    run = start(0)
    for step in range(1, 9):
        run.step()
        wait_until(lambda step=step: run.trainer.step_count == step and not run.busy)
    found = run.inspect()
    assert found.probes.steps.tolist() == list(range(1, 9))
    assert found.snapshot_steps == list(range(9))
