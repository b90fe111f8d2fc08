"""A network in training: `step()` is one mini-batch, everything else is made of steps.

A `Trainer` never prints, sleeps or plots, and the same config gives the same bytes: stepped one by one, run in
chunks, paused, or saved and resumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from numbers import Integral, Real
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlp.data import Augmentation, Batcher, Dataset, Progress, Split, build_input_scaling, epoch_order, load_dataset
from mlp.data.augmentation import SIDE
from mlp.data.randomness import Stream, generator
from mlp.nn import (
    LOSSES,
    LOSSES_PER_SAMPLE,
    MLP,
    InputScaling,
    build_optimizer,
    build_schedule,
    clip_gradient_norm,
    softmax,
)
from mlp.training.config import FULL_BATCH, LIVE_SETTINGS, RunConfig
from mlp.training.history import EpochRecord, Evaluation, History, StepRecord, ValidationCheck
from mlp.training.probes import PROBE_DIGITS, ProbeLog
from mlp.training.snapshots import DEFAULT_BUDGET, SnapshotLog
from mlp.training.threads import threads_for, using_threads

SplitName = Literal["train", "validation", "test"]

# A larger batch is accumulated in chunks of this many digits, so that a full batch needs little memory and a run
# can be paused in the middle of it.
CHUNK_SIZE = 4096
# For large networks the chunks are smaller: so many units times digits at the most, which keeps the largest network
# that the bounds allow (six layers of 1,024 units in float64, with dropout) below 2 GB.
CHUNK_VALUES = 10_000_000
EVALUATION_CHUNK = 1000
# No update is made from a loss that is not finite, nor from a gradient that is not; the gradient, and the weights after
# the update, are looked at where the loss gives reason to. How often the weights are looked at and copied as good ones
# in any case.
SUSPICIOUS_LOSS = 100.0
STEPS_BETWEEN_COPIES = 100


class TrainingDivergedError(RuntimeError):
    """A loss, gradient or weight is no longer a finite number; the last good weights were kept.

    `step`: the step that failed. `place`: the layer. `cause`: the likely reason. `remedy`: settings to try.
    """

    def __init__(self, step: int, place: str, cause: str, remedy: dict[str, Any]) -> None:
        self.step, self.place, self.cause, self.remedy = step, place, cause, remedy
        super().__init__(
            f"Training stopped at step {step:,}: the numbers grew beyond what a computer can hold, first in {place}. "
            f"{cause}"
        )

    def state(self) -> dict[str, Any]:
        """What makes the same error again."""
        return {"step": self.step, "place": self.place, "cause": self.cause, "remedy": dict(self.remedy)}


@dataclass(frozen=True, slots=True)
class BatchView:
    """Digits of one batch with the answers given before its update.

    pixels: (n, 784) uint8 as the network met them, labels: (n,), probabilities: (n, K), step: which batch.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probabilities: NDArray[Any]
    step: int


@dataclass(slots=True)
class _OpenStep:
    """A step whose gradient is still being added up, chunk by chunk."""

    positions: NDArray[np.int64]
    started: float
    done: int = 0
    chunks: int = 0
    loss: float = 0.0
    correct: int = 0


class Trainer:
    """Trains one network as a `RunConfig` says."""

    def __init__(
        self, config: RunConfig, dataset: Dataset | None = None, *, snapshot_budget: int = DEFAULT_BUDGET
    ) -> None:
        """Loads `config.dataset` unless a dataset is given in hand; the network stands at its initial weights.

        snapshot_budget: bytes that all snapshots of the weights together may take.

        Raises ValueError for settings that do not fit the data, DatasetError when the data cannot be had.
        """
        self.config = config
        self.dataset = dataset if dataset is not None else load_digits(config)
        if not len(self.dataset.train):
            raise ValueError("the dataset must have at least one training digit, got none")
        scaling = build_input_scaling(config.input_scaling, self.dataset.train)
        self.network = MLP(
            [self.dataset.num_pixels, *config.hidden_layers, self.dataset.num_classes],
            activation=config.activation,
            weight_init=config.weight_init,
            init_std=config.weight_init_std,
            dropout=config.dropout,
            input_scaling=scaling,
            rng=np.random.default_rng(config.seed),
            dtype=np.dtype(config.dtype),
        )
        self.optimizer = build_optimizer(
            config.optimizer,
            self.network,
            learning_rate=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        train_size = len(self.dataset.train)
        self.batch_size = train_size if config.batch_size == FULL_BATCH else min(int(config.batch_size), train_size)
        self.steps_per_epoch = -(-train_size // self.batch_size)
        self.history = History()
        self.diverged: TrainingDivergedError | None = None
        self.weights_given = False  # by `start_from`
        self.chunk_size = min(self.batch_size, CHUNK_SIZE, CHUNK_VALUES // sum(self.network.layer_sizes[1:]))
        self.threads = threads_for(self.chunk_size * self.network.num_parameters)
        self._batcher = self.new_batcher(self.chunk_size)
        size = self.dataset.train.source.shape[1:]
        if self._batcher.augmentation and size != (SIDE, SIDE):
            raise ValueError(f"images must be {SIDE} by {SIDE} pixels to be augmented, got {size}")
        self._loss = LOSSES[config.loss]
        self._schedule = self._build_schedule()
        self._open_step: _OpenStep | None = None
        self._order: tuple[int, NDArray[np.int64]] | None = None
        self._answers: tuple[NDArray[Any], NDArray[np.int64]] | None = None
        self._seconds = 0.0
        self._epoch_batches: list[tuple[float, float]] = []  # loss and accuracy of the steps of the epoch under way
        self._good_parameters = self.network.parameters.copy()
        self.probes = ProbeLog(self.network, self._probe_batch(scaling))
        self.snapshots = SnapshotLog(self.network.parameters.nbytes, self.total_steps, snapshot_budget)
        self.snapshots.take(0, self.network.parameters)

    def _probe_batch(self, scaling: InputScaling) -> NDArray[Any]:
        """(n, 784) the first training digits, scaled: what the probes look at, the same over the whole run."""
        digits = self.dataset.train
        positions = np.arange(min(PROBE_DIGITS, len(digits)))
        pixels = digits.gather(positions, np.empty((len(positions), self.dataset.num_pixels), np.uint8))
        return scaling(pixels, np.empty(pixels.shape, self.network.dtype))

    def start_from(self, network: MLP) -> None:
        """Puts the weights of another network in place of the seed's; all else stays as the config says.

        Raises RuntimeError when something was already trained or measured, ValueError for a network of other sizes,
        another activation, type or input scaling; nothing is changed then.
        """
        if self.history.checks or self.step_count or self._open_step is not None:
            raise RuntimeError("a run can start from given weights only before its first step and evaluation")
        own, given = self.network, network
        for name, mine, other in (
            ("layer_sizes", own.layer_sizes, given.layer_sizes),
            ("activation", own.activation, given.activation),
            ("dtype", own.dtype, given.dtype),
        ):
            if mine != other:
                raise ValueError(f"{name} of the network must be {mine}, as the config says, got {other}")
        for part in ("offset", "factor"):
            if not np.array_equal(getattr(own.input_scaling, part), getattr(given.input_scaling, part)):
                raise ValueError(f"the network must scale its inputs as {self.config.input_scaling!r} does here")
        own.load_state_dict(given.state_dict())
        self.weights_given = True
        np.copyto(self._good_parameters, own.parameters)
        self.snapshots = SnapshotLog(own.parameters.nbytes, self.total_steps, self.snapshots.budget)
        self.snapshots.take(0, own.parameters)

    # -- where the run stands

    @property
    def step_count(self) -> int:
        """Steps done so far."""
        return self.history.steps.count

    @property
    def epoch(self) -> int:
        """Epochs completed so far."""
        return self.step_count // self.steps_per_epoch

    @property
    def total_steps(self) -> int:
        """Steps in all the epochs that the config asks for."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def finished(self) -> bool:
        """Whether all epochs are done; more `epochs` can be asked for by `change`."""
        return self.step_count >= self.total_steps

    @property
    def seconds(self) -> float:
        """Time spent in steps so far, without pauses and evaluations."""
        return self._seconds

    # -- training

    def step(self) -> StepRecord:
        """Trains on one mini-batch.

        Raises RuntimeError when every epoch is done, TrainingDivergedError when a number is no longer finite.
        """
        while (record := self._advance_chunk()) is None:
            pass
        return record

    def advance(self, *, steps: int | None = None, seconds: float | None = None) -> StepRecord | None:
        """Trains for a number of steps or seconds, whichever is over first, at the most to the end of the run.

        Returns the last completed step, None if there is none. A large batch may be left half done when the time
        is over; the next call goes on with it.

        Raises as `step` does, and ValueError for neither of the two, or one that is no number of steps or seconds.
        """
        if steps is None and seconds is None:
            raise ValueError("advance takes steps or seconds, got neither")
        if steps is not None and (not isinstance(steps, Integral) or isinstance(steps, bool) or steps < 0):
            raise ValueError(f"steps must be a whole number of 0 or more, got {steps!r}")
        if seconds is not None and (not isinstance(seconds, Real) or isinstance(seconds, bool) or not seconds >= 0):
            raise ValueError(f"seconds must be 0 or more, got {seconds!r}")
        end = self.step_count + (steps if steps is not None else inf)
        deadline = perf_counter() + (seconds if seconds is not None else inf)
        last = None
        while not self.finished and self.step_count < end:
            last = self._advance_chunk() or last
            if perf_counter() >= deadline:
                break
        return last

    def epochs(self) -> Iterator[EpochRecord]:
        """Trains to the end of the run; yields each epoch's record as it is done."""
        while not self.finished:
            self.advance(steps=self.steps_per_epoch - self.step_count % self.steps_per_epoch)
            yield self.history.epochs[-1]

    def change(self, **settings: Any) -> None:
        """Changes learning_rate, momentum, weight_decay or epochs from the next step on.

        Raises ValueError for a value out of bounds or a setting that needs a new network.
        """
        for name in settings:
            if name not in LIVE_SETTINGS:
                raise ValueError(f"{name} needs a new network; what can change is {', '.join(LIVE_SETTINGS)}")
        self.config = self.config.changed(**settings)
        self.optimizer.momentum = self.config.momentum
        self.optimizer.weight_decay = self.config.weight_decay
        self._schedule = self._build_schedule()

    def new_batcher(self, rows: int) -> Batcher:
        """What makes batches of up to `rows` training digits as this run's are made, in buffers of its own."""
        config = self.config
        augmentation = Augmentation(
            shift=config.augment_shift,
            rotation=config.augment_rotation,
            scale=config.augment_scale,
            shear=config.augment_shear,
            elastic=config.augment_elastic,
        )
        return Batcher(
            self.dataset.train,
            self.network.input_scaling,
            rows,
            self.network.dtype,
            augmentation=augmentation or None,
            seed=config.seed,
        )

    @property
    def untaught(self) -> bool:
        """Whether the weights are still those that the seed gave."""
        return not (self.step_count or self.weights_given)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of the update after `step` steps, as the schedule has it."""
        rate: float = self.config.learning_rate * self._schedule(step)
        return rate

    def _build_schedule(self) -> Any:
        return build_schedule(
            self.config.schedule,
            total_steps=self.total_steps,
            warmup_steps=round(self.config.warmup_epochs * self.steps_per_epoch),
            decay_every=max(1, round(self.config.decay_epochs * self.steps_per_epoch)),
            decay_factor=self.config.decay_factor,
        )

    def _advance_chunk(self) -> StepRecord | None:
        """Forward and backward over the next chunk of the batch; the update when it was the last one."""
        if self.diverged is not None:
            raise self.diverged
        if self._open_step is None:
            if self.finished:
                raise RuntimeError(f"the run is complete after {self.config.epochs} epochs; ask for more to go on")
            self._open_step = self._begin_step()
        with using_threads(self.threads):
            return self._take_chunk(self._open_step)

    def _take_chunk(self, step: _OpenStep) -> StepRecord | None:
        whole = len(step.positions) <= self.chunk_size
        positions = step.positions if whole else step.positions[step.done : step.done + self.chunk_size]
        x, labels = self._batcher.batch(positions, self.step_count, step.chunks)
        logits = self.network.forward(x, training=True)
        loss, dlogits = self._loss(logits, labels)
        if not whole:
            share = len(positions) / len(step.positions)  # so that the chunks' gradients add up to the batch's mean
            loss *= share
            dlogits *= share
        if not isfinite(loss):
            self._stop_diverged()
        self.network.backward(dlogits, accumulate=step.done > 0)
        self._answers = logits, labels
        step.loss += loss
        step.correct += int(np.count_nonzero(logits.argmax(axis=1) == labels))
        step.done += len(positions)
        step.chunks += 1
        return self._finish_step(step) if step.done == len(step.positions) else None

    def _begin_step(self) -> _OpenStep:
        if self.config.dropout:
            self.network.dropout_rng = generator(self.config.seed, Stream.DROPOUT, self.step_count)
        return _OpenStep(self._positions(), perf_counter())

    def _positions(self) -> NDArray[np.int64]:
        """(batch_size,) which training digits the coming step takes; fewer in the last step of an epoch."""
        epoch, batch = divmod(self.step_count, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, epoch_order(len(self.dataset.train), self.config.seed, epoch)
        start = batch * self.batch_size
        return self._order[1][start : start + self.batch_size]

    def _finish_step(self, step: _OpenStep) -> StepRecord:
        number = self.step_count + 1
        self.probes.before_update(number, self._seconds)
        limit = self.config.gradient_clip
        if limit is not None or step.loss > SUSPICIOUS_LOSS:
            norm = clip_gradient_norm(self.network, limit or inf)
            if not isfinite(norm):
                self._stop_diverged()
        learning_rate = self.learning_rate_at(number - 1)
        self.optimizer.learning_rate = learning_rate
        self.optimizer.step()
        if step.loss > SUSPICIOUS_LOSS or number % STEPS_BETWEEN_COPIES == 0 or number == self.total_steps:
            self._keep_good_parameters()
        self.probes.after_update(number)
        self._open_step = None

        accuracy = step.correct / len(step.positions)
        self._seconds += perf_counter() - step.started
        self.history.steps.append(step.loss, accuracy, learning_rate, self._seconds)
        self._epoch_batches.append((step.loss, accuracy))
        if self.probes.every_step or self.snapshots.wants(number):
            self.snapshots.take(number, self.network.parameters)
        epoch, into_epoch = divmod(number - 1, self.steps_per_epoch)
        if into_epoch + 1 == self.steps_per_epoch:
            self.history.epochs.append(self._epoch_record(epoch + 1))
        return StepRecord(number, epoch + 1, step.loss, accuracy, learning_rate)

    def _keep_good_parameters(self) -> None:
        """Copies the parameters if they are all finite; done after the very last step too, which no other checks."""
        if not np.isfinite(self.network.parameters).all():
            self._stop_diverged()
        np.copyto(self._good_parameters, self.network.parameters)

    def _epoch_record(self, epoch: int) -> EpochRecord:
        losses, accuracies = np.array(self._epoch_batches).T.copy()
        self._epoch_batches.clear()
        sizes = np.full(self.steps_per_epoch, self.batch_size)
        sizes[-1] = len(self.dataset.train) - self.batch_size * (self.steps_per_epoch - 1)
        validation, test = self.check_validation(), self.evaluate("test")
        seconds = self._seconds - sum(record.seconds for record in self.history.epochs)
        return EpochRecord(
            epoch,
            self.step_count,
            float(np.average(losses, weights=sizes)),
            float(losses.std()),
            float(np.average(accuracies, weights=sizes)),
            validation.loss,
            validation.accuracy,
            test.loss,
            test.accuracy,
            seconds,
        )

    def _stop_diverged(self) -> None:
        """Keeps the last good weights and raises TrainingDivergedError, now and at any later step."""
        place = self.network.first_non_finite() or "the length of the gradient"
        if not np.isfinite(self.network.parameters).all():
            np.copyto(self.network.parameters, self._good_parameters)
        self._open_step = None
        self.diverged = TrainingDivergedError(self.step_count + 1, place, *_likely_cause(self.config))
        raise self.diverged

    # -- measuring

    def evaluate(self, split: SplitName) -> Evaluation:
        """Mean loss and accuracy of the present weights on "train", "validation" or "test".

        Training digits are taken as they are, without augmentation. An empty split gives NaN.
        """
        digits: Split = getattr(self.dataset, split)
        if len(digits) == 0:
            return Evaluation(np.nan, np.nan, 0)
        pixels = np.empty((EVALUATION_CHUNK, self.dataset.num_pixels), np.uint8)
        loss, correct = 0.0, 0
        for start in range(0, len(digits), EVALUATION_CHUNK):
            positions = np.arange(start, min(start + EVALUATION_CHUNK, len(digits)))
            labels = digits.labels[positions]
            with using_threads(self.threads):  # anew for each chunk: others may be waiting
                logits = self.network.predict_logits(digits.gather(positions, pixels[: len(positions)]))
            loss += float(LOSSES_PER_SAMPLE[self.config.loss](logits, labels).sum(dtype=np.float64))
            correct += int(np.count_nonzero(logits.argmax(axis=1) == labels))
        return Evaluation(loss / len(digits), correct / len(digits), len(digits))

    def check_validation(self) -> Evaluation:
        """Evaluates the validation digits and keeps the result in the history, once for each step."""
        checks = self.history.checks
        if checks and checks[-1].step == self.step_count:
            return Evaluation(checks[-1].loss, checks[-1].accuracy, len(self.dataset.validation))
        found = self.evaluate("validation")
        self.keep_check(found)
        return found

    def keep_check(self, found: Evaluation) -> None:
        """Keeps what `evaluate("validation")` found at the present weights, and these if there were none better."""
        if found.size:
            self.history.checks.append(ValidationCheck(self.step_count, self.seconds, found.loss, found.accuracy))
            self.snapshots.take_best(self.step_count, self.network.parameters, found.loss)

    def last_batch(self, limit: int = 32) -> BatchView:
        """At most `limit` digits of the latest batch with the network's answers; of a large one, of the latest chunk.

        Before the first step, and after resuming, they are the digits of the step to come, with the answers that the
        network gives now. `step` is the step that the digits belong to.
        """
        step = self.step_count + (self._answers is None or self._open_step is not None)
        if self._answers is None:
            _, labels = self._batcher.batch(self._positions()[: self.chunk_size], self.step_count)
            pixels, labels = self._batcher.pixels[:limit], labels[:limit]
            return BatchView(pixels.copy(), labels.copy(), self.network.predict_proba(pixels), step)
        logits, labels = (array[:limit] for array in self._answers)
        return BatchView(self._batcher.pixels[:limit].copy(), labels.copy(), softmax(logits), step)

    # -- saving and resuming

    def state(self) -> dict[str, Any]:
        """All that is needed to go on: settings, parameters, the optimizer's memory, the history, the best moment.

        Of the snapshots it has the best one alone. A large batch under way is not part of it: resuming starts that
        step anew, with the same result.
        """
        return {
            "config": self.config.to_dict(),
            "parameters": self.network.parameters.copy(),
            "optimizer": self.optimizer.state(),
            "history": self.history.state(),
            "probes": self.probes.state(),
            "seconds": self._seconds,
            "epoch_batches": np.array(self._epoch_batches, np.float64).reshape(-1, 2),
            "weights_given": self.weights_given,
            "best": self.snapshots.best(),
            "diverged": None if self.diverged is None else self.diverged.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], dataset: Dataset | None = None) -> Trainer:
        """The trainer that `state` described, ready to go on with the same bytes. Raises as `Trainer` does."""
        trainer = cls(RunConfig.from_dict(state["config"]), dataset)
        np.copyto(trainer.network.parameters, state["parameters"])
        np.copyto(trainer._good_parameters, state["parameters"])
        trainer.optimizer.load_state(state["optimizer"])
        trainer.history = History.from_state(state["history"])
        trainer.probes.load_state(state["probes"])
        trainer._seconds = state["seconds"]
        trainer._epoch_batches = [(loss, accuracy) for loss, accuracy in state["epoch_batches"].tolist()]
        trainer.weights_given = state["weights_given"]
        if state["diverged"] is not None:
            trainer.diverged = TrainingDivergedError(**state["diverged"])
        nbytes, budget = trainer.network.parameters.nbytes, trainer.snapshots.budget
        trainer.snapshots = SnapshotLog(nbytes, trainer.total_steps, budget)
        trainer.snapshots.take(trainer.step_count, trainer.network.parameters)
        if state["best"] is not None:
            trainer.snapshots.take_best(**state["best"])
        return trainer


def load_digits(config: RunConfig, progress: Progress | None = None) -> Dataset:
    """The digits that a config asks for; `progress` hears of a download. Raises as `mlp.data.load_dataset` does."""
    return load_dataset(
        config.dataset,
        classes=config.classes,
        train_size=config.train_size,
        validation_size=config.validation_size,
        label_noise=config.label_noise,
        seed=config.seed,
        progress=progress,
    )


def _likely_cause(config: RunConfig) -> tuple[str, dict[str, Any]]:
    """Why the numbers overflowed, in one sentence, and the settings to try instead."""
    if config.input_scaling == "none":
        cause = "The pixels enter unscaled, from 0 to 255, which makes every step 255 times as long or more."
        return cause, {"input_scaling": "unit"}
    usual = 0.1 if config.optimizer in ("sgd", "momentum", "nesterov", "adagrad") else 0.001
    if config.learning_rate > usual:
        cause = f"The learning rate {config.learning_rate:g} is most likely too high."
        return cause, {"learning_rate": usual}
    cause = "The steps became too long; limiting the length of the gradient usually helps."
    return cause, {"gradient_clip": 1.0}
