"""A few numbers that matter, each over a small line of how it came about.

`st.metric` draws such lines with Vega, which mounts each one anew at every update.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.ui.assets import component_file
from mlp.viz import thin

LINE_POINTS = 80
LONG = 10_000  # a diverging loss would not fit otherwise

_component = st.components.v2.component(
    "key_figures",
    html="<dl></dl>",
    css=component_file("key_figures.css"),
    js=component_file("key_figures.js"),
)


@dataclass(frozen=True)
class KeyFigure:
    """A number in words, what it means in a sentence, and the values (n,) that led to it."""

    label: str
    value: str
    explanation: str
    line: list[float]
    colour: str

    @classmethod
    def of(
        cls, label: str, values: NDArray[Any], number: str, explanation: str, colour: str, last: int = 1
    ) -> KeyFigure:
        """The mean of the `last` values in the given format, over all of them; a dash where there are none."""
        mean = float(np.mean(values[-last:])) if len(values) else None
        value = "–" if mean is None else format(mean, number if mean < LONG else ".2e")
        return cls(label, value, explanation, values[thin(values, LINE_POINTS)].tolist(), colour)


def key_figures(figures: list[KeyFigure], *, key: str) -> None:
    """Draws the figures side by side, two and two on a phone."""
    _component(data={"figures": [asdict(figure) for figure in figures]}, key=key)
