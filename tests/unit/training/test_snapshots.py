"""Snapshots: within the budget, the first and the best always there, and never written to again."""

from collections.abc import Sequence

import numpy as np
import pytest

from mlp.training import RunConfig, Trainer
from mlp.training.snapshots import DEFAULT_BUDGET, ROOM_FOR_EARLY, SnapshotLog

SIZE = 100  # numbers in a network of these tests
BYTES = 8 * SIZE


def log_of(places, total_steps):
    return SnapshotLog(BYTES, total_steps, budget=places * BYTES)


def parameters(step):
    """Those of a network that is told by its step."""
    return np.full(SIZE, float(step))


def check(log, places):
    """Within the budget, in order, and each snapshot that of its own step."""
    assert sum(log.at(step).parameters.nbytes for step in log.steps) <= places * BYTES
    assert log.steps == sorted(set(log.steps))
    for step in log.steps:
        assert log.at(step).step == step
        np.testing.assert_array_equal(log.at(step).parameters, parameters(step))


def run(log, steps, places, *, every_step=False, losses=None, first=1):
    """As the trainer does: what the log wants, and the best by the validation losses of some steps."""
    for step in range(first, steps + 1):
        if every_step or log.wants(step):
            log.take(step, parameters(step))
        if losses and step in losses:
            log.take_best(step, parameters(step), losses[step])
        assert len(log._kept) <= places
        assert log.best_step is None or log.best_step in log._kept
    check(log, places)
    return log


def started(places, total_steps):
    log = log_of(places, total_steps)
    log.take(0, parameters(0))
    return log


def is_power_of_two(step):
    return step > 0 and step & (step - 1) == 0


# -- the plan


@pytest.mark.parametrize("places", [3, 5, 31, 32, 53, 400])
@pytest.mark.parametrize("total_steps", [1, 10, 1000, 5000])
def test_a_run_as_planned_stays_within_its_places_and_makes_use_of_them(places, total_steps):
    log = run(started(places, total_steps), total_steps, places)
    assert log.steps[0] == 0
    assert len(log.steps) >= min(total_steps + 1, places) / 3
    if places >= 400 and total_steps <= 10:
        assert log.steps == list(range(total_steps + 1))


def test_the_distances_are_even_but_for_the_early_steps():
    log = run(started(64, 3000), 3000, 64)
    distance = np.diff(log.steps).max()
    later = [step for step in log.steps if step % distance == 0]
    assert later == list(range(0, 3001, distance))
    assert all(is_power_of_two(step) for step in log.steps if step not in later)
    assert distance <= 2 * 3000 / (64 - ROOM_FOR_EARLY // 2)


def test_with_room_the_early_steps_are_kept_at_powers_of_two():
    log = run(started(64, 100_000), 2100, 64)
    assert {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048} <= set(log.steps)


def test_without_room_no_place_is_spent_on_early_steps():
    log = run(started(ROOM_FOR_EARLY - 1, 100_000), 2100, ROOM_FOR_EARLY - 1)
    assert [step for step in log.steps if 0 < step < 1000] == []


# -- beyond the plan


@pytest.mark.parametrize("places", [3, 4, 20, 40])
def test_a_run_that_grows_far_beyond_its_plan_thins_out_and_stays_within(places):
    losses = {step: abs(step - 333) + 1.0 for step in range(1, 3000, 7)}
    losses[333] = 0.5
    log = run(started(places, 50), 3000, places, losses=losses)
    assert log.steps[0] == 0
    assert log.best_step == 333
    assert 333 in log.steps
    assert len(log.steps) >= places / 3
    if places >= 20:
        assert log.steps[-1] > 3000 - 3 * 3000 / (places / 3), "the end of the run is there too"


@pytest.mark.parametrize("places", [3, 40])
def test_a_run_walked_step_by_step_stays_within_and_always_has_the_latest(places):
    log = started(places, 100_000)
    for step in range(1, 500):
        run(log, step, places, every_step=True, first=step)
        assert log.steps[-1] == step
        assert log.steps[0] == 0


def test_a_walk_of_single_steps_thins_out_by_and_by():
    log = run(started(53, 17_190), 53, 53, every_step=True)
    for step in range(54, 200):
        before = log.steps
        run(log, step, 53, every_step=True, first=step)
        assert len(log.steps) >= len(before) / 3, f"step {step} swept {len(before)} moments down to {len(log.steps)}"


def test_a_huge_network_has_three_places_whatever_the_budget():
    log = SnapshotLog(DEFAULT_BUDGET, 1000)
    assert log.most == 3
    log.take(0, np.zeros(3))
    for step in range(1, 1001):
        if log.wants(step):
            log.take(step, np.zeros(3))
        log.take_best(step, np.zeros(3), abs(step - 444) + 1.0)
        assert len(log.steps) <= 3
        assert log.steps[0] == 0
        assert log.best_step == min(step, 444)
        assert log.best_step in log.steps
    assert len(log.steps) == 3


def test_the_budget_of_a_session_is_32_mb_and_the_default_network_fits_many_times(digits):
    trainer = Trainer(RunConfig(train_size=500, validation_size=200), digits)
    assert DEFAULT_BUDGET == 32 * 2**20
    assert trainer.snapshots.most == DEFAULT_BUDGET // (155_830 * 4) == 53


# -- the best


def test_a_better_validation_loss_is_the_new_best_and_a_worse_or_equal_one_is_not():
    log = started(40, 100_000)
    assert log.best_step is None
    for step, loss, best in ((10, 2.0, 10), (11, 2.0, 10), (12, 2.5, 10), (13, 1.5, 13), (14, np.nan, 13)):
        log.take_best(step, parameters(step), loss)
        assert log.best_step == best
        assert log.at(best).step == best
        check(log, 40)


def test_a_best_that_is_surpassed_gives_its_place_back_unless_it_has_another_reason_to_stay():
    log = started(40, 100_000)
    log.take_best(0, parameters(0), 9.0)
    log.take_best(16, parameters(16), 3.0)
    log.take_best(23, parameters(23), 2.0)
    log.take_best(24, parameters(24), 1.0)
    assert log.steps == [0, 16, 24]


def test_a_best_that_was_taken_as_a_moment_too_stays_when_it_is_surpassed():
    log = started(40, 100_000)
    for step in (21, 22, 23):  # single steps: each is taken, and then each is the best so far
        log.take(step, parameters(step))
        log.take_best(step, parameters(step), 1.0 / step)
    assert log.steps == [0, 21, 22, 23]


def test_a_best_that_is_asked_for_later_stays_when_it_is_surpassed():
    log = started(40, 100_000)
    log.take_best(21, parameters(21), 2.0)
    log.take(21, parameters(21))  # a person holds this moment
    log.take_best(25, parameters(25), 1.0)
    assert log.steps == [0, 21, 25]


def test_a_first_loss_that_is_not_a_number_is_no_best():
    log = started(40, 100)
    log.take_best(5, parameters(5), np.nan)
    assert log.best_step is None


def test_the_best_of_a_run_is_the_step_with_the_lowest_validation_loss(digits):
    trainer = Trainer(
        RunConfig(hidden_layers=(16,), train_size=500, validation_size=200, learning_rate=0.5, epochs=12), digits
    )
    trainer.check_validation()
    while not trainer.finished:
        trainer.step()
        if trainer.step_count % 3 == 0:
            trainer.check_validation()
    best = min(trainer.history.checks, key=lambda check: check.loss)
    assert trainer.snapshots.best_step == best.step
    trainer.network.parameters[:] = trainer.snapshots.at(best.step).parameters
    assert trainer.evaluate("validation").loss == best.loss


def test_after_resuming_a_worse_moment_is_not_called_the_best(digits):
    config = RunConfig(hidden_layers=(16,), train_size=500, validation_size=200, epochs=100)
    trainer = Trainer(config, digits)
    trainer.advance(steps=60)
    trainer.check_validation()
    resumed = Trainer.from_state(trainer.state(), digits)
    resumed.change(learning_rate=10.0)
    resumed.advance(steps=1)
    resumed.check_validation()
    losses = {check.step: check.loss for check in resumed.history.checks}
    assert losses[61] > losses[60]
    assert resumed.snapshots.best_step != 61


def test_after_resuming_the_best_moment_is_still_offered_with_its_weights(digits):
    config = RunConfig(hidden_layers=(16,), train_size=500, validation_size=200, epochs=100)
    trainer = Trainer(config, digits)
    trainer.advance(steps=60)
    trainer.check_validation()
    trainer.change(learning_rate=10.0)
    trainer.advance(steps=1)
    trainer.check_validation()
    resumed = Trainer.from_state(Trainer.from_state(trainer.state(), digits).state(), digits)
    assert resumed.snapshots.best_step == 60
    assert resumed.snapshots.steps == [60, 61]
    np.testing.assert_array_equal(resumed.snapshots.at(60).parameters, trainer.snapshots.at(60).parameters)
    np.testing.assert_array_equal(resumed.snapshots.at(61).parameters, trainer.network.parameters)


def test_without_a_measurement_there_is_no_best_moment_after_resuming_either(digits):
    trainer = Trainer(RunConfig(hidden_layers=(16,), train_size=500, validation_size=200), digits)
    resumed = Trainer.from_state(trainer.state(), digits)
    assert (trainer.snapshots.best(), resumed.snapshots.best_step) == (None, None)


# -- going back


@pytest.mark.parametrize(("step", "found"), [(0, 0), (9, 0), (10, 10), (19, 10), (25, 25), (10**9, 25), (-1, 0)])
def test_at_gives_the_latest_at_or_before(step, found):
    log = started(40, 100_000)
    for taken in (10, 25):
        log.take(taken, parameters(taken))
    assert log.at(step).step == found


def test_before_the_first_of_a_resumed_run_the_first_is_given():
    log = log_of(40, 100)
    log.take(30, parameters(30))
    assert log.at(7).step == 30


def test_nothing_taken_yet_is_a_lookup_error():
    log = log_of(40, 100)
    assert log.steps == []
    with pytest.raises(LookupError, match="no snapshot"):
        log.at(5)


def test_a_snapshot_is_a_copy_that_later_training_does_not_touch(digits):
    trainer = Trainer(RunConfig(hidden_layers=(16,), train_size=500, validation_size=200, epochs=100), digits)
    trainer.advance(steps=8)
    trainer.check_validation()
    log = trainer.snapshots
    held: Sequence = [log.at(step) for step in log.steps]
    then = [snapshot.parameters.tobytes() for snapshot in held]
    assert len(set(then)) == len(held) >= 5
    trainer.advance(steps=200)
    trainer.check_validation()
    assert [snapshot.parameters.tobytes() for snapshot in held] == then
    assert not any(np.shares_memory(snapshot.parameters, trainer.network.parameters) for snapshot in held)


def test_the_same_step_taken_twice_stays_as_it_was():
    log = started(40, 100)
    log.take(4, parameters(4))
    log.take(4, parameters(99))
    np.testing.assert_array_equal(log.at(4).parameters, parameters(4))
