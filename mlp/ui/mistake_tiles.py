"""Digits with what the network made of each: its answer, its loss, the probabilities of all classes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.ui.assets import component_file
from mlp.viz import Palette

_component = st.components.v2.component(
    "mistake_tiles",
    html="<ul></ul>",
    css=component_file("mistake_tiles.css"),
    js=component_file("mistake_tiles.js"),
)


@dataclass(frozen=True)
class MistakeTile:
    """One digit. number: what a press reports; caption: the answer; notes: the quiet lines below it.

    probabilities: one for each class; answer, truth: classes from 0.
    """

    number: int
    caption: str
    notes: list[str]
    description: str
    probabilities: list[float]
    answer: int
    truth: int


def mistake_tiles(
    pixels: NDArray[np.uint8],
    tiles: list[MistakeTile],
    colours: Palette,
    *,
    chosen: int | None,
    on_press: Callable[[int], None],
    on_open: Callable[[str, int], None] | None,
    key: str,
) -> None:
    """Draws the digits; `on_press` hears the number of one that is pressed.

    `on_open` hears the page, "drawing" or "backpropagation", on which one is to be opened, and its number; without it
    the tiles have no buttons for that. pixels: (n, H, W) uint8, one for each tile.
    """

    def pressed() -> None:
        press: Any = st.session_state[key].pressed
        if press is not None:
            on_press(int(press["number"]))

    def opened() -> None:
        press: Any = st.session_state[key].opened
        if press is not None and on_open is not None:
            on_open(str(press["page"]), int(press["number"]))

    _, height, width = pixels.shape
    _component(
        data={
            "pixels": base64.b64encode(pixels.tobytes()).decode(),
            "width": width,
            "height": height,
            "tiles": [asdict(tile) for tile in tiles],
            "chosen": chosen,
            "readable": on_open is not None,
            "right": colours.test,
            "wrong": colours.wrong,
            "other": colours.neutral,
        },
        key=key,
        on_pressed_change=pressed,
        on_opened_change=opened,
    )
