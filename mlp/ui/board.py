"""The drawing board: paper to draw on, which remembers the drawing when the page is left, and the answer beside it.

An own component, because streamlit-drawable-canvas answers only after the pen is lifted (see docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.analysis import Preparation, Stage
from mlp.ui import names, session
from mlp.ui.assets import component_file
from mlp.ui.pictures import data_url
from mlp.ui.subject import Subject
from mlp.viz import Palette, ink_picture

SIDE = 280  # of the paper, in the units of the strokes
PEN_WIDTH = 16
MOST_POINTS = 8000  # twice what the component sends
MOST_BELOW = 20  # pictures, and what they were laid upon

Strokes = list[list[tuple[float, float]]]

_KEY = "drawing_board"

_component = st.components.v2.component(
    "drawing_board",
    html="""
    <div class="board">
      <p class="answer" role="status"><strong></strong><span></span></p>
      <div class="paper">
        <img alt="" hidden>
        <canvas role="img" aria-label="Paper to draw a digit on with mouse, pen or finger"></canvas>
        <p>Draw a digit here</p>
      </div>
      <div class="tools">
        <button class="undo" title="Takes back the last stroke, or the picture that was put here (Ctrl+Z)">Undo</button>
        <button class="clear">Clear</button>
        <label>Line <input type="range" min="4" max="40" step="2" title="How thick your line is"></label>
      </div>
      <dl class="bars"></dl>
    </div>
    """,
    css=component_file("drawing_board.css"),
    js=component_file("drawing_board.js"),
)


@dataclass
class Board:
    """What lies on the paper: strokes, or a picture from elsewhere."""

    strokes: Strokes = field(default_factory=list)
    pen_width: float = PEN_WIDTH
    picture: Subject | None = None
    shows_picture: bool = False
    down: bool = False  # whether the pen is on the paper
    edition: int = 0  # counts what the page itself put on the paper
    # What lay there each time: strokes, picture, whether that was shown. Strokes are undone in the browser; these here,
    # because the page may have been left in between.
    below: list[tuple[Strokes, Subject | None, bool]] = field(default_factory=list)
    stamp: int = 0  # of the latest message, which the component wants to see answered
    message: str = ""  # why a picture could not be taken
    # Finding a digit in a picture takes far longer than an answer: (edition, preparation) and what was found.
    stages: tuple[tuple[int, Preparation], list[Stage]] | None = None

    def put(self, picture: Subject) -> None:
        """Lays a picture on the paper, over what is there."""
        if not self.empty:
            self.below = [*self.below, (self.strokes, self.picture, self.shows_picture)][-MOST_BELOW:]
        self._lay([], picture, True)

    def take_back(self) -> None:
        """Brings back what lay there before: the picture that was drawn over, then what that was laid upon."""
        if self.picture is not None and not self.shows_picture:
            self._lay([], self.picture, True)
        elif self.below:
            self._lay(*self.below.pop())
        elif self.shows_picture:
            self._lay([], None, False)

    def _lay(self, strokes: Strokes, picture: Subject | None, shows_picture: bool) -> None:
        self.strokes, self.picture, self.shows_picture = strokes, picture, shows_picture
        self.down, self.message = False, ""
        self.edition += 1

    @property
    def shown(self) -> Subject | None:
        """The picture on the paper, or None when it is a drawing."""
        return self.picture if self.shows_picture else None

    @property
    def empty(self) -> bool:
        """Whether there is nothing on the paper."""
        return not self.strokes and self.shown is None

    @property
    def lies_on_something(self) -> bool:
        """Whether a picture was put on the paper, which can be taken back. Until then there is nothing below."""
        return self.picture is not None

    def hear(self, message: Any) -> None:
        """Takes over what the browser sent; what does not make sense, or is older than the paper, is left out."""
        if not isinstance(message, dict) or message.get("edition") != self.edition:
            return
        try:
            strokes, width, stamp = _checked(message["strokes"]), float(message["pen"]), int(message["stamp"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        if not isfinite(width):
            return
        self.stamp = stamp
        if message.get("back"):
            self.take_back()
            return
        self.strokes, self.pen_width = strokes, min(max(width, 1.0), SIDE / 2)
        self.shows_picture = bool(message.get("picture")) and self.picture is not None
        self.down, self.message = bool(message.get("down")), ""


def _checked(strokes: list[Any]) -> Strokes:
    """The strokes without what is no point; no more than MOST_POINTS in all."""
    kept: Strokes = []
    left = MOST_POINTS
    for stroke in strokes:
        points = [(float(x), float(y)) for x, y in stroke[:left] if isfinite(x) and isfinite(y)]
        left -= len(points)
        if points:
            kept.append(points)
    return kept


@dataclass(frozen=True)
class Answer:
    """What a network says of the drawing. probabilities: (K,), or None when there is nothing to answer."""

    class_names: tuple[str, ...]
    probabilities: NDArray[Any] | None
    words: str = ""  # in place of an answer


def current_board() -> Board:
    """The session's board."""
    if session.BOARD not in st.session_state:
        st.session_state[session.BOARD] = Board()
    found: Board = st.session_state[session.BOARD]
    return found


def drawing_board(board: Board, answer: Answer, colours: Palette, *, on_change: Callable[[], None]) -> None:
    """Draws paper and answer. `on_change` is called, in a callback, when the board has heard something new."""

    def heard() -> None:
        found = current_board()
        found.hear(st.session_state[_KEY].drawing)
        on_change()

    _component(
        data={
            "side": SIDE,
            "strokes": board.strokes,
            "pen": board.pen_width,
            "picture": _data_url(board.shown, colours) if board.shown else "",
            "edition": board.edition,
            "below": board.lies_on_something,
            "stamp": board.stamp,
            **_in_words(answer, colours),
        },
        key=_KEY,
        on_drawing_change=heard,
    )


def _data_url(picture: Subject, colours: Palette) -> str:
    return data_url(ink_picture(picture.pixels, colours) if picture.prepared else picture.pixels)


def _in_words(answer: Answer, colours: Palette) -> dict[str, Any]:
    """The answer as the component shows it."""
    shares = np.zeros(len(answer.class_names)) if answer.probabilities is None else answer.probabilities
    winner = -1 if answer.probabilities is None else int(shares.argmax())
    bars = [
        {
            "name": name,
            "share": round(float(part), 4),
            "words": "" if winner < 0 else names.share(float(part)),
            "winner": number == winner,
        }
        for number, (name, part) in enumerate(zip(answer.class_names, shares, strict=True))
    ]
    said = {"name": "", "words": answer.words}
    if winner >= 0:
        said = {"name": answer.class_names[winner], "words": f"{names.share(float(shares[winner]))} sure"}
    return {
        "answer": said,
        "bars": bars,
        "colour": colours.classes[winner % len(colours.classes)] if winner >= 0 else colours.muted,
        "muted": colours.neutral,
    }
