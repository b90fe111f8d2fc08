"""Teaching: the drawings that a person kept with their right names, a lesson on them, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from mlp.training import Lesson, TrainingDivergedError, teach
from mlp.ui import names, reading, session
from mlp.ui.board import current_board
from mlp.ui.charts import live_charts
from mlp.ui.reading import Reader, Reading
from mlp.ui.tiles import answer_tile, digit_tiles
from mlp.viz import Palette, forgetting_bars, palette

MOST_DRAWINGS = 60
STEPS, LEARNING_RATE = 50, 0.05
STEP_COST = 150  # test digits read in the time of a step: 80 for the network trained in advance, 250 for the largest
TELL_SECONDS = 0.1
MIXES = {0.0: "Only these drawings", 0.5: "Half of each batch from its old digits"}
_NAME, _STEPS, _RATE, _MIX = "lesson_name", "lesson_steps", "lesson_rate", "lesson_mix"
_ONE = "lesson_forget"  # the drawing that is to be forgotten


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing as the network reads it, (28, 28) uint8, and what it is."""

    pixels: NDArray[np.uint8]
    class_name: str


@dataclass(frozen=True, eq=False)
class Taught:
    """A lesson: who was taught, with what, and what came of it."""

    reader: Reader
    drawings: list[Drawing]
    lesson: Lesson


@dataclass
class Album:
    """What a person has kept, and the last lesson on it."""

    drawings: list[Drawing] = field(default_factory=list)
    taught: Taught | None = None
    asked: bool = False  # for a lesson, until it has come to its end: a click elsewhere may break it off
    message: str = ""


def current_album() -> Album:
    """The session's album."""
    if session.ALBUM not in st.session_state:
        st.session_state[session.ALBUM] = Album()
    found: Album = st.session_state[session.ALBUM]
    return found


def teach_it(reader: Reader, found: Reading | None) -> None:
    """Keeps drawings under their right names, teaches a copy of the network with them, shows before and after."""
    album, colours = current_album(), palette(st.context.theme.type, reader.classes)
    st.markdown(
        "Say what your drawing is and keep it; with a few of them, a copy of the network takes some more steps of "
        "training. Then see what it learned, and what it forgot."
    )
    _keep_control(reader, found, album)
    if album.drawings:
        _lesson_controls(reader, album, colours)
    if album.message:
        st.warning(album.message)
    if album.taught is not None:
        _outcome(album.taught, colours)


def _keep_control(reader: Reader, found: Reading | None, album: Album) -> None:
    class_names = reader.dataset.class_names
    known = found.class_name if found is not None and found.class_name in class_names else None
    st.pills("What is it really?", class_names, default=known, key=_name_key(album, found))
    st.button(
        "Keep this drawing",
        icon=":material/bookmark_add:",
        on_click=_keep,
        disabled=found is None or len(album.drawings) >= MOST_DRAWINGS,
        help="Draw something first." if found is None else None,
    )
    if len(album.drawings) >= MOST_DRAWINGS:
        st.caption(f"{MOST_DRAWINGS} drawings are kept, as many as there is room for.")


def _name_key(album: Album, found: Reading | None) -> str:
    """A name is that of one drawing: the next one is not kept under it by mistake."""
    known = found.class_name if found is not None else None
    return f"{_NAME}_{current_board().edition}_{known}_{len(album.drawings)}"


def _lesson_controls(reader: Reader, album: Album, colours: Palette) -> None:
    usable = _usable(reader, album)
    tiles = []
    if usable:
        pixels = np.stack([each.pixels for each in usable])
        probabilities = reader.network.predict_proba(pixels)
        for each, shares in zip(usable, probabilities, strict=True):
            tiles.append(answer_tile(shares, reader.label_of(each.class_name) or 0, reader.dataset.class_names))
        digit_tiles(pixels.reshape(len(usable), -1), tiles, colours, key="lesson_drawings")
    right = sum(tile.right for tile in tiles)
    words = f"Kept: {names.count(len(usable), 'drawing')}. {reader.title.capitalize()} reads {right} right."
    if len(usable) < len(album.drawings):
        words += f" Left out, as it does not have their class: {len(album.drawings) - len(usable)}."
    st.caption(words)
    with st.container(horizontal=True, vertical_alignment="bottom", key="lesson_controls"):
        steps = st.slider("Steps", 1, 500, STEPS, key=_STEPS, width=220, persist_state="session")
        st.select_slider(
            "Learning rate",
            [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
            LEARNING_RATE,
            key=_RATE,
            width=220,
            persist_state="session",
        )
        st.selectbox(
            "Training on", list(MIXES), format_func=MIXES.__getitem__, key=_MIX, width=320, persist_state="session"
        )
        busy = album.asked or not usable
        st.button("Teach", type="primary", icon=":material/school:", on_click=_ask, disabled=busy)
        with st.popover("Forget"):
            st.pills(
                "One of them",
                range(len(album.drawings)),
                format_func=lambda number: f"No. {number + 1}: {album.drawings[number].class_name}",
                key=_ONE,
                on_change=_drop_one,
            )
            st.button("All drawings", on_click=_drop)
    line = st.progress(0.0, f"Press Teach to take {names.count(steps, 'step')}.")
    if album.asked:
        try:
            if usable:
                _teach(reader, usable, album, line)
        except Exception:  # which a lesson begun again would only repeat
            album.asked = False
            raise
        album.asked = False
        st.rerun()  # the network that was taught can be chosen at the top of the page


def _usable(reader: Reader, album: Album) -> list[Drawing]:
    return [each for each in album.drawings if each.class_name in reader.dataset.class_names]


# -- callbacks; they take no arguments, see session.current_run


def _keep() -> None:
    album = current_album()
    found, _ = reading.read(current_board())
    class_name = st.session_state.get(_name_key(album, found))
    if class_name is None or found is None:
        album.message = "Say first what the drawing is: press its name."
        return
    drawing = Drawing(found.pixels, class_name)
    for number, kept in enumerate(album.drawings):
        if np.array_equal(kept.pixels, drawing.pixels):  # one picture cannot be two things
            album.drawings[number] = drawing
            album.message = "This drawing is kept already."
            if kept.class_name != class_name:
                album.message = f"This drawing was kept as {kept.class_name} before: now it is kept as {class_name}."
            return
    album.message = ""
    album.drawings.append(drawing)


def _drop_one() -> None:
    album, number = current_album(), st.session_state[_ONE]
    if number is not None:
        del album.drawings[number]
        album.message = ""
        st.session_state[_ONE] = None


def _drop() -> None:
    album = current_album()
    album.drawings, album.taught, album.asked, album.message = [], None, False, ""


def _ask() -> None:
    album = current_album()
    album.asked, album.message = True, ""


def _use_taught() -> None:
    reading.choose_taught()
    st.rerun()


# -- the lesson


def _teach(reader: Reader, usable: list[Drawing], album: Album, line: DeltaGenerator) -> None:
    """Its progress is told on a line that stands there in any case."""
    steps, both = st.session_state[_STEPS], 2 * len(reader.dataset.test)
    told = 0.0

    def tell(taken: int, read: int) -> None:
        nonlocal told
        if monotonic() - told < TELL_SECONDS:
            return
        words = f"Step {taken:,} of {steps:,}"
        if read:
            words = f"Test digits, before and after: {read:,} of {both:,}"
        line.progress((STEP_COST * taken + read) / (STEP_COST * steps + both), words)
        told = monotonic()

    try:
        lesson = teach(
            reader.network,
            np.stack([each.pixels for each in usable]),
            np.array([reader.label_of(each.class_name) for each in usable]),
            dataset=reader.dataset,
            steps=steps,
            learning_rate=st.session_state[_RATE],
            mix=st.session_state[_MIX],
            loss=reader.loss,
            on_progress=tell,
        )
    except (ValueError, TrainingDivergedError) as error:
        album.message = f"{names.sentence(error)} The network that answers is as it was."
        return
    album.taught = Taught(reader, usable, lesson)
    reading.offer_taught(replace(reader, network=lesson.network, title=f"{reader.title}, taught by you"))


# -- what came of it


def _outcome(taught: Taught, colours: Palette) -> None:
    lesson, class_names = taught.lesson, taught.reader.dataset.class_names
    labels = [taught.reader.label_of(each.class_name) or 0 for each in taught.drawings]
    before, after = (
        [answer_tile(shares, label, class_names) for shares, label in zip(answers, labels, strict=True)]
        for answers in (lesson.before, lesson.after)
    )
    st.subheader("Before and after the lesson")
    st.markdown(
        f"Of {names.count(len(before), 'drawing')} it read {sum(tile.right for tile in before)} right, and now "
        f"{sum(tile.right for tile in after)}. Of the {len(taught.reader.dataset.test):,} test digits it read "
        f"{lesson.test_before:.2%} right, and now {lesson.test_after:.2%}: **{lesson.forgotten:,} forgotten**, right "
        f"before and wrong now, and {lesson.gained:,} gained, the other way round."
    )
    pixels = np.stack([each.pixels for each in taught.drawings]).reshape(len(before), -1)
    for words, tiles in (("Before", before), ("After", after)):
        st.caption(words)
        digit_tiles(pixels, tiles, colours, key=f"lesson_{words}")
    figure = forgetting_bars(lesson.class_accuracy_before, lesson.class_accuracy_after, class_names, colours)
    live_charts([figure], ["Test accuracy of each class before and after"], key="lesson_forgetting", wide=True)
    st.button("Let the taught network answer above", icon=":material/swap_vert:", on_click=_use_taught)
