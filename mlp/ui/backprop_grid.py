"""A matrix as a grid of cells that tell their numbers, and the computation graph: both to press, by pointer or key."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.analysis.walk import Walk
from mlp.ui.assets import component_file
from mlp.viz import Palette
from mlp.viz.graph import computation_graph
from mlp.viz.palette import lookup
from mlp.viz.walk import grid_of, step_blocks

_SHADES = 129
_WIDE, _NARROW = 900, 350  # the drawings of the graph, in pixels: for a desktop and for a phone

_grid = st.components.v2.component(
    "backprop_grid",
    html="""
    <div class="box">
      <canvas tabindex="0" role="application"></canvas>
      <p class="words" role="status"></p>
      <div class="legend"><span class="low"></span><i></i><span class="high"></span></div>
    </div>
    """,
    css=component_file("backprop_grid.css"),
    js=component_file("backprop_grid.js"),
)

_graph = st.components.v2.component(
    "backprop_graph",
    html="""
    <div class="graph"></div>
    """,
    css=component_file("backprop_graph.css"),
    js=component_file("backprop_graph.js"),
)


@dataclass(frozen=True)
class Axis:
    """What the rows or columns are: "unit " and their labels, or counted from 0; `names` are written beside them."""

    word: str
    labels: Sequence[str] | None = None
    names: Sequence[str] = ()

    def labels_of(self, starts: NDArray[np.intp], count: int) -> list[str]:
        """One label for each cell, "12–15" for a block."""
        if len(starts) == count:
            return list(self.labels) if self.labels is not None else [str(number) for number in range(count)]
        ends = [*starts[1:].tolist(), count]
        return [
            f"{first}–{end - 1}" if end - first > 1 else str(first)
            for first, end in zip(starts.tolist(), ends, strict=True)
        ]


def number_grid(
    values: NDArray[Any],
    colours: Palette,
    *,
    rows: Axis,
    columns: Axis,
    description: str,
    chosen: tuple[int, int] | None = None,
    on_press: Callable[[int, int], None] | None = None,
    square: bool = False,
    limit: float | None = None,
    signed: bool = False,
    key: str,
) -> None:
    """Draws a matrix. values: (rows, columns); `on_press` hears which number of it was pressed, `chosen` has a frame.

    A matrix with too many numbers for the screen is drawn in blocks, each showing its strongest number.
    """
    grid = grid_of(values, limit=limit, signed=signed)
    scale = lookup(colours.diverging if grid.signed else colours.sequential, _SHADES)

    def pressed() -> None:
        press = st.session_state[key].pressed
        if press is not None and on_press is not None:
            row, column = int(press["row"]), int(press["column"])
            if row < grid.cells.shape[0] and column < grid.cells.shape[1]:
                on_press(*grid.entry(values, row, column))

    _grid(
        data={
            "values": base64.b64encode(grid.cells.tobytes()).decode(),
            "rows": grid.cells.shape[0],
            "columns": grid.cells.shape[1],
            "row_word": rows.word,
            "column_word": columns.word,
            "row_labels": rows.labels_of(grid.row_starts, values.shape[0]),
            "column_labels": columns.labels_of(grid.column_starts, values.shape[1]),
            "row_names": list(rows.names) if len(rows.names) == grid.cells.shape[0] else [],
            "column_names": list(columns.names) if len(columns.names) == grid.cells.shape[1] else [],
            "in_blocks": grid.in_blocks,
            "low": float(grid.low),
            "high": float(grid.high),
            "scale": ["#" + bytes(colour).hex() for colour in scale],
            "neutral": colours.neutral,
            "square": square,
            "legend": True,
            "chosen": list(grid.cell_of(*chosen)) if chosen is not None else None,
            "pressable": on_press is not None,
            "description": f"{description}. The arrow keys go from number to number"
            + (", Enter chooses one." if on_press is not None else "."),
            "hint": "Point at a cell, or walk there with the arrow keys, to read its number.",
        },
        key=key,
        on_pressed_change=pressed,
    )
    if grid.in_blocks:
        st.caption("Too many numbers to draw: each cell is a block of neighbours and shows its strongest one.")


def step_graph(walk: Walk, current: str, colours: Palette, *, on_press: Callable[[str], None], key: str) -> None:
    """Draws the graph of a walk with the current stage lit; `on_press` hears the stage that is asked for."""
    blocks, keys = step_blocks(walk), walk.keys

    def chosen() -> None:
        press = st.session_state[key].chosen
        if press is not None and press["stage"] in keys:
            on_press(press["stage"])

    _graph(
        data={
            "wide": _coloured(computation_graph(blocks, current, width=_WIDE), colours),
            "narrow": _coloured(computation_graph(blocks, current, width=_NARROW), colours),
            "stages": list(keys),
            "current": current,
        },
        key=key,
        on_chosen_change=chosen,
    )


def _coloured(drawing: str, colours: Palette) -> str:
    return drawing.replace('style="', f'style="--forward:{colours.train};--back:{colours.wrong};', 1)
