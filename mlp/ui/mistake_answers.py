"""What the networks of a run made of each digit, now and before, worked out a little at a time and kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter

import streamlit as st

from mlp.analysis import Answers, Biographies, classify
from mlp.data import Split
from mlp.nn import MLP
from mlp.training import BackgroundRun, Inspection, Trainer
from mlp.ui import session
from mlp.ui.moment import stands_still
from mlp.viz import Palette, palette

LOOK_BACK_SECONDS = 0.25  # of each redraw go into the moments of before, the rest into the next redraw
SLOW_SECONDS = 0.5  # a network that takes longer for all digits does not answer them at every poll,
REST = 4  # but rests this many times as long as they take it


@dataclass
class _Found:
    """The answers at a moment, when they were worked out and in what time, both in seconds."""

    step: int
    answers: Answers
    at: float
    seconds: float


@dataclass
class _Kept:
    """What one trainer's digits were answered, so that nothing is worked out twice. By the name of the split."""

    trainer: Trainer
    latest: dict[str, _Found] = field(default_factory=dict)
    biographies: dict[str, Biographies] = field(default_factory=dict)
    chosen_for: dict[str, tuple[int, bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """What a redraw shows: the answers to the digits of a split at `step`, and what is known of the moments before.

    `seconds` is what the answers took. `step` is that of the moment, or an earlier one while a slow network trains.
    """

    run: BackgroundRun
    moment: Inspection
    split_name: str
    split: Split
    step: int
    answers: Answers
    seconds: float
    biographies: Biographies
    colours: Palette

    @property
    def word(self) -> str:
        """What one of them is called: "test digit"."""
        return f"{self.split_name} digit"

    @property
    def class_names(self) -> tuple[str, ...]:
        """(K,)"""
        return self.run.trainer.dataset.class_names


def look(run: BackgroundRun, moment: Inspection, split_name: str, split: Split) -> View:
    """The answers of this moment, and those of before that are known by now."""
    kept: _Kept | None = st.session_state.get(session.BIOGRAPHIES)
    if kept is None or kept.trainer is not run.trainer:
        kept = st.session_state[session.BIOGRAPHIES] = _Kept(run.trainer)
    found = kept.latest.get(split_name)
    if found is None or (found.step != moment.step and not _rests(run, found)):
        started = perf_counter()
        answers = classify(moment.network, split)
        done = perf_counter()
        found = kept.latest[split_name] = _Found(moment.step, answers, done, done - started)
    biographies = kept.biographies.setdefault(split_name, Biographies(len(split)))
    # While a moment is held and the run goes on, its past is that of the hold, or it would never be complete.
    held = moment.step, run.busy
    if not stands_still(run) or kept.chosen_for.get(split_name) != held:
        biographies.choose(sorted({*moment.snapshot_steps, found.step}))
        kept.chosen_for[split_name] = held
    biographies.add(found.step, found.answers)
    colours = palette(st.context.theme.type)
    return View(run, moment, split_name, split, found.step, found.answers, found.seconds, biographies, colours)


def _rests(run: BackgroundRun, found: _Found) -> bool:
    """Whether it is too soon to ask a slow network again: the page would keep the buttons waiting."""
    slow = found.seconds > SLOW_SECONDS and not stands_still(run)
    return slow and perf_counter() - found.at < REST * found.seconds


def look_back(view: View) -> None:
    """Asks the networks of before, for as long as a redraw may take; the page goes on by itself until all are known."""
    still, missing = stands_still(view.run), view.biographies.missing
    if not missing or (not still and view.seconds > LOOK_BACK_SECONDS):
        return
    end, twin = perf_counter() + LOOK_BACK_SECONDS, view.moment.network.copy()
    for step in missing:
        _add_moment(view, twin, step)
        if perf_counter() > end:
            break
    if still:
        st.rerun()


def _add_moment(view: View, twin: MLP, step: int) -> None:
    snapshot = view.run.trainer.snapshots.at(step)
    if snapshot.step != step:  # thinned away meanwhile
        view.biographies.give_up(step)
        return
    twin.parameters[:] = snapshot.parameters
    view.biographies.add(step, classify(twin, view.split))
