"""Pictures of units side by side, to press one of them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st

from mlp.ui.assets import component_file
from mlp.viz import Palette, to_png, weight_tiles

_COLUMNS = 10  # of the picture that carries the tiles; the browser lays them out as its width allows

_component = st.components.v2.component(
    "unit_tiles",
    html="<ul></ul>",
    css=component_file("unit_tiles.css"),
    js=component_file("unit_tiles.js"),
)


@dataclass(frozen=True)
class UnitTile:
    """One unit: its number, what stands under its picture, and that in full."""

    number: int
    caption: str
    description: str


def unit_tiles(
    patterns: np.ndarray[tuple[int, ...], np.dtype[np.floating]],
    units: list[UnitTile],
    colours: Palette,
    *,
    own_scale: bool,
    limit: float,
    chosen: int | None,
    on_press: Callable[[int], None],
    key: str,
) -> None:
    """Draws the units; `on_press` hears the number of one that is pressed. patterns: (n, 784), one for each unit."""
    picture = weight_tiles(patterns, colours, columns=_COLUMNS, own_scale=own_scale, limit=limit, gap=0)

    def pressed() -> None:
        press = st.session_state[key].pressed
        if press is not None:
            on_press(int(press["number"]))

    _component(
        data={
            "picture": base64.b64encode(to_png(picture)).decode(),
            "columns": _COLUMNS,
            "units": [asdict(unit) for unit in units],
            "chosen": chosen,
        },
        key=key,
        on_pressed_change=pressed,
    )
