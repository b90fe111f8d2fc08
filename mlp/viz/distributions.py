"""How the weights or gradients of a layer are spread: at one moment, and over the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.heatmaps import thin_columns
from mlp.viz.layout import (
    MOMENT,
    TimeAxis,
    common_layout,
    draw,
    in_time,
    moment_mark,
    names_of,
    quiet_axis,
    quiet_title,
    three_figures,
    time_axis,
)
from mlp.viz.palette import Palette, rgb

PANEL_HEIGHT, PANEL_GAP = 120, 58
BANDS_HEIGHT = 200


def histogram_figure(
    edges: Sequence[ArrayLike],
    counts: Sequence[ArrayLike],
    colours: Palette,
    *,
    title: str,
    quantity: str = "weight",
    logarithmic: bool = False,
    layer_names: Sequence[str] | None = None,
    columns: int = 1,
    limits: Sequence[tuple[float, float]] | None = None,
) -> go.Figure:
    """One small histogram for each layer. edges: (bins + 1,) and counts: (bins,) of each layer; their bins may differ.

    Bars below zero and above it have the colours of negative and positive weights. `quantity` is the word for one of
    what was counted: "weight", "gradient". `logarithmic`: counts on a logarithmic axis. `limits`: the range of each
    layer's axis, so that it stands still while the moment changes.
    """
    names = names_of(layer_names, len(counts))
    rows = -(-len(names) // columns)
    plot = rows * PANEL_HEIGHT + max(0, rows - 1) * PANEL_GAP
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    annotations = []
    for index, name in enumerate(names):
        row, column = divmod(index, columns)
        number = "" if index == 0 else str(index + 1)
        low, high = np.asarray(edges[index], np.float64)[:-1], np.asarray(edges[index], np.float64)[1:]
        many = np.asarray(counts[index], np.float64)
        middle = (low + high) / 2
        number_format = three_figures(np.append(low, high))
        share = many / max(1.0, many.sum())
        trace = {
            "type": "bar",
            "x": middle.astype(np.float32),
            "y": many,
            "width": (high - low).astype(np.float32),
            "marker": {
                "color": np.where(middle < 0, colours.negative, colours.positive).tolist(),
                "line": {"width": 0},
            },
            "customdata": np.column_stack([low, high, share]).astype(np.float32),
            "hovertemplate": f"{name} · %{{y:,}} {quantity}s (%{{customdata[2]:.2%}})"
            f"<br>from %{{customdata[0]:{number_format}}} to %{{customdata[1]:{number_format}}}<extra></extra>",
            "name": name,
            "xaxis": f"x{number}",
            "yaxis": f"y{number}",
        }
        traces.append(trace)
        left = column / columns + (0.05 if column else 0)
        top = 1 - row * (PANEL_HEIGHT + PANEL_GAP) / plot
        lowest = index + columns >= len(names)
        horizontal = {
            **quiet_axis(colours),
            "domain": [left, (column + 1) / columns - (0.02 if column < columns - 1 else 0)],
            "anchor": f"y{number}",
            "showgrid": False,
            "nticks": 5 if columns == 1 else 3,
            "tickangle": 0,
            "zeroline": True,
            "zerolinecolor": colours.muted,
            "exponentformat": "power",
            "title": quiet_title(f"Value of a {quantity}", colours) if lowest else {},
        }
        if limits is not None:
            horizontal["range"] = list(limits[index])
        vertical = {
            **quiet_axis(colours),
            "domain": [max(0.0, top - PANEL_HEIGHT / plot), top],
            "anchor": f"x{number}",
            "nticks": 4,
            "title": {**quiet_title("Count", colours), "standoff": 4} if column == 0 else {},
            "tickformat": "~s",
        }
        if logarithmic:
            vertical |= {"type": "log", "dtick": 1 if many.max(initial=0) < 1e3 else 2, "range": [-0.3, _decades(many)]}
        axes |= {f"xaxis{number}": horizontal, f"yaxis{number}": vertical}
        annotation = {
            "text": name if many.any() else f"{name}: nothing to count",
            "x": left,
            "y": top,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
        }
        annotations.append(annotation)
    layout = common_layout(
        colours,
        title,
        plot_height=plot,
        margin={"l": 56, "t": 60},
        bargap=0,
        uirevision=f"{quantity}-{logarithmic}-{names}",
        annotations=annotations,
    )
    return draw(traces, layout | axes)


def _decades(many: NDArray[np.float64]) -> float:
    """The upper end of a logarithmic axis of counts."""
    return float(np.log10(max(10.0, many.max(initial=0)))) + 0.15


def percentile_bands_figure(
    steps: ArrayLike,
    bands: ArrayLike,
    percentiles: Sequence[float],
    colours: Palette,
    *,
    title: str,
    steps_per_epoch: float,
    quantity: str = "weight",
    x_axis: TimeAxis = "step",
    cursor: int | None = None,
    limits: tuple[float, float] | None = None,
) -> go.Figure:
    """How the values of one layer spread over the run: bands between percentiles, and the median as a line.

    steps: (P,), bands: (P, percentiles), one column for each of `percentiles`: symmetric around 50, ascending:
    (1, 5, 25, 50, 75, 95, 99). Moments that are not finite are left out of the drawing.

    Raises:
        ValueError: the percentiles are not symmetric around 50.
    """
    outer = len(percentiles) // 2
    if any(abs(low + high - 100) > 1e-9 for low, high in zip(percentiles, reversed(percentiles), strict=True)) or (
        len(percentiles) % 2 == 0
    ):
        raise ValueError(f"percentiles must be symmetric around 50 and contain it, got {tuple(percentiles)}")
    steps, bands = np.asarray(steps, np.float64), np.asarray(bands, np.float64).reshape(-1, len(percentiles))
    kept = thin_columns(steps, keep=cursor)
    kept = kept[np.isfinite(bands[kept]).all(axis=1)]
    steps, bands = steps[kept], bands[kept]
    x = in_time(steps, x_axis, steps_per_epoch)
    moments = np.column_stack([steps, steps / steps_per_epoch, bands]).astype(np.float32)

    traces: list[dict[str, Any]] = []
    for pair in range(outer):
        low, high = percentiles[pair], percentiles[-1 - pair]
        for place, fill in ((pair, "none"), (len(percentiles) - 1 - pair, "tonexty")):
            trace = {
                "type": "scatter",
                "x": x.astype(np.float32),
                "y": bands[:, place].astype(np.float32),
                "mode": "lines",
                "line": {"width": 0},
                "fill": fill,
                "fillcolor": _mixed(colours.background, colours.muted, 0.6 * (pair + 1) / (outer + 0.5)),
                "hoverinfo": "skip",
                "name": f"{high - low:g}% of all" if fill == "tonexty" else "",
                "showlegend": fill == "tonexty",
            }
            traces.append(trace)
    number_format = three_figures(bands)
    words = "<br>".join(
        f"{percentiles[-1 - pair] - percentiles[pair]:g}% between %{{customdata[{2 + pair}]:{number_format}}} "
        f"and %{{customdata[{2 + len(percentiles) - 1 - pair}]:{number_format}}}"
        for pair in reversed(range(outer))
    )
    median = {
        "type": "scatter",
        "x": x.astype(np.float32),
        "y": bands[:, outer].astype(np.float32),
        "mode": "lines" if len(x) > 1 else "markers",
        "line": {"color": colours.text, "width": 2},
        "customdata": moments,
        "hovertemplate": f"{MOMENT}<br>median %{{y:{number_format}}}<br>{words}<extra></extra>",
        "name": "Median",
    }
    traces.append(median)
    vertical: dict[str, Any] = {"title": quiet_title(f"Value of a {quantity}", colours), "exponentformat": "power"}
    if limits is not None:
        vertical["range"] = list(limits)
    layout = common_layout(
        colours,
        title,
        plot_height=BANDS_HEIGHT,
        margin={"t": 76},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"},
        uirevision=f"{quantity}-{x_axis}",
        shapes=moment_mark(cursor, x_axis, steps_per_epoch, colours),
        xaxis=time_axis(x_axis, colours),
        yaxis=vertical,
    )
    return draw(traces, layout | {"hovermode": "x"})


def _mixed(ground: str, colour: str, amount: float) -> str:
    """`colour` as it looks on `ground` when it is that opaque."""
    red, green, blue = (rgb(ground) * (1 - amount) + rgb(colour) * amount).round().astype(int)
    return f"#{red:02X}{green:02X}{blue:02X}"
