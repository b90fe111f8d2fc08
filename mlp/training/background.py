"""A run in the background of one browser session: play, pause, step, slow motion, stop.

A thread owns the trainer; the page reads copies under a short lock. What was trained outlives the thread: a new
`BackgroundRun` around the same trainer goes on where the last one stopped.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from time import monotonic, perf_counter, sleep
from typing import Any, Literal
from weakref import WeakKeyDictionary

from mlp.nn import MLP
from mlp.training.config import RunConfig
from mlp.training.history import History
from mlp.training.probes import LayerProbes
from mlp.training.trainer import BatchView, Trainer, TrainingDivergedError

Status = Literal["paused", "waiting", "playing", "finished", "diverged", "failed"]

SLICE_SECONDS = 0.02  # how long the page may have to wait for the lock while small steps are done
READ_PATIENCE_SECONDS = 0.25  # after that the page shows what it showed before: one step of a huge net takes seconds
EVALUATION_SHARE = 0.02  # of the training time goes into the validation curve between two epochs,
QUICK_CHECK_SECONDS = 0.2  # and in the first epoch, where the curve bends, quick checks at 1, 4, 16, 64, … steps
CHECKS_OF_A_RUN = 1000  # from then on ever more seldom: checks of few digits are so cheap that they would pile up
RATE_WINDOW_SECONDS = 3.0

_log = logging.getLogger(__name__)


class _Locks:
    """Of one trainer: the thread of an old run may still be at work when a new run takes the trainer over.

    `turn` is held by a thread for as long as it trains or measures, `moment` while it changes what a page reads.
    """

    def __init__(self) -> None:
        self.turn, self.moment = threading.Lock(), threading.Lock()


_locks: WeakKeyDictionary[Trainer, _Locks] = WeakKeyDictionary()


class RunSlots:
    """How many runs of a server may train at once; those who come later wait their turn, first come first served."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"the number of concurrent runs must be 1 or more, got {limit}")
        self.limit = limit
        self._queue: list[object] = []
        self._changed = threading.Condition()

    def join(self, run: object) -> None:
        """Takes a slot, or a place at the end of the queue."""
        with self._changed:
            if run not in self._queue:
                self._queue.append(run)

    def leave(self, run: object) -> None:
        """Gives the slot or the place back."""
        with self._changed:
            if run in self._queue:
                self._queue.remove(run)
                self._changed.notify_all()

    def place(self, run: object) -> int:
        """Its place among those who wait, 1 is next; 0 for a run that may train or does not want to."""
        with self._changed:
            return max(0, self._queue.index(run) - self.limit + 1) if run in self._queue else 0

    def wait(self, run: object, timeout: float) -> bool:
        """Waits at most `timeout` seconds for the run's turn; whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: run in self._queue and self._queue.index(run) < self.limit, timeout)


@dataclass(frozen=True)
class RunView:
    """A copy of all that a page shows of a run at one moment; later training does not touch it."""

    status: Status
    place_in_queue: int
    config: RunConfig
    step: int
    epoch: int
    steps_per_epoch: int
    total_steps: int
    samples_per_second: float
    seconds_left: float
    history: History
    batch: BatchView
    class_names: tuple[str, ...]
    train_size: int
    diverged: TrainingDivergedError | None
    failure: str


@dataclass(frozen=True)
class Inspection:
    """The inside of a run at one moment: `step`, a copy of the network there, the probes of the whole run.

    `snapshot_steps` are the moments one can go back to, `best_step` the one with the lowest validation loss.
    """

    step: int
    network: MLP
    probes: LayerProbes
    snapshot_steps: list[int]
    best_step: int | None


class BackgroundRun:
    """Trains in a thread of its own until it is paused, finished or stopped."""

    def __init__(self, trainer: Trainer, slots: RunSlots) -> None:
        self.trainer = trainer
        self._slots = slots
        locks = _locks.setdefault(trainer, _Locks())
        self._lock, self._turn = locks.moment, locks.turn
        self._readers = 0
        self._wake = threading.Condition()
        self._target: float | None = None  # train until this step; None: paused
        self._steps_per_second: float | None = None  # None: as fast as it can
        self._exact = False
        self._working = False
        self._failure = ""
        self._stopping = False
        self._checked_at, self._checked_step, self._check_seconds = 0.0, 0, 0.0  # the last validation check
        self._quickest_check = 0.0  # a machine that is busy just now makes one check slow, but not all
        self._progress: deque[tuple[float, int]] = deque()
        with self._lock:
            self._view = self._copy()
        self._thread = threading.Thread(target=self._work, name="mlp-run", daemon=True)
        self._thread.start()

    # -- what a person can ask for

    def play(self, steps_per_second: float | None = None) -> None:
        """Trains to the end of the run, `steps_per_second` at a time or as fast as it can."""
        self._go(inf, steps_per_second)

    def step(self, steps: int = 1) -> None:
        """Trains that many steps and pauses."""
        asked_for = self._target if self._exact and self._target is not None else self.trainer.step_count
        self._go(asked_for + steps, None, exact=True)

    def finish_epoch(self) -> None:
        """Trains to the end of the epoch under way and pauses."""
        per_epoch = self.trainer.steps_per_epoch
        self._go((self.trainer.step_count // per_epoch + 1) * per_epoch, None)

    def pause(self) -> None:
        """Stops training after the step or chunk under way; nothing is lost."""
        self._withdraw_target()

    def set_speed(self, steps_per_second: float | None) -> None:
        """Changes the speed of a run that plays; None is as fast as it can."""
        with self._wake:
            self._steps_per_second = steps_per_second
            self._wake.notify_all()

    def change(self, **settings: Any) -> None:
        """Changes settings of the running trainer; raises ValueError as `Trainer.change` does."""
        with self.between_steps():
            self.trainer.change(**settings)

    def stop(self) -> None:
        """Ends the thread and gives its slot back; the trainer keeps all it has learnt."""
        self._stopping = True
        self._withdraw_target()
        self._slots.leave(self)

    def join(self, timeout: float | None = None) -> None:
        """Waits until the thread has ended after `stop`."""
        self._thread.join(timeout)

    @property
    def active(self) -> bool:
        """Whether it trains or waits for its turn to train."""
        return self._target is not None

    @property
    def busy(self) -> bool:
        """Whether there is more to see soon: it is active, or measures the validation digits once more at a pause."""
        return self.active or self._working

    @property
    def status(self) -> Status:
        """What the run is doing."""
        if self.active:
            return "waiting" if self._slots.place(self) else "playing"
        if self._failure:
            return "failed"
        if self.trainer.diverged is not None:
            return "diverged"
        return "finished" if self.trainer.finished else "paused"

    @property
    def alive(self) -> bool:
        """Whether the thread is still there to take orders."""
        return self._thread.is_alive() and not self._stopping

    # -- what a page can see

    def view(self) -> RunView:
        """A copy of the run as it stands between two steps.

        While a single step takes longer than a page should wait, the copy of before is given again.
        """
        with self.between_steps(READ_PATIENCE_SECONDS) as locked:
            if locked:
                self._view = self._copy()
            else:
                self._view = replace(self._view, status=self.status)
            return self._view

    def keep_moment(self) -> int:
        """Takes a snapshot of the network as it stands; its step."""
        with self.between_steps():
            trainer = self.trainer
            trainer.snapshots.take(trainer.step_count, trainer.network.parameters)
            return trainer.step_count

    def inspect(self, step: int | None = None) -> Inspection:
        """A copy of the network as it stood at a snapshot, or as it stands now, with all the probes so far.

        step: the latest snapshot at or before it is taken; None is now. Waits for the step under way.
        """
        with self.between_steps():
            trainer = self.trainer
            network, probes, now = trainer.network.copy(), trainer.probes.probes(), trainer.step_count
            steps, best = trainer.snapshots.steps, trainer.snapshots.best_step
            if step is not None and step < now:
                snapshot = trainer.snapshots.at(step)
                network.parameters[:], now = snapshot.parameters, snapshot.step
        return Inspection(now, network, probes, steps, best)

    @contextmanager
    def between_steps(self, timeout: float = -1) -> Iterator[bool]:
        """Holds the run between two steps while its trainer is read; the worker lets readers pass first.

        Gives whether it could be held within `timeout` seconds, as long as it takes by default. Be quick: it waits.
        """
        self._readers += 1
        try:
            locked = self._lock.acquire(timeout=timeout)
        finally:
            self._readers -= 1
        try:
            yield locked
        finally:
            if locked:
                self._lock.release()

    def _copy(self) -> RunView:
        trainer = self.trainer
        rate = self._rate()
        left = (trainer.total_steps - trainer.step_count) / rate if rate else float("inf")
        return RunView(
            status=self.status,
            place_in_queue=self._slots.place(self),
            config=trainer.config,
            step=trainer.step_count,
            epoch=trainer.epoch,
            steps_per_epoch=trainer.steps_per_epoch,
            total_steps=trainer.total_steps,
            samples_per_second=rate * trainer.batch_size,
            seconds_left=left,
            history=trainer.history.copy(),
            batch=trainer.last_batch(),
            class_names=trainer.dataset.class_names,
            train_size=len(trainer.dataset.train),
            diverged=trainer.diverged,
            failure=self._failure,
        )

    def _rate(self) -> float:
        """Steps a second over the last few seconds, 0 when unknown."""
        if len(self._progress) < 2:
            return 0.0
        (start, first), (end, last) = self._progress[0], self._progress[-1]
        return (last - first) / (end - start) if end > start else 0.0

    # -- the thread

    def _go(self, target: float, steps_per_second: float | None, *, exact: bool = False) -> None:
        """Trains until the target; `exact` probes every step, as slow motion does."""
        with self._wake:
            self._target, self._steps_per_second, self._exact = target, steps_per_second, exact
            self._failure = ""
            self._progress.clear()
            self._wake.notify_all()

    def _work(self) -> None:
        while not self._stopping:
            with self._wake:
                self._wake.wait_for(lambda: self.active or self._stopping)
            self._working = True
            self._slots.join(self)
            try:
                self._train()
            except TrainingDivergedError:
                self._withdraw_target()  # the trainer remembers it and `status` says so
            except Exception as error:  # noqa: BLE001 - whatever it is, the page must say so and the thread go on
                _log.exception("a background run failed")
                self._failure = f"{type(error).__name__}: {error}"
                self._withdraw_target()
            finally:
                self._working = False
                self._slots.leave(self)

    def _train(self) -> None:
        """Trains until the target is reached or withdrawn."""
        while self.active and not self._slots.wait(self, timeout=0.1):
            pass
        with self._turn:  # only now: a run that waits for its slot must not keep one that has it waiting
            if self.active:
                self._train_in_turn()

    def _train_in_turn(self) -> None:
        if self.trainer.step_count == 0:
            self._measure()
        due = monotonic()
        while not self._target_reached():
            pace = self._steps_per_second
            self.trainer.probes.every_step = self._exact or pace is not None
            with self._lock:
                steps = 1 if pace is not None else self._steps_to_target()
                self.trainer.advance(steps=steps, seconds=None if pace is not None else SLICE_SECONDS)
                self._note_progress()
            self._check_validation()
            while self._readers:  # Python's locks are not fair: without this a page would hardly ever get one
                sleep(0.0005)
            if pace is not None:
                due = max(due + 1 / pace, monotonic())
                self._rest(pace, due)
                due = min(due, monotonic())  # another speed may have been asked for meanwhile
        self._check_validation(always=True)

    def _target_reached(self) -> bool:
        """Whether to pause; a reached target is withdrawn under the same lock that sets a new one."""
        with self._wake:
            if self._target is not None and (self.trainer.finished or self.trainer.step_count >= self._target):
                self._target = None
            return self._target is None

    def _steps_to_target(self) -> int | None:
        target = self._target
        return None if target is None or target == inf else max(0, int(target) - self.trainer.step_count)

    def _withdraw_target(self) -> None:
        with self._wake:
            self._target = None
            self._wake.notify_all()

    def _rest(self, pace: float, until: float) -> None:
        """Waits for the next step of slow motion, or until a person asks for something else."""
        with self._wake:
            self._wake.wait_for(lambda: not self.active or self._steps_per_second != pace, until - monotonic())

    def _note_progress(self) -> None:
        now = monotonic()
        self._progress.append((now, self.trainer.step_count))
        while self._progress and now - self._progress[0][0] > RATE_WINDOW_SECONDS:
            self._progress.popleft()

    def _check_validation(self, always: bool = False) -> None:
        """Measures the validation digits now and then."""
        if self._stopping:  # another run may be waiting for its turn
            return
        trainer = self.trainer
        checks = trainer.history.checks
        if checks and checks[-1].step > self._checked_step:  # the end of an epoch has been measured
            self._checked_at, self._checked_step = perf_counter(), checks[-1].step
        early = trainer.step_count >= 4 * self._checked_step and self._quickest_check < QUICK_CHECK_SECONDS
        pause = max(self._check_seconds / EVALUATION_SHARE, trainer.seconds / CHECKS_OF_A_RUN)
        affordable = perf_counter() - self._checked_at > pause
        if always or affordable or (early and trainer.epoch == 0):
            started = perf_counter()
            self._measure()
            self._checked_at = perf_counter()
            self._check_seconds = self._checked_at - started
            self._quickest_check = min(self._quickest_check or inf, self._check_seconds)
            self._checked_step = trainer.step_count

    def _measure(self) -> None:
        """Measures them once for each step. Only the thread whose turn it is changes the weights, so pages go on."""
        trainer = self.trainer
        checks = trainer.history.checks
        if not checks or checks[-1].step != trainer.step_count:
            found = trainer.evaluate("validation")
            with self._lock:
                trainer.keep_check(found)
