"""What all figures share: the layout, the wording of numbers, the axis of time and the mark of the chosen moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.palette import Palette

TimeAxis = Literal["step", "epoch"]

TRANSPARENT = "rgba(0,0,0,0)"
COLOUR_BAR_MARGIN = 80  # room for the widest label, "100%": else plotly would push the axes aside
TIME_TITLES = {"step": "Step (one mini-batch each)", "epoch": "Epoch"}
# For a customdata of (step, epoch, …): plotly puts in the thousands separators.
MOMENT = "step %{customdata[0]:,.0f} · epoch %{customdata[1]:.1f}"

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def draw(traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> go.Figure:
    """The figure, made in one go: set part by part it takes ten times as long (12 ms instead of 1).

    It carries no template: plotly's own would add 5 kB to every update.
    """
    return go.Figure({"data": list(traces), "layout": layout}, layout_template={})


def common_layout(
    colours: Palette,
    title: str,
    *,
    plot_height: int,
    subtitle: str = "",
    margin: dict[str, int] | None = None,
    xaxis: dict[str, Any] | None = None,
    yaxis: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The common look: fonts, the title on the left, no background of its own, quiet axes.

    `plot_height` is that of the area between the axes; what stands around it is added.
    """
    margins = {"l": 64, "r": 12, "t": 70 if subtitle else 48, "b": 44} | (margin or {})
    return {
        "height": plot_height + margins["t"] + margins["b"],
        "margin": margins,
        "modebar": {"bgcolor": TRANSPARENT, "color": colours.muted, "activecolor": colours.text},
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "font": {"color": colours.text, "size": 13, "family": "Source Sans, sans-serif"},
        "title": {
            "text": title,
            "subtitle": {"text": subtitle, "font": {"size": 13, "color": colours.muted}},
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "pad": {"t": 8},
            "font": {"size": 18, "family": "Source Serif, serif"},
        },
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": quiet_axis(colours) | (xaxis or {}),
        "yaxis": quiet_axis(colours) | (yaxis or {}),
        **more,
    }


def with_unit(title: str, unit: str, colours: Palette) -> str:
    """The title, and the unit quietly behind it."""
    return f"{title} <span style='color:{colours.muted};font-size:14px'>{unit}</span>" if unit else title


def colour_bar(colours: Palette) -> dict[str, Any]:
    """A colour bar that is narrow enough for COLOUR_BAR_MARGIN, so that it never moves the axes."""
    return {
        "thickness": 12,
        "outlinewidth": 1,
        "outlinecolor": colours.grid,
        "ypad": 0,
        "x": 1,  # plotly's 1.02 moves away with the width of the figure
        "xpad": 12,
        "nticks": 5,
        "tickfont": {"color": colours.muted, "size": 12},
    }


def quiet_axis(colours: Palette) -> dict[str, Any]:
    """An axis that stands back behind what is measured."""
    return {"gridcolor": colours.grid, "linecolor": colours.grid, "zeroline": False, "nticks": 6}


def quiet_title(text: str, colours: Palette) -> dict[str, Any]:
    """The title of an axis or a colour bar."""
    return {"text": text, "font": {"color": colours.muted, "size": 13}}


def time_axis(axis: TimeAxis, colours: Palette) -> dict[str, Any]:
    """The axis along the bottom of everything that runs over steps or epochs."""
    return {"title": quiet_title(TIME_TITLES[axis], colours), "tickformat": ",", "showgrid": False}


def in_time(steps: ArrayLike, axis: TimeAxis, steps_per_epoch: float) -> NDArray[np.float64]:
    """steps: (n,) -> (n,) where they stand on the axis."""
    return np.asarray(steps, np.float64) / (steps_per_epoch if axis == "epoch" else 1)


def moment_mark(cursor: int | None, axis: TimeAxis, steps_per_epoch: float, colours: Palette) -> list[dict[str, Any]]:
    """The shapes of a line at the chosen step, with a rim of the page's colour so that it is seen on any ground."""
    if cursor is None:
        return []
    x = float(in_time(cursor, axis, steps_per_epoch))
    line = {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "layer": "above"}
    return [
        {**line, "line": {"color": colour, "width": width}}
        for colour, width in ((colours.background, 4), (colours.text, 1.5))
    ]


def three_figures(values: NDArray[Any]) -> str:
    """The d3 format for values of such a size: no long rows of zeros before the first figure."""
    largest = np.max(np.abs(values), initial=0, where=np.isfinite(values))
    return ".2e" if 0 < largest < 1e-3 else ".3g"


def power_of_ten(exponent: int) -> str:
    """-3 -> "10⁻³"."""
    return "10" + str(exponent).translate(SUPERSCRIPTS)


def log_ticks(low: float, high: float, most: int = 5, through: int = 0) -> tuple[list[float], list[str]]:
    """Ticks for a scale of logarithms from low to high: log10 of each tick, and its text.

    Powers of ten; where there are many, every second or third, with 10 to the `through` among them; where fewer than
    two fit, also their 2- and 5-fold.
    """
    exponents = np.arange(np.ceil(low - 1e-9), np.floor(high + 1e-9) + 1, dtype=int)
    if len(exponents) >= 2:
        stride = -(-len(exponents) // most)
        kept = [int(exponent) for exponent in exponents if (exponent - through) % stride == 0]
        return [float(exponent) for exponent in kept], [power_of_ten(exponent) for exponent in kept]
    ticks, texts = [], []
    for exponent in range(int(np.floor(low)), int(np.floor(high)) + 1):
        for factor in (1, 2, 5):
            tick = exponent + float(np.log10(factor))
            if low - 1e-9 <= tick <= high + 1e-9:
                ticks.append(tick)
                texts.append(power_of_ten(exponent) if factor == 1 else f"{factor}·{power_of_ten(exponent)}")
    return ticks, texts


def layer_labels(layers: int) -> list[str]:
    """3 -> ["hidden 1", "hidden 2", "output"]."""
    return [*(f"hidden {number}" for number in range(1, layers)), "output"]


def names_of(names: Sequence[str] | None, layers: int) -> list[str]:
    """The names given, or the usual ones.

    Raises:
        ValueError: there are not as many names as layers.
    """
    if names is None:
        return layer_labels(layers)
    if len(names) != layers:
        raise ValueError(f"layer_names must be {layers} names, one for each layer, got {list(names)}")
    return list(names)
