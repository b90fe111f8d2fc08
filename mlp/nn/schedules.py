"""Schedules: how the learning rate changes over a run, as a multiple of the one that was set."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mlp.nn.network import one_of


def constant(t: int, schedule: Schedule) -> float:
    """1"""
    return 1.0


def step(t: int, schedule: Schedule) -> float:
    """factorᵏ with k = how many times `every` steps have passed"""
    return float(schedule.decay_factor ** (t // schedule.decay_every))


def exponential(t: int, schedule: Schedule) -> float:
    """factorᵏ with k = t / every: as step, but smooth"""
    return float(schedule.decay_factor ** (t / schedule.decay_every))


def cosine(t: int, schedule: Schedule) -> float:
    """(1 + cos(π t / T)) / 2: from 1 to 0 in T steps.   Loshchilov and Hutter 2017, "SGDR", arXiv:1608.03983"""
    T = max(1, schedule.total_steps - schedule.warmup_steps)
    return (1 + math.cos(math.pi * min(t / T, 1))) / 2


SCHEDULES: dict[str, Callable[[int, Schedule], float]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
}


@dataclass(frozen=True)
class Schedule:
    """The multiple of the learning rate at each step, counted from 0.

    It rises from near 0 to 1 in `warmup_steps` steps (Goyal et al. 2017, arXiv:1706.02677), then follows the schedule
    of that name, whose t counts the steps after the warm-up. `decay_every` is in steps.

    Raises:
        ValueError: the name is unknown or a number outside its bounds.
    """

    name: str
    total_steps: int
    warmup_steps: int = 0
    decay_every: int = 1000
    decay_factor: float = 0.5

    def __post_init__(self) -> None:
        one_of("schedule", self.name, SCHEDULES)
        for field, least in {"total_steps": 1, "warmup_steps": 0, "decay_every": 1}.items():
            if not getattr(self, field) >= least:
                raise ValueError(f"{field} must be at least {least}, got {getattr(self, field)!r}")
        if not 0 < self.decay_factor <= 1:
            raise ValueError(f"decay_factor must be in (0, 1], got {self.decay_factor!r}")

    def __call__(self, step: int) -> float:
        """The multiple at this step."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        return SCHEDULES[self.name](step - self.warmup_steps, self)


def build_schedule(
    name: str, *, total_steps: int, warmup_steps: int = 0, decay_every: int = 1000, decay_factor: float = 0.5
) -> Schedule:
    """The schedule of that name; settings that it has no use for are ignored. Raises as Schedule."""
    return Schedule(name, total_steps, warmup_steps, decay_every, decay_factor)
