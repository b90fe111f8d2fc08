"""A run in the background: what a person asks for happens, no more and no less, and nothing is lost."""

import threading
from contextlib import suppress

import numpy as np
import pytest

from mlp.training import BackgroundRun, Evaluation, RunConfig, RunSlots, Trainer

SMALL = {
    "hidden_layers": (16,),
    "train_size": 500,
    "validation_size": 200,
    "batch_size": 25,
    "epochs": 3,
}  # 20 steps each
QUICK = 200.0  # steps a second: slow motion that does not keep a test waiting


@pytest.fixture
def train(digits):
    def make(**settings):
        return Trainer(RunConfig(**{**SMALL, **settings}), digits)

    return make


@pytest.fixture
def start():
    """Starts background runs, and ends them with the test."""
    runs = []

    def make(trainer, slots=None):
        runs.append(BackgroundRun(trainer, slots or RunSlots(8)))
        return runs[-1]

    yield make
    for run in runs:
        run.stop()
    for run in runs:
        run.join(20)
        assert not run.alive


def headless(trainer):
    """The same training without a thread."""
    while not trainer.finished:
        trainer.step()
    return trainer.network.parameters.tobytes()


# -- play, pause, step, epoch


def test_a_new_run_is_paused_and_trains_nothing(train, start):
    run = start(train())
    view = run.view()
    assert (view.status, view.step, view.epoch, view.place_in_queue) == ("paused", 0, 0, 0)
    assert run.alive
    assert not run.active


def test_play_trains_to_the_end_with_the_bytes_of_the_trainer_alone(train, start, wait_until):
    run = start(train(dropout=0.2))
    run.play()
    wait_until(lambda: run.status == "finished")
    view = run.view()
    assert (view.step, view.epoch, view.total_steps) == (60, 3, 60)
    assert len(view.history.epochs) == 3
    assert not run.active
    assert run.trainer.network.parameters.tobytes() == headless(train(dropout=0.2))


@pytest.mark.parametrize("pace", [None, QUICK])
def test_pausing_again_and_again_loses_nothing_and_adds_nothing(train, start, wait_until, pace):
    run = start(train(epochs=6))
    while run.status != "finished":
        run.play(pace)
        before = run.trainer.step_count
        wait_until(lambda before=before: run.trainer.step_count > before)
        run.pause()
        wait_until(lambda: not run.active)
        assert run.status in ("paused", "finished")
    assert run.trainer.network.parameters.tobytes() == headless(train(epochs=6))


def test_nothing_is_trained_after_a_pause(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.play()
    wait_until(lambda: run.trainer.step_count > 20)
    run.pause()
    assert run.status == "paused"
    run.change(learning_rate=0.2)  # waits for the step under way
    steps, weights = run.trainer.step_count, run.trainer.network.parameters.copy()
    with pytest.raises(AssertionError, match="in vain"):
        wait_until(lambda: run.trainer.step_count > steps, timeout=0.2)
    np.testing.assert_array_equal(run.trainer.network.parameters, weights)


@pytest.mark.parametrize("steps", [1, 7])
def test_step_does_exactly_so_many_steps_and_pauses(train, start, wait_until, steps):
    run = start(train())
    for done in (steps, 2 * steps):
        run.step(steps)
        wait_until(lambda: run.status == "paused")
        assert run.trainer.step_count == done
    apart = train()
    apart.advance(steps=2 * steps)
    assert run.trainer.network.parameters.tobytes() == apart.network.parameters.tobytes()


def test_steps_asked_for_in_quick_succession_are_all_done(train, start, wait_until):
    slots = RunSlots(1)
    before_it = object()
    slots.join(before_it)  # so that all three are asked for before the first one is done
    run = start(train(), slots)
    for _ in range(3):
        run.step()
    slots.leave(before_it)
    wait_until(lambda: run.status == "paused")
    assert run.trainer.step_count == 3


def test_step_at_the_end_of_the_run_does_nothing(train, start, wait_until):
    run = start(train(epochs=1))
    run.step(500)
    wait_until(lambda: run.status == "finished")
    run.step()
    wait_until(lambda: run.status == "finished")
    assert run.trainer.step_count == 20


def test_an_epoch_ends_where_an_epoch_ends(train, start, wait_until):
    run = start(train())
    run.step(3)
    wait_until(lambda: run.status == "paused")
    for end in (20, 40):
        run.finish_epoch()
        wait_until(lambda: run.status == "paused")
        assert run.trainer.step_count == end
    assert len(run.view().history.epochs) == 2


# -- speed


def test_slow_motion_takes_single_steps_and_can_be_watched_at_each(train, start, wait_until):
    run = start(train())
    run.play(QUICK)
    seen = set()
    wait_until(lambda: seen.add(run.view().step) or run.status == "finished")
    assert len(seen) > 15  # at full speed a slice of many steps is done between two looks
    assert run.trainer.network.parameters.tobytes() == headless(train())


@pytest.mark.parametrize("first", [0.02, 5.0])
def test_full_speed_takes_over_from_slow_motion_at_once(train, start, wait_until, first):
    run = start(train())
    run.play(first)
    wait_until(lambda: run.trainer.step_count >= 1)
    run.set_speed(None)
    wait_until(lambda: run.status == "finished")


def test_a_faster_slow_motion_takes_over_at_once(train, start, wait_until):
    run = start(train())
    run.play(0.02)  # the next step is due in 50 seconds
    wait_until(lambda: run.trainer.step_count >= 1)
    run.set_speed(QUICK)
    wait_until(lambda: run.trainer.step_count >= 10, timeout=3)


def test_slow_motion_takes_over_from_full_speed(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.play()
    wait_until(lambda: run.trainer.step_count > 5)
    run.set_speed(0.02)
    run.change(learning_rate=0.1)  # after the slice under way
    steps = run.trainer.step_count
    with pytest.raises(AssertionError, match="in vain"):
        wait_until(lambda: run.trainer.step_count > steps + 1, timeout=0.3)
    assert run.status == "playing"


def test_a_pause_does_not_wait_for_a_slow_step(train, start, wait_until):
    run = start(train())
    run.play(0.02)
    wait_until(lambda: run.trainer.step_count >= 1)
    run.pause()
    run.step()
    wait_until(lambda: run.status == "paused", timeout=5)
    assert run.trainer.step_count == 2


def test_samples_per_second_and_time_left_are_known_while_it_plays(train, start, wait_until):
    run = start(train(epochs=10_000))
    assert run.view().seconds_left == float("inf")
    run.play()
    view = wait_until(lambda: (view := run.view()).samples_per_second > 0 and view)
    left = (view.total_steps - view.step) * run.trainer.batch_size
    assert view.seconds_left == pytest.approx(left / view.samples_per_second)


# -- changing and looking while it runs


def test_a_setting_changed_while_it_runs_stands_in_the_next_records(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.play()
    wait_until(lambda: run.trainer.step_count > 5)
    run.change(learning_rate=0.025, momentum=0.5, weight_decay=0.001)
    changed_at = run.view().step
    wait_until(lambda: run.view().step > changed_at + 5)
    view = run.view()
    rates = view.history.steps.column("learning_rate")
    assert rates[0] == pytest.approx(0.1)
    np.testing.assert_allclose(rates[changed_at:], 0.025, rtol=1e-6)
    assert (view.config.learning_rate, view.config.momentum, view.config.weight_decay) == (0.025, 0.5, 0.001)


def test_a_change_that_is_not_possible_is_refused_and_the_run_goes_on(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.play()
    for change in ({"learning_rate": 99}, {"batch_size": 1}):
        with pytest.raises(ValueError, match=next(iter(change))):
            run.change(**change)
    steps = run.trainer.step_count
    wait_until(lambda: run.trainer.step_count > steps + 5)
    assert run.status == "playing"


def test_a_view_is_a_copy_that_later_training_does_not_touch(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.play()
    wait_until(lambda: run.trainer.step_count > 50)
    view = run.view()
    arrays = [view.history.steps.values(), view.batch.pixels, view.batch.labels, view.batch.probabilities]
    copies = [array.copy() for array in arrays]
    epochs, checks = list(view.history.epochs), list(view.history.checks)
    wait_until(lambda: run.trainer.step_count > view.step + 100)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert (view.history.epochs, view.history.checks) == (epochs, checks)


def test_a_view_of_a_long_history_copies_none_of_its_rows(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.step(100)
    wait_until(lambda: not run.busy)
    assert np.shares_memory(run.view().history.steps.values(), run.trainer.history.steps.values())


def test_every_view_is_of_one_moment_between_two_steps(train, start, wait_until):
    run = start(train(epochs=10_000))
    run.play()
    wait_until(lambda: run.trainer.step_count > 5)
    for _ in range(50):
        view = run.view()
        assert view.step == len(view.history.steps) == view.batch.step
        assert view.epoch == view.step // view.steps_per_epoch == len(view.history.epochs)
        assert np.isfinite(view.batch.probabilities).all()


def test_the_validation_curve_begins_before_training_and_ends_with_it(train, start, wait_until):
    run = start(train())
    run.play()
    wait_until(lambda: run.status == "finished")
    steps = wait_until(lambda: (s := [check.step for check in run.view().history.checks])[-1] == 60 and s)
    assert steps[0] == 0
    assert steps == sorted(set(steps))
    assert {20, 40, 60} <= set(steps)


def test_the_validation_curve_reaches_up_to_a_pause(train, start, wait_until):
    run = start(train())
    for step in (7, 9, 13):
        run.step(step - run.trainer.step_count)
        wait_until(lambda: run.status == "paused")
        wait_until(lambda step=step: run.view().history.checks[-1].step == step)


def test_the_longer_a_run_the_more_seldom_it_is_measured(train, start, wait_until, monkeypatch):
    monkeypatch.setattr("mlp.training.background.EVALUATION_SHARE", 1e9)  # a check costs nothing
    trainer = train()
    trainer._seconds = 1e12  # it has been going on for long
    run = start(trainer)
    run.play(QUICK)
    wait_until(lambda: run.status == "finished" and not run.busy)
    assert {check.step for check in trainer.history.checks} <= {0, 1, 4, 16, 20, 40, 60}


# -- when something goes wrong


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_run_that_diverges_says_so_and_keeps_its_weights(train, start, wait_until):
    run = start(train(loss="mean_squared_error", learning_rate=10, activation="identity", epochs=100))
    run.play()
    wait_until(lambda: run.status == "diverged")
    view = run.view()
    assert view.diverged is run.trainer.diverged
    assert view.diverged.step == view.step + 1
    assert np.isfinite(run.trainer.network.parameters).all()
    run.play()  # in vain, and it says the same again
    wait_until(lambda: run.status == "diverged")
    assert run.view().step == view.step
    assert run.alive


def test_an_unforeseen_error_is_told_and_play_tries_again(train, start, wait_until, monkeypatch, caplog):
    trainer = train()
    run = start(trainer)
    run.step(5)
    wait_until(lambda: run.status == "paused")
    good = trainer.network.forward

    def broken(*args, **kwargs):
        raise MemoryError("no room for the batch")

    monkeypatch.setattr(trainer.network, "forward", broken)
    run.play()
    wait_until(lambda: run.status == "failed")
    assert run.view().failure == "MemoryError: no room for the batch"
    assert run.view().step == 5
    assert run.alive
    assert "MemoryError" in caplog.text  # the log has the traceback
    monkeypatch.setattr(trainer.network, "forward", good)
    run.play()
    wait_until(lambda: run.status == "finished")
    assert run.view().failure == ""
    assert trainer.network.parameters.tobytes() == headless(train())


def test_a_failed_run_gives_its_slot_back(train, start, wait_until, monkeypatch):
    slots = RunSlots(1)
    failing, waiting = start(train(), slots), start(train(), slots)
    monkeypatch.setattr(failing.trainer.network, "forward", lambda *args, **kwargs: 1 / 0)
    failing.play()
    wait_until(lambda: failing.status == "failed")
    waiting.play()
    wait_until(lambda: waiting.status == "finished")


# -- the end of a run, and a new one with the same trainer


def test_stop_ends_the_thread_in_the_middle_of_training(train, start, wait_until):
    slots = RunSlots(1)
    run = start(train(epochs=10_000), slots)
    run.play()
    wait_until(lambda: run.trainer.step_count > 5)
    run.stop()
    run.join(20)
    assert not run.alive
    assert slots.place(run) == 0
    other = start(train(), slots)
    other.play()
    wait_until(lambda: other.status == "finished")


def test_stop_ends_a_paused_run_and_one_in_slow_motion(train, start, wait_until):
    for pace in (None, 0.02):
        run = start(train())
        if pace:
            run.play(pace)
            wait_until(lambda run=run: run.trainer.step_count >= 1)
        run.stop()
        run.join(5)
        assert not run.alive


def test_a_new_run_goes_on_with_a_trainer_to_the_same_bytes(train, start, wait_until):
    trainer = train(optimizer="adam", learning_rate=0.01, dropout=0.2, epochs=6)
    for steps in (10, 50, 90):
        run = start(trainer)
        run.play(QUICK)
        wait_until(lambda steps=steps: trainer.step_count >= steps)
        run.stop()
        run.join(20)
    last = start(trainer)
    last.play()
    wait_until(lambda: last.status == "finished")
    alone = train(optimizer="adam", learning_rate=0.01, dropout=0.2, epochs=6)
    assert trainer.network.parameters.tobytes() == headless(alone)


def test_two_threads_are_never_in_one_trainer(train, start, wait_until, monkeypatch):
    trainer = train()
    inside, most, busy, go_on = [], [], threading.Event(), threading.Event()
    advance = trainer.advance

    def slow_advance(**kwargs):
        inside.append(1)
        most.append(len(inside))
        busy.set()
        go_on.wait(1)  # as a step of a huge network takes
        found = advance(**kwargs)
        inside.pop()
        return found

    monkeypatch.setattr(trainer, "advance", slow_advance)
    old = start(trainer)
    old.play()
    busy.wait(20)
    old.stop()  # the tab closes, and the page is loaded again
    new = start(trainer)
    new.play()
    with suppress(AssertionError):
        wait_until(lambda: len(most) > 1, timeout=0.5)
    go_on.set()
    wait_until(lambda: new.status == "finished")
    assert max(most) == 1


def test_a_new_run_does_not_train_while_the_old_one_still_measures(train, start, wait_until, monkeypatch):
    trainer = train()
    measuring, go_on, trained_meanwhile = threading.Event(), threading.Event(), []
    evaluate, advance = trainer.evaluate, trainer.advance

    def slow_evaluate(split):
        if trainer.step_count and not go_on.is_set():
            measuring.set()
            go_on.wait(20)  # as the digits of a huge network take
        return evaluate(split)

    def watched_advance(**kwargs):
        trained_meanwhile.append(measuring.is_set() and not go_on.is_set())
        return advance(**kwargs)

    monkeypatch.setattr(trainer, "evaluate", slow_evaluate)
    old = start(trainer)
    old.play(QUICK)
    assert measuring.wait(20)
    monkeypatch.setattr(trainer, "advance", watched_advance)
    old.stop()  # the tab closes, and the page is loaded again
    new = start(trainer)
    assert new.view().step == trainer.step_count  # without waiting for the measurement
    new.play()
    with suppress(AssertionError):
        wait_until(lambda: trained_meanwhile, timeout=0.5)
    go_on.set()
    wait_until(lambda: new.status == "finished" and not new.busy)
    assert not any(trained_meanwhile)
    steps = [check.step for check in trainer.history.checks]
    assert steps == sorted(set(steps))
    for check in trainer.history.checks:
        if check.step in trainer.snapshots.steps:
            trainer.network.parameters[:] = trainer.snapshots.at(check.step).parameters
            assert evaluate("validation").loss == check.loss


def test_a_run_that_waits_for_an_old_one_can_be_paused_and_stopped(train, start, wait_until, monkeypatch):
    trainer = train()
    measuring, go_on = threading.Event(), threading.Event()

    def evaluate(split):
        measuring.set()
        go_on.wait(20)
        return Evaluation(1.0, 0.5, 200)

    monkeypatch.setattr(trainer, "evaluate", evaluate)
    old, slots = start(trainer), RunSlots(1)
    old.play()
    assert measuring.wait(20)
    old.stop()
    new = start(trainer, slots)
    new.play()
    wait_until(lambda: new.busy)
    new.pause()
    assert new.view().status == "paused"
    new.stop()
    assert slots.wait(new, 0) is False
    go_on.set()
    old.join(20)
    new.join(20)
    assert trainer.step_count == 0


def test_what_is_measured_is_kept_under_the_lock_of_the_pages(train, start, wait_until, monkeypatch):
    trainer = train()
    run, locked = start(trainer), []
    keep = trainer.keep_check
    monkeypatch.setattr(trainer, "keep_check", lambda found: (locked.append(run._lock.locked()), keep(found)))
    run.step(7)
    wait_until(lambda: not run.busy)
    assert len(locked) >= 2
    assert all(locked)


# -- slots


def test_runs_above_the_limit_wait_their_turn_first_come_first_served(train, start, wait_until):
    slots = RunSlots(1)
    first, second, third = (start(train(epochs=10_000), slots) for _ in range(3))
    first.play()
    wait_until(lambda: first.trainer.step_count > 0)
    second.play()
    wait_until(lambda: second.view().place_in_queue == 1)
    third.play()
    wait_until(lambda: third.view().place_in_queue == 2)
    assert [run.status for run in (first, second, third)] == ["playing", "waiting", "waiting"]
    assert (second.trainer.step_count, third.trainer.step_count) == (0, 0)
    assert first.view().place_in_queue == 0

    first.pause()
    wait_until(lambda: second.trainer.step_count > 0)
    wait_until(lambda: third.view().place_in_queue == 1)
    assert third.trainer.step_count == 0
    first.play()  # it has paused, so it is at the end of the queue
    wait_until(lambda: first.view().place_in_queue == 2)
    second.stop()
    wait_until(lambda: third.trainer.step_count > 0)
    assert first.status == "waiting"


def test_a_run_that_waits_can_be_paused_and_lets_the_next_one_pass(train, start, wait_until):
    slots = RunSlots(1)
    first, second, third = (start(train(epochs=10_000), slots) for _ in range(3))
    for run in (first, second, third):
        run.play()
        wait_until(lambda run=run: run.trainer.step_count > 0 or slots.place(run) > 0)
    second.pause()
    wait_until(lambda: third.view().place_in_queue == 1)
    assert second.view().status == "paused"
    assert second.view().place_in_queue == 0
    third.stop()
    first.stop()


def test_two_slots_train_two_runs_side_by_side(train, start, wait_until):
    slots = RunSlots(2)
    runs = [start(train(epochs=10_000), slots) for _ in range(3)]
    for run in runs:
        run.play()
    wait_until(lambda: sum(run.trainer.step_count > 0 for run in runs) == 2)
    wait_until(lambda: sorted(run.status for run in runs) == ["playing", "playing", "waiting"])


def test_with_a_slot_free_nobody_is_told_to_wait(train, start):
    slots = RunSlots(8)
    run = start(train(epochs=10_000), slots)
    with slots._changed:  # the thread has not come to take its slot yet
        run.play()
        assert run.status == "playing"


@pytest.mark.parametrize("limit", [0, -1])
def test_no_slots_at_all_are_refused(limit):
    with pytest.raises(ValueError, match=f"1 or more, got {limit}"):
        RunSlots(limit)
