"""Layers × time: one row for each layer, one column for each probe, colour for what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.layout import (
    COLOUR_BAR_MARGIN,
    MOMENT,
    TimeAxis,
    colour_bar,
    common_layout,
    draw,
    in_time,
    log_ticks,
    moment_mark,
    names_of,
    time_axis,
    with_unit,
)
from mlp.viz.palette import Colourscale, Palette

Kind = Literal["magnitude", "signed", "share"]

MAX_COLUMNS = 200
ROW_HEIGHT = 26
LEAST_PLOT_HEIGHT = 104  # below this the colour bar has no room for its ticks
MARGIN_LEFT = 64  # the same for all, so that heatmaps line up under one another
_NUMBER_FORMATS = {"magnitude": ".2e", "signed": ".2f", "share": ".1%"}
_SMALLEST_SPAN = 1.0  # decades


def thin_columns(steps: ArrayLike, limit: int = MAX_COLUMNS, keep: int | None = None) -> NDArray[np.intp]:
    """Which probes stand for the whole run: the last one of each block of neighbours.

    Every column is then one true probe, the same moment for all layers, and the newest is always among them. The block
    that holds the step `keep` shows the probe of that moment instead.
    steps: (n,) ascending -> sorted positions, at most `limit` of them.
    """
    count = len(np.asarray(steps))
    if count <= limit:
        return np.arange(count)
    ends = np.linspace(0, count, limit + 1).astype(np.intp)[1:]
    kept = ends - 1
    if keep is not None:
        at = probe_at(steps, keep)
        kept[np.searchsorted(ends, at, side="right")] = at
    return kept


def probe_at(steps: ArrayLike, step: int) -> int:
    """The position of the last probe taken up to this step; the first one if there is none so early."""
    return max(0, int(np.searchsorted(np.asarray(steps), step, side="right")) - 1)


def layer_heatmap(
    values: ArrayLike,
    steps: ArrayLike,
    colours: Palette,
    *,
    title: str,
    steps_per_epoch: float,
    kind: Kind = "magnitude",
    unit: str = "",
    number_format: str | None = None,
    logarithmic: bool = False,
    x_axis: TimeAxis = "step",
    layer_names: Sequence[str] | None = None,
    cursor: int | None = None,
    band: tuple[float, float] | None = None,
    limits: tuple[float, float] | None = None,
    subtitle: str = "",
) -> go.Figure:
    """Layers downwards, time to the right. values: (layers, probes), steps: (probes,).

    What was not measured (nan) or is not finite stays empty. On a logarithmic scale exactly 0 has a grey of its own.
    kind: "magnitude"; "signed", with colours centred on zero; "share" of something amiss, from 0 to 1. `band` marks
    where values ought to lie: there the colour is a green, blue below it and rust above. `limits` are the values where
    the colours end, `cursor` is the chosen step. `number_format` is d3's; `unit` stands behind the title.

    Raises:
        ValueError: a value is below 0 on a logarithmic scale, or names and layers differ in number.
    """
    values, steps = np.atleast_2d(np.asarray(values, np.float64)), np.asarray(steps, np.float64)
    names = names_of(layer_names, len(values))
    if logarithmic and (values < 0).any():
        raise ValueError(f"values must be 0 or more on a logarithmic scale, got {np.nanmin(values):.3g}")
    number_format = number_format or _NUMBER_FORMATS[kind]
    kept = thin_columns(steps, keep=cursor)
    values, steps = values[:, kept], steps[kept]
    shown, zero = _shown(values, logarithmic)
    if kind == "share" and limits is None:
        limits = 0.0, 1.0
    low, high = _colour_range(shown, logarithmic, kind, band, limits)

    edges = in_time(_edges(steps, cursor), x_axis, steps_per_epoch)
    # Rows are numbered: plotly forgets the names of a trace without any value.
    common = {"type": "heatmap", "x": edges, "y": np.arange(len(names)), "hoverongaps": False, "ygap": 2}
    moments = np.stack(np.broadcast_arrays(steps, steps / steps_per_epoch, values), axis=-1).astype(np.float32)
    traces = []
    if np.isfinite(shown).any():  # plotly stumbles over a heatmap without any
        trace = {
            "z": shown.astype(np.float32),
            "zmin": low,
            "zmax": high,
            "colorscale": _colourscale(colours, kind, band, low, high, logarithmic),
            "colorbar": _colour_bar(colours, low, high, logarithmic, kind, band),
            "customdata": moments,
            "hovertemplate": f"{MOMENT} · %{{y}} · %{{customdata[2]:{number_format}}}<extra></extra>",
        }
        traces.append(common | trace)
    if zero.any():
        trace = {
            "z": np.where(zero, 0, np.nan).astype(np.float32),
            "colorscale": [(0, colours.neutral), (1, colours.neutral)],
            "showscale": False,
            "customdata": moments[..., :2],
            "hovertemplate": f"{MOMENT} · %{{y}} · exactly zero<extra></extra>",
        }
        traces.append(common | trace)
        subtitle = f"{subtitle} · grey: exactly zero" if subtitle else "Grey: exactly zero"
    if not traces:
        subtitle = "Nothing to show: not measured in this run"
    layout = common_layout(
        colours,
        with_unit(title, unit, colours),
        plot_height=max(LEAST_PLOT_HEIGHT, ROW_HEIGHT * len(names)),
        subtitle=subtitle,
        margin={"l": MARGIN_LEFT, "r": COLOUR_BAR_MARGIN},
        uirevision=f"{x_axis}-{len(names)}",
        shapes=moment_mark(cursor, x_axis, steps_per_epoch, colours),
        xaxis={**time_axis(x_axis, colours), "range": _range(edges, cursor, x_axis, steps_per_epoch)},
        yaxis={
            "range": [len(names) - 0.5, -0.5],
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "ticks": "",
            "showgrid": False,
            "fixedrange": True,
        },
    )
    return draw(traces, layout)


def _shown(values: NDArray[np.float64], logarithmic: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What the colours stand for, nan where there is none, and where the zeros are that have no logarithm."""
    measured = np.isfinite(values)
    if not logarithmic:
        return np.where(measured, values, np.nan), np.zeros_like(measured)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(measured & (values > 0), np.log10(values), np.nan), values == 0


def _edges(steps: NDArray[np.float64], cursor: int | None) -> NDArray[np.float64]:
    """(n,) -> (n + 1,) where the columns begin and end: halfway between two probes.

    The last one reaches to the cursor, if that is later: the latest probe is what is known of the present.
    """
    if len(steps) == 0:
        return steps
    if len(steps) == 1:
        edges = np.array([steps[0] - 0.5, steps[0] + 0.5])
    else:
        halfway = (steps[:-1] + steps[1:]) / 2
        edges = np.concatenate([[2 * steps[0] - halfway[0]], halfway, [2 * steps[-1] - halfway[-1]]])
    if cursor is not None:
        edges[-1] = max(edges[-1], cursor)
    return edges


def _range(
    edges: NDArray[np.float64], cursor: int | None, x_axis: TimeAxis, steps_per_epoch: float
) -> tuple[float, float]:
    """From the first to the last column, or to the cursor where it lies outside."""
    if len(edges) == 0:
        return 0.0, 1.0
    moment = edges[-1] if cursor is None else float(in_time(cursor, x_axis, steps_per_epoch))
    return float(min(edges[0], moment)), float(max(edges[-1], moment))


def _colour_range(
    shown: NDArray[np.float64],
    logarithmic: bool,
    kind: Kind,
    band: tuple[float, float] | None,
    limits: tuple[float, float] | None,
) -> tuple[float, float]:
    """Where the colours begin and end, on the scale that is shown."""
    if limits is not None:
        return (float(np.log10(limits[0])), float(np.log10(limits[1]))) if logarithmic else limits
    known = shown[np.isfinite(shown)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if kind == "signed":
        reach = max(abs(low), abs(high)) or 1.0
        return -reach, reach
    if band is not None:
        begin, end = np.log10(band) if logarithmic else band
        middle, half = (begin + end) / 2, (end - begin) / 2
        reach = max(abs(low - middle) if len(known) else 0, abs(high - middle) if len(known) else 0, 1.5 * half)
        return float(middle - reach), float(middle + reach)
    if logarithmic and high - low < _SMALLEST_SPAN:
        middle = (low + high) / 2
        return middle - _SMALLEST_SPAN / 2, middle + _SMALLEST_SPAN / 2
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _colourscale(
    colours: Palette, kind: Kind, band: tuple[float, float] | None, low: float, high: float, logarithmic: bool
) -> Colourscale:
    if band is not None:
        ends = np.log10(band) if logarithmic else np.asarray(band)
        begin, end = np.clip((ends - low) / (high - low), 0, 1)
        return colours.aim(float(begin), float(end))
    return {"magnitude": colours.sequential, "signed": colours.diverging, "share": colours.shares}[kind]


def _colour_bar(
    colours: Palette, low: float, high: float, logarithmic: bool, kind: Kind, band: tuple[float, float] | None
) -> dict[str, Any]:
    bar = colour_bar(colours)
    if logarithmic:
        bar["tickvals"], bar["ticktext"] = log_ticks(
            low, high, through=0 if band is None else round(float(np.log10(band).mean()))
        )
    elif kind == "share":
        bar["tickformat"] = ".0%"
    return bar
