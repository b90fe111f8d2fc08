"""Which digits the walk takes, and the walk itself, kept until the page stands still at another moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from mlp.analysis.step_curve import StepCurve
from mlp.analysis.walk import (
    MOST_DIGITS,
    Batch,
    Walk,
    coming_batch,
    dropout_masks,
    one_digit,
    settings_of,
    walk_step,
)
from mlp.nn import OPTIMIZERS
from mlp.training import BackgroundRun, Inspection, Trainer
from mlp.training.threads import using_threads
from mlp.ui import moment, names, session
from mlp.ui.subject import Subject

BATCH, TEST, SUBJECT = "batch", "test", "subject"
_SOURCE, _COUNT, _NUMBER, _LABEL = "backprop_source", "backprop_count", "backprop_number", "backprop_label"
_NAMES = {BATCH: "The run's next mini-batch", TEST: "One test digit", SUBJECT: "The digit handed over"}


@dataclass(frozen=True)
class Choice:
    """What the reader asks to walk: how many digits of the mini-batch, which test digit, or the label of another."""

    source: str
    number: int = 0
    label: int = 0
    handed: Subject | None = None


@dataclass(eq=False)
class Walking:
    """A walk, and what it is a walk of. `step`: steps done before it. `known`: the optimizer's memory is the run's."""

    trainer: Trainer
    walk: Walk
    choice: Choice
    step: int
    title: str
    known: bool
    strongest: dict[int, int]  # by layer, the unit that is asked to change most; -1 is the input's pixel
    curve: StepCurve | None = None  # the loss along the step, once it was asked for


@dataclass
class Places:
    """Where the reader is: the stage, the digit and the units looked at. They outlive any network."""

    stage: str = "x"
    digit: int = 0
    units: dict[int, int] = field(default_factory=dict)  # by layer, -1 is the input
    rounds: int = 0  # of the game, and how many of them were won
    won: int = 0
    seen: Subject | None = None  # the digit handed over that the page has opened with already
    whole_page: bool = False  # whether all of the page is being drawn, not a part of it

    def unit(self, walking: Walking, layer: int) -> int:
        """The unit looked at in a layer, -1 being the input: the chosen one, else the one with the most to change."""
        count = walking.walk.network.layer_sizes[layer + 1]
        return min(self.units.get(layer, walking.strongest.get(layer, 0)), count - 1)


def places() -> Places:
    """The session's places."""
    found: Places = st.session_state.setdefault(session.WALK_PLACES, Places())
    return found


def current() -> Walking:
    """The session's walk. Raises KeyError before there is one."""
    found: Walking = st.session_state[session.WALK]
    return found


def subject() -> Subject | None:
    """The digit that another page handed over, if there is one."""
    return st.session_state.get(session.WALK_SUBJECT)


def take_over_subject() -> None:
    """A digit handed over a moment ago is what the page opens with."""
    handed, place = subject(), places()
    if handed is not None and place.seen is not handed:
        place.seen = handed
        st.session_state[_SOURCE] = SUBJECT


# -- choosing


def choose(run: BackgroundRun, found: Inspection) -> None:
    """The controls for the digits; takes a new walk where one is due, and says which step the numbers belong to."""
    choice = _controls(run.trainer)
    kept: Walking | None = st.session_state.get(session.WALK)
    still = moment.stands_still(run)
    if kept is None or kept.trainer is not run.trainer or kept.choice != choice or (still and _moved(kept, found.step)):
        kept = take(run, found, choice)
    _say_which(run, kept, still)


def _moved(kept: Walking, step: int) -> bool:
    """Whether the page stands at another step than the walk, or another one would be taken there by now."""
    return kept.step != step or kept.walk.settings != settings_of(kept.trainer, step)


def _controls(trainer: Trainer) -> Choice:
    handed = subject()
    options = [BATCH, TEST] + ([SUBJECT] if handed is not None else [])
    if st.session_state.get(_SOURCE) not in options:
        st.session_state[_SOURCE] = BATCH
    with st.container(horizontal=True, vertical_alignment="bottom", key="backprop_choice"):
        source = st.segmented_control(
            "Digits to walk with",
            options,
            required=True,
            format_func=_NAMES.__getitem__,
            key=_SOURCE,
            persist_state="session",
        )
        if source == BATCH or source is None:
            most = min(trainer.batch_size, MOST_DIGITS)
            return Choice(BATCH, _whole_number("How many of them", _COUNT, 1, most, most))
        if source == TEST:
            return Choice(TEST, _whole_number("Which one", _NUMBER, 0, len(trainer.dataset.test) - 1, 0))
    assert handed is not None  # noqa: S101 - else it is no option
    return _handed_over(trainer, handed)


def _whole_number(label: str, key: str, low: int, high: int, default: int) -> int:
    """A number field that keeps within its bounds when they change."""
    kept = st.session_state.get(key, default)
    st.session_state[key] = min(max(kept, low), high)
    chosen: int = st.number_input(label, low, high, key=key, width=150, persist_state="session")
    return chosen


def _handed_over(trainer: Trainer, handed: Subject) -> Choice:
    """The label of a digit from elsewhere: by its name, or as the reader says where the network has no such class."""
    class_names = trainer.dataset.class_names
    if handed.class_name is not None and handed.class_name in class_names:
        return Choice(SUBJECT, label=class_names.index(handed.class_name), handed=handed)
    if handed.class_name is None:
        st.info(f"What {handed.title} is, is not known. A loss needs a true class: choose one.")
    else:
        st.info(
            f"This is a {handed.class_name}, which this network has no class for; its classes are "
            f"{', '.join(class_names)}. Choose one to walk as if that were true."
        )
    chosen: int = st.pills(
        "True class",
        range(len(class_names)),
        default=0,
        required=True,
        format_func=class_names.__getitem__,
        key=f"{_LABEL}_{len(class_names)}",
    )
    return Choice(SUBJECT, label=chosen, handed=handed)


def _forget_walk() -> None:
    st.session_state.pop(session.WALK, None)


# -- taking


def take(run: BackgroundRun, found: Inspection, choice: Choice) -> Walking:
    """Walks a step from this moment, on copies: the run goes on undisturbed."""
    trainer, network, step, memory = run.trainer, found.network, found.step, None
    with run.between_steps():  # network and memory of one and the same moment
        if trainer.step_count == step or not moment.stands_still(run):
            network, step, memory = trainer.network.copy(), trainer.step_count, trainer.optimizer.state()
        settings = settings_of(trainer, step)
    batch, title = _batch(trainer, network, step, choice)
    masks = dropout_masks(trainer, step) if trainer.config.dropout else None
    with using_threads(trainer.threads):  # the same arithmetic as the run's, to the last bit
        walk = walk_step(network, batch, settings, memory=memory, masks=masks)
    forgetful = not OPTIMIZERS[settings.optimizer].vectors
    known = memory is not None or step == 0 or forgetful
    walking = Walking(trainer, walk, choice, step, title, known, _strongest(walk))
    st.session_state[session.WALK] = walking
    st.session_state.pop(session.WALK_CHECKS, None)
    return walking


@np.errstate(over="ignore")
def _strongest(walk: Walk) -> dict[int, int]:
    """What to look at first: in each layer the unit with the longest gradient, in the input its strongest pixel."""
    gradients = [np.nan_to_num(walk.network.gradients()[f"{i}.weight"]) for i in range(len(walk.network.linears))]
    found = {layer: int(np.linalg.norm(dW, axis=0).argmax()) for layer, dW in enumerate(gradients)}
    return {-1: int(np.abs(gradients[0][:, found[0]]).argmax()), **found}


def _batch(trainer: Trainer, network: Any, step: int, choice: Choice) -> tuple[Batch, str]:
    if choice.source == BATCH:
        batch = coming_batch(trainer, step, choice.number)
        count = len(batch.labels)
        if batch.whole:
            return batch, f"all {count:,} of the run's next mini-batch" if count > 1 else "the run's next digit"
        return batch, f"{count:,} of the {trainer.batch_size:,} digits of the run's next mini-batch"
    if choice.source == TEST:
        digits = trainer.dataset.test
        pixels = digits.source[digits.indices[choice.number]]
        return one_digit(network, pixels, int(digits.labels[choice.number])), f"test digit {choice.number:,}"
    handed = choice.handed
    assert handed is not None  # noqa: S101 - the only source that is left
    return one_digit(network, handed.pixels, choice.label), handed.title


def _say_which(run: BackgroundRun, walking: Walking, still: bool) -> None:
    """Which step the numbers below belong to."""
    settings, trainer = walking.walk.settings, walking.trainer
    per_epoch = trainer.steps_per_epoch
    words = f"**Step {walking.step + 1:,}** · epoch {walking.step / per_epoch:.1f} · {walking.title}"
    words += f" · {names.choice(settings.optimizer)} at {settings.learning_rate:.4g}"
    st.markdown(words)
    if not still:
        st.caption(
            f"The run goes on and is past step {run.trainer.step_count:,}; the numbers below stay those of step "
            f"{walking.step + 1:,}, until you pause or ask for others."
        )
        st.button("Take a new batch", icon=":material/refresh:", on_click=_forget_walk)
    if not walking.known:
        st.caption(
            f"What {names.choice(settings.optimizer)} remembered at this moment of the past is not kept: the update "
            "below is that of an optimizer that starts afresh. The gradients are the true ones."
        )
    if walking.choice.source == BATCH and not walking.walk.batch.whole:
        st.caption("The run itself takes more digits in this step, so its gradient and update differ from these.")
