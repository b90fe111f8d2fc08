"""The confusion matrix as a grid of buttons: written in numbers, coloured by mistakes, for pointer and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.analysis import rates
from mlp.ui.assets import component_file
from mlp.viz import Palette, mistake_colours, mistake_scale

Cell = tuple[int, int]  # the true class and the answer

_component = st.components.v2.component(
    "confusion_grid",
    html="""<table></table>
    <figure>
      <figcaption>Mistakes, as a share of their true class</figcaption>
      <div class="legend"></div>
    </figure>""",
    css=component_file("confusion_grid.css"),
    js=component_file("confusion_grid.js"),
)


def confusion_grid(
    matrix: NDArray[np.int64],
    class_names: Sequence[str],
    colours: Palette,
    *,
    as_rates: bool,
    chosen: Cell | None,
    on_press: Callable[[int, int], None],
    shown_in: str,
    key: str,
) -> None:
    """Draws the matrix, as counts or as percentages of each true class; `on_press` hears which cell was pressed.

    matrix: (K, K), true classes downwards. A cell without digits cannot be pressed, unless it is the chosen one.
    `shown_in`: the key of the container that shows a cell's digits; a press brings it into sight.
    """
    shares = rates(matrix)
    looks = mistake_colours(shares, colours)
    cells = [
        [
            {
                "text": _written(int(count), float(share), as_rates),
                "colours": look,
                "description": _described(int(count), float(share), class_names[row], class_names[column]),
                "empty": not count,
            }
            for column, (count, share, look) in enumerate(zip(*in_row, strict=True))
        ]
        for row, in_row in enumerate(zip(matrix, shares, looks, strict=True))
    ]

    def pressed() -> None:
        press = st.session_state[key].pressed
        if press is not None:
            on_press(int(press["row"]), int(press["column"]))

    _component(
        data={
            "names": list(class_names),
            "cells": cells,
            "chosen": chosen and list(chosen),
            "scale": mistake_scale(colours),
            "shown_in": shown_in,
        },
        key=key,
        on_pressed_change=pressed,
    )


def _written(count: int, share: float, as_rates: bool) -> str:
    if not count:
        return ""
    if not as_rates:
        return f"{count:,}"
    percent = 100 * share
    return f"{percent:.0f}" if percent >= 99.95 else f"{percent:.1f}"


def _described(count: int, share: float, truth: str, answer: str) -> str:
    many = f"{count:,} digit{'' if count == 1 else 's'}, {share:.1%} of its class"
    return f"{truth} answered right: {many}" if truth == answer else f"{truth} taken for {answer}: {many}"
