"""The studies among the recipes: what a setting does to the accuracy, one point for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.layout import common_layout, draw, power_of_ten, quiet_title
from mlp.viz.palette import Palette

PLOT_HEIGHT = 220
LEAST_RANGE = 0.06  # of accuracy: a difference of a few digits in a thousand should look like one
DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class StudyLine:
    """Runs that differ in one setting. x: (n,) its values, y: (n,) shares of right answers; `colour` of the line."""

    name: str
    x: ArrayLike
    y: ArrayLike
    colour: str


def study_figure(lines: Sequence[StudyLine], colours: Palette, *, title: str, subtitle: str, setting: str) -> go.Figure:
    """Accuracy over the values of a setting, on a logarithmic axis with a tick at each value.

    Lines of one colour are told apart by their dashes. `setting`: the title of the axis, such as "Learning rate".
    """
    seen: list[str] = []
    traces = []
    for line in lines:
        dash = DASHES[seen.count(line.colour) % len(DASHES)]
        seen.append(line.colour)
        traces.append(
            {
                "type": "scatter",
                "x": np.asarray(line.x, np.float64),
                "y": np.asarray(line.y, np.float64),
                "name": line.name,
                "mode": "lines+markers",
                "line": {"color": line.colour, "width": 2, "dash": dash},
                "marker": {"color": line.colour, "size": 8},
                "hovertemplate": f"{setting.lower()} %{{x}} · {line.name} %{{y:.2%}}<extra></extra>",
            }
        )
    values = np.unique(np.concatenate([np.asarray(line.x, np.float64) for line in lines]))
    layout = common_layout(
        colours,
        title,
        plot_height=PLOT_HEIGHT,
        subtitle=subtitle,
        margin={"l": 52, "t": 92},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        xaxis={
            "type": "log",
            "tickmode": "array",
            "tickvals": values,
            "ticktext": [_tick(value) for value in values],
            "tickangle": 0,
            "title": quiet_title(setting, colours),
            "showgrid": False,
        },
        yaxis={
            "tickformat": ".0%",
            "range": _range(np.concatenate([np.asarray(line.y, np.float64) for line in lines])),
        },
    )
    return draw(traces, layout)


def _range(shares: NDArray[np.float64]) -> list[float]:
    """From below the lowest to above the highest, LEAST_RANGE at the least and within 0 and 1."""
    low, high = float(shares.min()), float(shares.max())
    room = max(0.06 * (high - low), (LEAST_RANGE - (high - low)) / 2)
    return [max(0.0, low - room), min(1.0, high + room)]


def _tick(value: float) -> str:
    """0.1 -> "0.1", 0.00001 -> "10⁻⁵"."""
    exponent = round(float(np.log10(value)))
    return power_of_ten(exponent) if exponent < -3 and np.isclose(value, 10.0**exponent) else f"{value:g}"
