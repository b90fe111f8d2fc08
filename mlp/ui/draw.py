"""The drawing page: the board, what the network sees of the drawing, and then the questions about it."""

from __future__ import annotations

import random

import numpy as np
import scipy.ndimage  # noqa: F401 - here, so that the first answer is not kept waiting for it
import streamlit as st
from PIL import Image

from mlp.analysis import PictureError, gray_picture
from mlp.training import BackgroundRun, Inspection
from mlp.ui import moment, names, questions, reading, session
from mlp.ui.assets import component_file
from mlp.ui.board import Answer, Board, current_board, drawing_board
from mlp.ui.pictures import NamedPicture, named_pictures
from mlp.ui.place import comes_and_goes
from mlp.ui.reading import OWN, PRETRAINED, Reader, Reading
from mlp.ui.subject import Subject
from mlp.viz import Palette, ink_picture, palette

DETAILS = "details"  # the fragment of the questions, drawn anew when the pen is lifted
LARGEST_PICTURE = 560  # pixels of its longer side are kept: it is sent to the browser with every answer
_UPLOAD, _UPLOAD_OPEN, _NUMBER = "draw_upload", "draw_upload_open", "draw_test_digit"

_SWITCHES = {"cropped": ("crop", "Crop"), "scaled": ("scale", "Scale"), "centred": ("centre", "Centre by mass")}
_STAGES = {"drawing": "What you see", "cropped": "Cropped", "scaled": "Scaled", "centred": "Centred"}
_WHY = {
    "drawing": "All of the paper, which the network never sees.",
    "cropped": "Only the ink's own box counts, wherever you wrote.",
    "scaled": "The longer side is made 20 pixels, the line as thick as in MNIST, as in every digit it learned from.",
    "centred": "The ink's centre of mass goes to the middle of 28 × 28. This is what the network reads.",
}
_WHY_NOT = {
    "cropped": "Off: the empty paper counts as part of the digit, so it ends up small and out of place.",
    "scaled": "Off: a size and a line that the network has never met.",
    "centred": "Off: the ink stands beside the pixels whose weights were learned for it.",
}


def page() -> None:
    """From top to bottom."""
    workbench, run = moment.open_page(
        "Draw a digit", "Draw with mouse, pen or finger: the network answers while you draw, and shows what it sees."
    )
    _take_over_subject()
    who = reading.choose_network(run)
    with comes_and_goes():
        _introduce(who, run)
    if who == OWN:
        moment.follow(workbench, run, _own)
    else:
        st.fragment(_still, key=moment.FRAGMENT)()
    st.fragment(questions.ask, key=DETAILS)()
    with st.expander("How it reads, and what it cannot"):
        st.markdown(component_file("draw.md"))
    session.write_address(workbench, run.trainer.config)


def _take_over_subject() -> None:
    """The picture that another page hands over, once."""
    subject = st.session_state.pop(session.SUBJECT, None)
    if subject is not None:
        current_board().put(subject)


def _introduce(who: str, run: BackgroundRun) -> None:
    network = reading.pretrained_reader().network if who == PRETRAINED else run.trainer.network
    sizes = " → ".join(f"{size:,}" for size in network.layer_sizes)
    if who == PRETRAINED:
        st.caption(
            f"A network of {sizes} units that this project trained on MNIST alone. It answers "
            f"{reading.pretrained_accuracy():.2%} of the 10,000 test digits right, counted on this server just now."
        )
    elif who == OWN and run.trainer.untaught:
        st.caption(f"Your network, {sizes} units, answers with its random initial weights.")


def _own(run: BackgroundRun, found: Inspection) -> None:
    _draw(reading.own_reader(run, found))


def _still() -> None:
    _draw(reading.reader_now(session.current_run()))


def _draw(reader: Reader) -> None:
    """The board with its answer, the ways to put something else on it, the stages."""
    board, colours = current_board(), palette(st.context.theme.type, reader.classes)
    found, words = reading.read(board)
    probabilities = None
    if found is not None:
        probabilities = reader.network.predict_proba(found.pixels[None])[0]
        if not np.isfinite(probabilities).all():
            probabilities, words = None, "This network's numbers are no longer finite: choose an earlier moment."
    with comes_and_goes():
        if board.message:
            st.warning(board.message)
    answer = Answer(reader.dataset.class_names, probabilities, words)
    drawing_board(board, answer, colours, on_change=_heard)
    _ways_in(board, reader)
    _stages(found, colours)


# -- callbacks; they take no arguments, see session.current_run


def _heard() -> None:
    """While the pen is down only the answer follows; the questions wait until it is lifted."""
    if not current_board().down:
        _all_anew()


def _all_anew() -> None:
    st.rerun([moment.FRAGMENT, DETAILS])


def _take_upload() -> None:
    upload, board = st.session_state[_UPLOAD], current_board()
    board.message = ""
    st.session_state[_UPLOAD_OPEN] = False  # it covers the paper
    if upload is None:  # taken away again: what is on the paper stays
        _all_anew()
        return
    try:
        gray = gray_picture(upload.getvalue())
        small = Image.fromarray(gray).reduce(-(-max(gray.shape) // LARGEST_PICTURE))
        board.put(Subject(np.asarray(small), None, "your picture", prepared=False))
    except PictureError as error:
        board.message = names.whole_sentence(error)
    _all_anew()


def _take_test_digit() -> None:
    if st.session_state[_NUMBER] is not None:
        _put_test_digit(st.session_state[_NUMBER])


def _take_any_test_digit() -> None:
    digits = reading.reader_now(session.current_run()).dataset.test
    st.session_state[_NUMBER] = int(random.choice(digits.indices))  # noqa: S311 - a pick for the eye
    _put_test_digit(st.session_state[_NUMBER])


def _put_test_digit(number: int) -> None:
    """number: the digit's place in its file, as the mistakes page tells it."""
    reader, board = reading.reader_now(session.current_run()), current_board()
    digits = reader.dataset.test
    (found,) = np.nonzero(digits.indices == number)
    if len(found):
        class_name = reader.name_of(int(digits.labels[found[0]]))
        board.put(Subject(digits.source[number], class_name, f"test digit {number:,}"))
    else:
        board.message = f"Test digit {number:,} is of a class that this network does not have: choose another number."
    _all_anew()


# -- what is under the board


def _ways_in(board: Board, reader: Reader) -> None:
    """A picture or a test digit in place of a drawing: the way in for a keyboard."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="draw_ways_in"):
        # a popover that can be closed from here reports when it is opened
        with st.popover("Upload a picture", icon=":material/add_photo_alternate:", key=_UPLOAD_OPEN, on_change="rerun"):
            st.file_uploader(
                "A digit on paper or screen",
                type=None,
                key=_UPLOAD,
                on_change=_take_upload,
                help="A photograph or a picture file with one digit, dark on light or light on dark.",
            )
        with st.popover("Take a test digit", icon=":material/dataset:"):
            count = len(reader.dataset.test.source)
            st.number_input(
                "Number", 0, count - 1, None, placeholder=f"0 to {count - 1:,}", key=_NUMBER, on_change=_take_test_digit
            )
            st.button("Any of them", icon=":material/casino:", on_click=_take_any_test_digit)
        shown = board.shown
        if shown is not None:
            known = f": it is a {shown.class_name}" if shown.class_name else ""
            st.caption(f"On the paper: {shown.title}{known}. Draw over it to begin a drawing.")


def _stages(found: Reading | None, colours: Palette) -> None:
    """What the network sees, stage by stage, each with a switch."""
    st.subheader("What the network sees")
    if found is None:
        st.caption("Draw something, and it is shown here stage by stage on its way to 28 × 28 pixels.")
        return
    if not found.stages:
        st.caption(f"This is {found.title}, which comes cropped, scaled and centred: the network reads it as it is.")
        return
    preparation = reading.chosen_preparation()
    pictures = []
    for stage in found.stages:
        switch = _SWITCHES.get(stage.name, ("", ""))[0]
        off = bool(switch) and not getattr(preparation, switch)
        words = (_WHY_NOT if off else _WHY)[stage.name]
        pictures.append(NamedPicture(_STAGES[stage.name], words, ink_picture(stage.picture, colours), off))
    named_pictures(pictures, key="draw_stages")
    with st.container(horizontal=True, key="draw_switches"):
        for switch, label in _SWITCHES.values():
            st.toggle(label, True, key=reading.step_key(switch), on_change=_all_anew, persist_state="session")
