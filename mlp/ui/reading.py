"""Who reads what on the drawing page: the networks that can answer, and the picture that they are given."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.analysis import Preparation, Stage, classify, pretrained_network, stages_from_image, stages_from_strokes
from mlp.data import Dataset, load_dataset
from mlp.nn import MLP
from mlp.training import BackgroundRun, Inspection
from mlp.ui import moment, names, session
from mlp.ui.board import SIDE, Board

PRETRAINED, OWN, TAUGHT = "pretrained", "own", "taught"
_LABELS = {PRETRAINED: "Trained in advance", OWN: "Yours", TAUGHT: "Taught by you"}
_WHO = "draw_network"


@dataclass(frozen=True, eq=False)
class Reader:
    """A network that answers, and the digits that it learned from and is tested with."""

    network: MLP
    dataset: Dataset
    title: str  # "the network trained in advance"
    loss: str = "cross_entropy"  # that it learned with
    classes: tuple[int, ...] | None = None  # the numbers of its classes in the whole dataset; None are all

    def label_of(self, class_name: str | None) -> int | None:
        """Which of this network's classes has that name, or None."""
        found = self.dataset.class_names
        return found.index(class_name) if class_name in found else None

    def name_of(self, label: int) -> str:
        """The name of one of its classes."""
        return self.dataset.class_names[label]


@dataclass(frozen=True, eq=False)
class Reading:
    """What is on the paper as a network reads it. pixels: (28, 28) uint8."""

    pixels: NDArray[np.uint8]
    stages: list[Stage]  # none for a digit that comes prepared
    class_name: str | None  # what it is, if that is known
    title: str  # "your drawing"


def choose_network(run: BackgroundRun) -> str:
    """The control for the network that answers; the session's own as soon as it has learned something."""
    options = [PRETRAINED, OWN] + ([TAUGHT] if session.TAUGHT in st.session_state else [])
    if st.session_state.get(_WHO) not in options:
        st.session_state[_WHO] = PRETRAINED if run.trainer.untaught else OWN
    chosen = st.segmented_control(
        "Who answers",
        options,
        required=True,
        format_func=_LABELS.__getitem__,
        key=_WHO,
        persist_state="session",
    )
    return chosen or PRETRAINED


def offer_taught(reader: Reader) -> None:
    """From now on this network can be chosen too."""
    st.session_state[session.TAUGHT] = reader


def choose_own() -> None:
    """Lets the session's own network answer; before the page is drawn."""
    st.session_state[_WHO] = OWN


def choose_taught() -> None:
    """Lets the taught network answer; for callbacks."""
    st.session_state[_WHO] = TAUGHT


def reader_now(run: BackgroundRun) -> Reader:
    """The chosen network at the chosen moment."""
    who = st.session_state.get(_WHO, PRETRAINED)
    taught: Reader | None = st.session_state.get(session.TAUGHT)
    if who == TAUGHT and taught is not None:
        return taught
    if who == OWN:
        return own_reader(run, moment.chosen_moment(run))
    return pretrained_reader()


def own_reader(run: BackgroundRun, found: Inspection) -> Reader:
    """The session's own network as it stood at a moment."""
    trainer = run.trainer
    config, title = trainer.config, f"your network at step {found.step:,}"
    return Reader(found.network, trainer.dataset, title, config.loss, config.classes)


@st.cache_resource(show_spinner=False)
def pretrained_reader() -> Reader:
    """The network that ships with the project, one for all sessions: it only answers."""
    return Reader(pretrained_network(), load_dataset("mnist", validation_size=0), "the network trained in advance")


@st.cache_resource(show_spinner=False)
def pretrained_accuracy() -> float:
    """The share of the 10,000 MNIST test digits that the pretrained network answers right, measured here and now."""
    reader = pretrained_reader()
    return classify(reader.network, reader.dataset.test).accuracy


def step_key(step: str) -> str:
    """The switch of one step of the preparation."""
    return f"draw_{step}"


def chosen_preparation() -> Preparation:
    """As the switches say."""
    chosen = {step.name: st.session_state.get(step_key(step.name), True) for step in fields(Preparation)}
    return Preparation(**chosen)


def read(board: Board) -> tuple[Reading | None, str]:
    """What a network reads of the board, or None and why there is nothing to read."""
    picture = board.shown
    if board.empty:
        return None, ""
    if picture is not None and picture.prepared:
        return Reading(picture.pixels, [], picture.class_name, picture.title), ""
    preparation = chosen_preparation()
    try:
        if picture is None:
            title = "your drawing"
            stages = stages_from_strokes(board.strokes, (SIDE, SIDE), preparation, pen_width=board.pen_width)
        else:
            title = picture.title
            if board.stages is None or board.stages[0] != (board.edition, preparation):
                board.stages = (board.edition, preparation), stages_from_image(picture.pixels, preparation)
            stages = board.stages[1]
    except ValueError as error:
        return None, names.whole_sentence(error)
    return Reading(stages[-1].picture, stages, None, title), ""
