"""What the hidden layers make of the digits: a plane of many digits, and one digit's way through the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.layout import common_layout, draw, names_of, quiet_axis, quiet_title
from mlp.viz.palette import Palette, rgb
from mlp.viz.weights import weight_limit

PROJECTION_HEIGHT = 420
STRIP_COLUMNS = 64
_STRIP_ROW, _STRIP_GAP = 16, 40

Limits = tuple[tuple[float, float], tuple[float, float]]


def projection_figure(
    coords: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    colours: Palette,
    *,
    title: str,
    explained: Sequence[float] | None = None,
    limits: Limits | None = None,
    indices: ArrayLike | None = None,
) -> go.Figure:
    """Digits as points of a plane, coloured by class, one unit as long on either axis.

    coords: (n, 2), labels: (n,) 0..K-1. `indices`: (n,) which test digit each is, 0..n-1 by default; it is the
    customdata of the points. `explained`: the share of the whole spread that each axis carries. `limits`: the ranges of
    the two axes, so that the picture stands still while time moves.
    """
    coords, labels = np.asarray(coords, np.float64), np.asarray(labels)
    indices = np.arange(len(coords)) if indices is None else np.asarray(indices)
    traces = []
    for k, name in enumerate(class_names):
        own = labels == k
        trace = {
            "type": "scatter",  # scattergl takes far longer in browsers without a graphics card
            "x": coords[own, 0].astype(np.float32),
            "y": coords[own, 1].astype(np.float32),
            "mode": "markers",
            "marker": {"color": colours.classes[k % len(colours.classes)], "size": 5, "opacity": 0.8},
            "customdata": indices[own].astype(np.int32),
            "hovertemplate": f"{name} · test digit %{{customdata:,}}<extra></extra>",
            "name": name,
        }
        traces.append(trace)
    axes = []
    for number, (ordinal, span) in enumerate(zip(("First", "Second"), limits or around(coords), strict=True)):
        share = "" if explained is None else f", {explained[number]:.0%} of the spread"
        axis = {
            "range": list(span),
            "constrain": "range",  # the plane is as wide as the page; where the digits need less, there is room around
            "zeroline": True,
            "zerolinecolor": colours.grid,
            "title": quiet_title(f"{ordinal} principal component{share}", colours),
        }
        axes.append(axis)
    layout = common_layout(
        colours,
        title,
        plot_height=PROJECTION_HEIGHT,
        margin={"t": 84, "l": 60},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "itemsizing": "constant"},
        uirevision="plane",
        xaxis=axes[0],
        yaxis={**axes[1], "scaleanchor": "x", "scaleratio": 1},
    )
    return draw(traces, layout)


def projection_picture(
    coords: ArrayLike, labels: ArrayLike, colours: Palette, *, limits: Limits, side: int = 480
) -> NDArray[np.uint8]:
    """The same points as a picture (side, side, 3), for an animation: squares of 5 pixels, coloured by class.

    coords: (n, 2), labels: (n,). Points outside the limits are left out.
    """
    picture = np.full((side, side, 3), rgb(colours.background), np.uint8)
    low = np.array([limits[0][0], limits[1][0]])
    size = np.array([limits[0][1], limits[1][1]]) - low
    pixels = ((np.asarray(coords, np.float64) - low) / size * (side - 1)).round().astype(int)
    table = np.array([rgb(colour) for colour in colours.classes])
    shown = ((pixels >= 2) & (pixels < side - 2)).all(axis=1)
    x, y = pixels[shown].T
    ink = table[np.asarray(labels)[shown] % len(table)]
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            picture[side - 1 - y + dy, x + dx] = ink
    return picture


def around(coords: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Limits:
    """A square around all points, with a margin."""
    if len(coords) == 0:
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = coords.min(axis=0), coords.max(axis=0)
    middle, half = (low + high) / 2, float((high - low).max()) * 0.54 or 1.0
    return (middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half)


def activation_strips(
    values: Sequence[ArrayLike],
    colours: Palette,
    *,
    title: str,
    layer_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
) -> go.Figure:
    """One digit's way through the layers: a block of cells for each, one cell for each unit, counted from 0.

    values: (units,) for each layer. Each layer has its own scale, zero is the page's colour, rust above and blue below.
    Units stand in reading order, up to 64 a row. `class_names` names the cells of the last layer.
    """
    layers = [np.asarray(layer, np.float64) for layer in values]
    names = names_of(layer_names, len(layers))
    shapes = [_block(len(layer)) for layer in layers]
    heights = [max(2, rows) * _STRIP_ROW for rows, _ in shapes]
    plot = sum(heights) + _STRIP_GAP * len(layers)
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    annotations = []
    below = plot
    for index, (layer, name, (rows, columns), height) in enumerate(zip(layers, names, shapes, heights, strict=True)):
        number = "" if index == 0 else str(index + 1)
        below -= _STRIP_GAP + height
        top = min(1.0, (below + height) / plot)
        cells, units = np.full(rows * columns, np.nan), np.arange(rows * columns, dtype=np.int32)
        cells[: len(layer)] = layer
        reach = weight_limit(layer)
        by_name = class_names is not None and index == len(layers) - 1
        trace = {
            "type": "heatmap",
            "z": cells.reshape(rows, columns).astype(np.float32),
            "x": list(class_names or ()) if by_name else np.arange(columns),
            "zmin": -reach,
            "zmax": reach,
            "colorscale": colours.diverging,
            "showscale": False,
            "customdata": units.reshape(rows, columns),
            "hovertemplate": f"{name} · {'%{x}' if by_name else 'unit %{customdata}'} · %{{z:.3g}}<extra></extra>",
            "hoverongaps": False,
            "xgap": 1,
            "ygap": 1,
            "xaxis": f"x{number}",
            "yaxis": f"y{number}",
        }
        traces.append(trace)
        frame = {
            **quiet_axis(colours),
            "showgrid": False,
            "showline": True,
            "mirror": True,
            "ticks": "",
            "showticklabels": False,
        }
        axes[f"xaxis{number}"] = {
            **frame,
            "anchor": f"y{number}",
            "showticklabels": by_name,
            "type": "category" if by_name else "linear",
            "nticks": columns,
        }
        axes[f"yaxis{number}"] = {
            **frame,
            "anchor": f"x{number}",
            "domain": [max(0.0, below / plot), top],
            "autorange": "reversed",
        }
        quiet = f"{len(layer):,} units · strongest {_strongest(layer):.3g}"
        annotation = {
            "text": f"{name} <span style='color:{colours.muted}'>· {quiet}</span>",
            "x": 0,
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
        margin={"l": 12, "r": 12, "t": 36, "b": 36},
        uirevision=f"{shapes}",
        annotations=annotations,
    )
    return draw(traces, layout | axes)


def _block(units: int) -> tuple[int, int]:
    """Rows and columns for so many cells: as few rows as 64 a row allow, evenly filled."""
    rows = max(1, -(-units // STRIP_COLUMNS))
    return rows, max(1, -(-units // rows))


def _strongest(layer: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    known = layer[np.isfinite(layer)]
    return float(known[np.abs(known).argmax()]) if len(known) else 0.0


def class_means_bar(
    means: ArrayLike,
    class_names: Sequence[str],
    colours: Palette,
    *,
    title: str = "Mean activation for each class",
    limits: tuple[float, float] | None = None,
) -> go.Figure:
    """How strongly a unit answers to each class. means: (K,)"""
    means = np.asarray(means, np.float64)
    trace = {
        "type": "bar",
        "x": list(class_names),
        "y": means,
        "marker": {
            "color": [colours.classes[k % len(colours.classes)] for k in range(len(means))],
            "line": {"width": 0},
        },
        "hovertemplate": "%{x} · mean activation %{y:.3g}<extra></extra>",
    }
    vertical = {"title": quiet_title("Mean activation", colours), "zeroline": True, "zerolinecolor": colours.muted}
    layout = common_layout(
        colours,
        title,
        plot_height=168,
        bargap=0.25,
        uirevision="classes",
        xaxis={"title": quiet_title("Class", colours), "type": "category", "nticks": len(means), "showgrid": False},
        yaxis=vertical | ({"range": list(limits)} if limits is not None else {"nticks": 4}),
    )
    return draw([trace], layout)
