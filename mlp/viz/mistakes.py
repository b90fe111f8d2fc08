"""The mistakes of a network: colours of a confusion matrix, a reliability diagram, the biography of a digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.layout import (
    MOMENT,
    TimeAxis,
    common_layout,
    draw,
    in_time,
    moment_mark,
    quiet_axis,
    quiet_title,
    time_axis,
)
from mlp.viz.palette import Palette, lookup

LOWEST_RATE = 1e-3  # of a class: one digit of a thousand, about one test digit of MNIST
_SHADES = 256
_FAINTEST = 0.12  # of the scale: a single mistake is seen on the page
_FAINT = 0.3
_RELIABILITY_HEIGHT, _COUNTS_SHARE, _PANEL_GAP = 250, 0.22, 0.06
_BIOGRAPHY_HEIGHT = 190


def mistake_colours(rates: ArrayLike, colours: Palette) -> list[list[tuple[str, str] | None]]:
    """The colours (ground, text) of each cell of a confusion matrix; None for a cell that stays as the page is.

    rates: (K, K), the share of each true class. Mistakes are coloured by the logarithm of their rate, from 0.1% to
    100%, the same at every moment: so 1, 10 and 100 mistakes can be told apart in one matrix, and a matrix that fades
    over the epochs is a network that learns. The diagonal is left to the page, or it would outshine all mistakes.
    """
    rates = np.asarray(rates, np.float64)
    places = mistake_places(rates)
    table = lookup(colours.shares, _SHADES)
    cells: list[list[tuple[str, str] | None]] = []
    for row, places_in_row in enumerate(places):
        cells.append([])
        for column, place in enumerate(places_in_row):
            if row == column or rates[row, column] == 0:
                cells[-1].append(None)
                continue
            ground = table[round(place * (_SHADES - 1))]
            cells[-1].append((_hex(ground), readable_on(ground)))
    return cells


def mistake_places(rates: ArrayLike) -> NDArray[np.float64]:
    """Where rates stand on the scale, from 0 to 1: 0.1% and less at 0.12, 100% at 1, evenly by their logarithm."""
    decades = np.log10(np.clip(np.asarray(rates, np.float64), LOWEST_RATE, 1)) - np.log10(LOWEST_RATE)
    return np.asarray(_FAINTEST + (1 - _FAINTEST) * decades / -np.log10(LOWEST_RATE))


def mistake_scale(colours: Palette, count: int = 12) -> list[str]:
    """The colours from 0.1% to 100% for the legend, at even distances on the scale of logarithms."""
    places = mistake_places(np.logspace(np.log10(LOWEST_RATE), 0, count))
    table = lookup(colours.shares, _SHADES)
    return [_hex(table[round(place * (_SHADES - 1))]) for place in places]


def readable_on(ground: NDArray[np.uint8]) -> str:
    """Black or white, whichever is read more easily on this colour: the contrast is 4.5:1 at the least on any."""
    linear = (ground / 255) ** 2.2
    return "#000000" if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.18 else "#FFFFFF"


def reliability_figure(
    counts: ArrayLike,
    confidence: ArrayLike,
    accuracy: ArrayLike,
    colours: Palette,
    *,
    title: str = "Calibration",
    subtitle: str = "",
    digits: str = "digits",
    fewest: int = 0,
) -> go.Figure:
    """The share of right answers over how sure they were, and below it how many answers were that sure.

    counts, confidence, accuracy: (B,) of B bins of equal width from 0 to 1, NaN in empty ones. A bar reaches as high as
    the answers were right, a short line across it as high as they were sure. `digits` is the word for what was counted.
    Bars of fewer answers than `fewest` are faint.
    """
    counts, confidence, accuracy = (np.asarray(array, np.float64) for array in (counts, confidence, accuracy))
    edges = np.linspace(0, 1, len(counts) + 1)
    middle, filled = (edges[:-1] + edges[1:]) / 2, counts > 0
    x, width = middle[filled].astype(np.float32), np.full(int(filled.sum()), 0.86 / len(counts), np.float32)
    strength = np.where(counts[filled] < fewest, _FAINT, 1).astype(np.float32)
    told = np.column_stack([edges[:-1], edges[1:], confidence, accuracy, counts])[filled].astype(np.float32)
    hover = (
        "%{customdata[0]:.0%} to %{customdata[1]:.0%} sure · %{customdata[4]:,} "
        f"{digits}<br>sure of %{{customdata[2]:.1%}}, right in %{{customdata[3]:.1%}}<extra></extra>"
    )
    shared = {"x": x, "customdata": told, "hovertemplate": hover}
    bars = {**shared, "type": "bar", "y": accuracy[filled].astype(np.float32), "width": width}
    sure = {
        **shared,
        "type": "scatter",
        "y": confidence[filled].astype(np.float32),
        "mode": "markers",
        "marker": {"symbol": "line-ew", "size": 22, "opacity": strength, "line": {"color": colours.text, "width": 2.5}},
        "name": "how sure",
    }
    traces = [
        bars
        | {"marker": {"color": colours.test, "opacity": strength, "line": {"width": 0}}, "name": "how often right"},
        {
            "type": "scatter",
            "x": [0, 1],
            "y": [0, 1],
            "mode": "lines",
            "line": {"color": colours.muted, "width": 1.5, "dash": "dot"},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        sure,
        {
            **shared,
            "type": "bar",
            "y": counts[filled],
            "width": width,
            "marker": {"color": colours.muted, "line": {"width": 0}},
            "showlegend": False,
            "yaxis": "y2",
        },
    ]
    percent = {"tickformat": ".0%", "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]}
    most = max(10.0, counts.max(initial=0))
    layout = common_layout(
        colours,
        title,
        plot_height=_RELIABILITY_HEIGHT,
        subtitle=subtitle,
        margin={"t": 98, "l": 60},
        barmode="overlay",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        uirevision="reliability",
        xaxis={
            "title": quiet_title("Confidence: how sure the network was", colours),
            "range": [0, 1],
            "anchor": "y2",
            "showgrid": False,
            **percent,
        },
        yaxis={
            "title": {**quiet_title("Right", colours), "standoff": 6},
            "range": [0, 1.02],
            "domain": [_COUNTS_SHARE + _PANEL_GAP, 1],
            **percent,
        },
        yaxis2={
            **quiet_axis(colours),
            "title": {**quiet_title("Count", colours), "standoff": 6},
            "type": "log",
            "range": [-0.3, float(np.log10(most)) + 0.1],
            "domain": [0, _COUNTS_SHARE],
            "tickvals": [1, 100, 10_000],
            "tickformat": ",",
        },
    )
    return draw(traces, layout)


def biography_figure(
    steps: ArrayLike,
    probabilities: ArrayLike,
    right: ArrayLike,
    colours: Palette,
    *,
    title: str,
    steps_per_epoch: float,
    x_axis: TimeAxis = "step",
    cursor: int | None = None,
) -> go.Figure:
    """The probability of a digit's true class over the run: dots where the answer was right, crosses where wrong.

    steps: (S,) ascending, probabilities: (S,), NaN where there was no answer, right: (S,). `cursor`: the chosen step.
    """
    steps = np.asarray(steps, np.float64)
    y, right = np.asarray(probabilities, np.float32), np.asarray(right, np.bool_)
    x = in_time(steps, x_axis, steps_per_epoch).astype(np.float32)
    told = np.column_stack([steps, steps / steps_per_epoch]).astype(np.float32)
    line: dict[str, Any] = {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": colours.muted, "width": 1.5},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    traces = [line]
    looks = (
        (right, "answered right", {"symbol": "circle", "size": 7, "color": colours.test}),
        (~right, "answered wrong", {"symbol": "x-thin", "size": 7, "line": {"color": colours.wrong, "width": 2}}),
    )
    for which, name, marker in looks:
        trace = {
            "type": "scatter",
            "x": x[which],
            "y": y[which],
            "mode": "markers",
            "marker": marker,
            "customdata": told[which],
            "hovertemplate": f"{MOMENT} · %{{y:.1%}}, {name}<extra></extra>",
            "name": name,
        }
        traces.append(trace)
    layout = common_layout(
        colours,
        title,
        plot_height=_BIOGRAPHY_HEIGHT,
        margin={"t": 76, "l": 60},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"},
        uirevision=f"biography-{x_axis}",
        # Behind the dots: the chosen moment has one of its own.
        shapes=[shape | {"layer": "below"} for shape in moment_mark(cursor, x_axis, steps_per_epoch, colours)],
        xaxis=time_axis(x_axis, colours) | _room_for_one(x),
        yaxis={"range": [-0.04, 1.04], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]},
    )
    return draw(traces, layout)


def _room_for_one(x: Sequence[float] | NDArray[np.float32]) -> dict[str, Any]:
    """A single moment in the middle and by itself, which plotly would spread over negative and half steps."""
    return {"range": [float(x[0]) - 1, float(x[0]) + 1], "tickvals": [float(x[0])]} if len(x) == 1 else {}


def _hex(colour: NDArray[np.uint8]) -> str:
    red, green, blue = (int(channel) for channel in colour)
    return f"#{red:02X}{green:02X}{blue:02X}"
