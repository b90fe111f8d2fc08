"""Weights as pictures: each unit of the first layer as a digit-sized tile, later layers as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.export import Picture
from mlp.viz.layout import COLOUR_BAR_MARGIN, colour_bar, common_layout, draw, quiet_title
from mlp.viz.palette import Colourscale, Palette, lookup, rgb

SIDE = 28
MAX_CELLS = 40_000  # of a matrix; each costs 5.4 bytes, and more are not seen at the size of a figure
_SHADES = 126  # either side of zero: with zero and the gaps 254 colours, so that a GIF holds them all
_ROW_HEIGHT, _LEAST_HEIGHT, _MOST_HEIGHT = 22, 160, 480


def weight_limit(patterns: ArrayLike) -> float:
    """The largest absolute value, where colours end; 1 for nothing but zeros. Infinite ones don't count."""
    size = np.abs(np.asarray(patterns))
    largest = float(np.max(size, initial=0, where=np.isfinite(size)))
    return largest or 1.0


def weight_tiles(
    patterns: ArrayLike,
    colours: Palette,
    *,
    columns: int,
    own_scale: bool = False,
    limit: float | None = None,
    gap: int = 1,
) -> Picture:
    """Every unit as a 28×28 tile, all in one picture, row by row from the top left.

    patterns: (units, 784) -> (H, W, 3) uint8 with H = rows · 28 + (rows - 1) · gap, W alike. Zero is the page's own
    colour, rust is above, blue below. The colours end at ±`limit`, by default the largest absolute weight of all units,
    with `own_scale` of each unit. Places after the last unit are left in the page's colour.
    """
    patterns = np.asarray(patterns, np.float32).reshape(-1, SIDE * SIDE)
    if own_scale:
        size = np.abs(patterns)
        ends = np.max(size, axis=1, initial=0, where=np.isfinite(size), keepdims=True)
        ends[ends == 0] = 1
    else:
        ends = np.float32(weight_limit(patterns) if limit is None else limit)
    table = lookup(colours.diverging, 2 * _SHADES + 1)
    return _tile(_shades(patterns, ends), table, columns, gap, rgb(colours.neutral), blank=_SHADES)


def ink_picture(picture: NDArray[np.uint8], colours: Palette) -> Picture:
    """(H, W) uint8, light ink on dark -> (H, W, 3): ink in the text's colour on the page's."""
    scale: Colourscale = [(0, colours.background), (1, colours.text)]
    return lookup(scale, 256)[picture]


def matrix_heatmap(
    W: ArrayLike,
    colours: Palette,
    *,
    title: str,
    from_layer: str = "the layer before",
    to_layer: str = "this layer",
    to_names: Sequence[str] | None = None,
    limit: float | None = None,
    subtitle: str = "",
) -> go.Figure:
    """The weights of a later layer. W: (D, K), from D units (to the right) to K units (downwards), counted from 0.

    Large matrices are drawn in blocks of neighbouring units, each showing its strongest weight, sign and all.
    `to_names`: names for the K units, such as the classes. `limit`: where the colours end, on both sides of zero.
    """
    W = np.asarray(W, np.float32)
    D, K = W.shape
    x: Any
    y: Any
    blocks, columns, rows = strongest_blocks(W)
    if len(columns) < D or len(rows) < K:
        x, y = [_span(columns, i, D) for i in range(len(columns))], [_span(rows, i, K) for i in range(len(rows))]
        hover = "from units %{x} to units %{y}: strongest %{z:.3g}"
        subtitle += " · " * bool(subtitle) + "Each cell: the strongest weight of a block of units"
    else:
        x, y = np.arange(D, dtype=np.int32), np.arange(K, dtype=np.int32)
        hover = "from unit %{x} to unit %{y}: %{z:.3g}"
    if to_names is not None and len(rows) == K:
        y, hover = list(to_names), hover.replace("unit %{y}", "%{y}")
    reach = weight_limit(W) if limit is None else limit
    trace = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": blocks.T,
        "zmin": -reach,
        "zmax": reach,
        "colorscale": colours.diverging,
        "colorbar": colour_bar(colours),
        "hovertemplate": f"{hover}<extra></extra>",
        "hoverongaps": False,
    }
    plot = int(np.clip(_ROW_HEIGHT * len(rows), _LEAST_HEIGHT, _MOST_HEIGHT))
    frame = {"showgrid": False, "showline": True, "mirror": True, "ticks": ""}
    layout = common_layout(
        colours,
        title,
        plot_height=plot,
        subtitle=subtitle,
        margin={"l": 84 if hover.startswith("from units") else 64, "r": COLOUR_BAR_MARGIN},
        uirevision=f"{D}-{K}",
        xaxis={
            **frame,
            "title": quiet_title(f"From unit of {from_layer}", colours),
            "type": "category" if isinstance(x, list) else "linear",
        },
        yaxis={
            **frame,
            "title": {**quiet_title(f"To unit of {to_layer}", colours), "standoff": 8},
            "autorange": "reversed",
            "nticks": min(len(rows), plot // _ROW_HEIGHT),
            "type": "category" if isinstance(y, list) else "linear",
        },
    )
    return draw([trace], layout)


def strongest_blocks(
    W: NDArray[Any], cells: int = MAX_CELLS
) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """(D, K) -> at most about `cells` blocks of neighbours, the value of largest absolute size of each.

    Also where the blocks begin in D and in K. A matrix that is small enough comes back as it is.
    """
    D, K = W.shape
    shrink = max(1.0, np.sqrt(D * K / cells))
    # A few outputs should stay one by one.
    few_K = int(np.ceil(K / shrink)) if np.sqrt(cells) / 2 < K else K
    few_D = min(D, cells // few_K)
    starts_D, starts_K = _starts(D, few_D), _starts(K, few_K)
    if len(starts_D) == D and len(starts_K) == K:
        return W, starts_D, starts_K
    high = np.maximum.reduceat(np.maximum.reduceat(W, starts_D, axis=0), starts_K, axis=1)
    low = np.minimum.reduceat(np.minimum.reduceat(W, starts_D, axis=0), starts_K, axis=1)
    return np.where(-low > high, low, high), starts_D, starts_K


def _starts(count: int, blocks: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count, blocks + 1)[:-1].astype(np.intp))


def _span(starts: NDArray[np.intp], index: int, count: int) -> str:
    """The units of a block: "12-15", or "12" where it is one only."""
    first, last = starts[index], (starts[index + 1] if index + 1 < len(starts) else count) - 1
    return f"{first}-{last}" if last > first else f"{first}"


def _shades(values: NDArray[np.float32], ends: NDArray[np.float32] | np.float32) -> NDArray[np.int16]:
    """Places in a table of 2 · 126 + 1 colours whose middle is zero; what is not a number counts as zero."""
    with np.errstate(invalid="ignore"):
        scaled = values * (np.float32(_SHADES) / ends)
    scaled = np.nan_to_num(scaled, copy=False, nan=0.0, posinf=_SHADES, neginf=-_SHADES)
    np.clip(scaled, -_SHADES, _SHADES, out=scaled)
    np.rint(scaled, out=scaled)
    return (scaled + _SHADES).astype(np.int16)


def _tile(
    shades: NDArray[Any], table: NDArray[np.uint8], columns: int, gap: int, between: NDArray[np.uint8], *, blank: int
) -> Picture:
    """shades: (n, 784), places in the colour table -> the tiles in one picture."""
    rows = max(1, -(-len(shades) // columns))
    pitch = SIDE + gap
    cells = np.full((rows, columns, SIDE, SIDE), blank, shades.dtype)
    cells.reshape(rows * columns, -1)[: len(shades)] = shades
    picture = np.empty((rows, pitch, columns, pitch, 3), np.uint8)
    picture[...] = between
    picture[:, :SIDE, :, :SIDE] = table[cells.transpose(0, 2, 1, 3)]
    return picture.reshape(rows * pitch, columns * pitch, 3)[: rows * pitch - gap, : columns * pitch - gap]
