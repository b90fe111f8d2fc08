"""Why the network says what it says of one picture, how steady the answer is, and what a lesson cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from mlp.viz.export import Picture, enlarge
from mlp.viz.layout import common_layout, draw, quiet_title
from mlp.viz.palette import Palette, rgb
from mlp.viz.weights import weight_tiles

ROW_HEIGHT = 24
CELL, STRIP_HEIGHT = 30, 40
INK = 128  # grey levels: from here on the outline counts a pixel as ink
_LONGEST_IN_CELL = 2  # letters of a class name
_AXIS_ROOM = 52  # pixels below a grid, for its numbers and title


def signed_picture(
    values: ArrayLike,
    colours: Palette,
    *,
    scale: int = 12,
    limit: float | None = None,
    digit: NDArray[np.uint8] | None = None,
) -> Picture:
    """A signed value for each pixel, every pixel a hard square of `scale`. values: (28, 28) -> (28 s, 28 s, 3) uint8.

    Zero is the page's own colour, rust is above, blue below, and the colours end at ±`limit`, by default the largest
    absolute value. `digit`: (28, 28) uint8, whose outline is drawn over it, along the borders of its pixels.
    """
    picture = enlarge(weight_tiles(values, colours, columns=1, limit=limit), scale)
    if digit is not None:
        ink = np.pad(np.asarray(digit) >= INK, 1).repeat(scale, axis=0).repeat(scale, axis=1)
        border = (ink != np.roll(ink, 1, axis=0)) | (ink != np.roll(ink, 1, axis=1))
        border |= np.roll(border, -1, axis=0) | np.roll(border, -1, axis=1)  # on both sides, so two pixels wide
        picture[border[scale:-scale, scale:-scale]] = rgb(colours.muted)
    return picture


def shift_map(
    probabilities: ArrayLike,
    shifts: ArrayLike,
    class_names: Sequence[str],
    colours: Palette,
    *,
    answer: int,
    title: str = "The digit moved",
) -> go.Figure:
    """The answer at every place the digit is moved to. probabilities: (S, S, K), down and to the right; shifts: (S,).

    A cell shows the class answered there. Where it is still `answer`, it is pale, else the stronger the surer the
    network is; so what meets the eye is where the answer breaks. A frame marks the digit as it is.
    """
    p, places = np.asarray(probabilities, np.float64), np.asarray(shifts, np.float64)
    words = [_moved(dy, dx) for dy in places for dx in places]
    traces, legend = _cells(p, places, places, words, class_names, colours, answer, CELL * len(places))
    pitch = float(np.diff(places).min(initial=1))
    ends = [float(places.min()) - pitch / 2, float(places.max()) + pitch / 2]
    frame = {"showgrid": False, "ticks": "", "constrain": "domain"}
    shape = {"type": "rect", "x0": -pitch / 2, "x1": pitch / 2, "y0": -pitch / 2, "y1": pitch / 2}
    layout = common_layout(
        colours,
        title,
        plot_height=CELL * len(places),
        subtitle=_how_to_read(class_names[answer]),
        margin={"l": 72, "b": _AXIS_ROOM + legend["room"]},
        uirevision="shifts",
        **legend["layout"],
        shapes=[{**shape, "line": {"color": colours.text, "width": 2}, "fillcolor": "rgba(0,0,0,0)"}],
        xaxis={
            **frame,
            **_ticks(places, "left", "right"),
            "range": ends,
            "title": quiet_title("Moved by so many pixels", colours),
            "constraintoward": "left",
        },
        yaxis={
            **frame,
            **_ticks(places, "up", "down"),
            "range": ends[::-1],
            "constraintoward": "top",
            "scaleanchor": "x",
            "scaleratio": 1,
        },
    )
    return draw(traces, layout)


def angle_strip(
    probabilities: ArrayLike,
    angles: ArrayLike,
    class_names: Sequence[str],
    colours: Palette,
    *,
    answer: int,
    title: str = "The digit turned",
) -> go.Figure:
    """The answer at every angle, as in `shift_map`. probabilities: (A, K), angles: (A,) degrees counter-clockwise.

    Clockwise is to the right, as the top of the digit leans.
    """
    p, turns = np.asarray(probabilities, np.float64)[np.newaxis], np.asarray(angles, np.float64)
    words = [_turned(angle) for angle in turns]
    traces, legend = _cells(p, turns, np.zeros(1), words, class_names, colours, answer, STRIP_HEIGHT)
    pitch = float(np.diff(turns).min(initial=360)) if len(turns) > 1 else 10.0
    shape = {"type": "rect", "x0": -pitch / 2, "x1": pitch / 2, "y0": -0.5, "y1": 0.5}
    ends = [float(turns.max()) + pitch / 2, float(turns.min()) - pitch / 2]
    wanted = sorted({turns.min(), turns.min() / 2, 0.0, turns.max() / 2, turns.max()})
    layout = common_layout(
        colours,
        title,
        plot_height=STRIP_HEIGHT,
        subtitle=_how_to_read(class_names[answer]),
        margin={"l": 12, "b": _AXIS_ROOM + legend["room"]},
        uirevision="angles",
        **legend["layout"],
        shapes=[{**shape, "line": {"color": colours.text, "width": 2}, "fillcolor": "rgba(0,0,0,0)"}],
        xaxis={
            "showgrid": False,
            "ticks": "",
            "range": ends,
            "tickvals": wanted,
            "ticktext": [f"{abs(angle):g}°" + ("" if angle == 0 else " ↺" if angle > 0 else " ↻") for angle in wanted],
            "title": quiet_title("Turned by so many degrees", colours),
        },
        yaxis={"visible": False, "range": [-0.5, 0.5]},
    )
    return draw(traces, layout)


def epsilon_curve(
    epsilons: ArrayLike,
    attack: ArrayLike,
    noise: ArrayLike,
    colours: Palette,
    *,
    class_name: str,
    chosen: float | None = None,
    title: str = "Along the gradient, and by chance",
) -> go.Figure:
    """The probability of one class as every pixel is changed more and more. epsilons, attack, noise: (E,).

    `attack`: changed along the sign of the gradient, `noise`: as much, by random signs. `chosen`: the epsilon that is
    looked at; the nearest of the epsilons is marked.
    """
    x = np.asarray(epsilons, np.float64)
    lines = [
        ("along the gradient", np.asarray(attack), colours.wrong, "solid"),
        ("random signs", np.asarray(noise), colours.train, "dot"),
    ]
    traces: list[dict[str, Any]] = []
    for name, y, colour, dash in lines:
        line = {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y.astype(np.float32),
            "name": name,
            "line": {"color": colour, "width": 2.5, "dash": dash},
            "customdata": np.rint(255 * x),
            "hovertemplate": f"ε %{{x:.3f}} (%{{customdata}} grey levels), {name} · %{{y:.1%}}<extra></extra>",
        }
        traces.append(line)
    shapes: list[dict[str, Any]] = []
    if chosen is not None and len(x):
        at = int(np.abs(x - chosen).argmin())
        shapes.append({"type": "line", "x0": x[at], "x1": x[at], "y0": 0, "y1": 1, "yref": "paper"})
        shapes[-1]["line"] = {"color": colours.muted, "width": 1.5}
        for name, y, colour, _ in lines:
            dot = {
                "type": "scatter",
                "mode": "markers",
                "x": [x[at]],
                "y": [float(y[at])],
                "name": name,
                "showlegend": False,
                "marker": {"color": colour, "size": 11, "line": {"color": colours.background, "width": 2}},
                "hoverinfo": "skip",
            }
            traces.append(dot)
    layout = common_layout(
        colours,
        title,
        plot_height=220,
        margin={"t": 74},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
        uirevision="epsilons",
        shapes=shapes,
        xaxis={"title": quiet_title("ε, change of each pixel (1: black to white)", colours), "nticks": 5},
        yaxis={
            "title": quiet_title(f"Probability of {class_name}", colours),
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
    )
    return draw(traces, layout)


def forgetting_bars(
    before: ArrayLike,
    after: ArrayLike,
    class_names: Sequence[str],
    colours: Palette,
    *,
    title: str = "What the lesson cost",
    subtitle: str = "",
) -> go.Figure:
    """From each class's test accuracy before a lesson (a ring) to the one after it (a dot). before, after: (K,)

    The bar between them is what was lost or won. The axis begins below the lowest of all, in steps of a tenth.
    """
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    change = new - old
    rows = np.arange(len(old))
    tint = [colours.wrong if lost else colours.test for lost in change < 0]
    words = [
        f"{name} · before {one:.1%}, after {two:.1%} ({_signed(100 * (two - one), '.1f')} points)"
        for name, one, two in zip(class_names, old, new, strict=True)
    ]
    bar: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "base": old.tolist(),
        "x": change,
        "y": rows,
        "marker": {"color": [_blend(colour, colours, 0.45) for colour in tint], "line": {"width": 0}},
        "width": 0.34,
        "showlegend": False,
        "hovertext": words,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    dots: dict[str, Any] = {"type": "scatter", "mode": "markers", "y": rows, "hovertext": words, "cliponaxis": False}
    dots["hovertemplate"] = bar["hovertemplate"]
    ring = {"color": colours.background, "size": 10, "line": {"color": colours.muted, "width": 2}}
    traces = [
        bar,
        {**dots, "x": old, "name": "before", "marker": ring},
        {**dots, "x": new, "name": "after", "marker": {"color": tint, "size": 10}},
    ]
    lowest = float(np.nanmin(np.concatenate([old, new, [1.0]])))
    low = max(0.0, np.floor(10 * min(lowest, 0.99)) / 10)
    layout = common_layout(
        colours,
        title,
        plot_height=ROW_HEIGHT * len(old),
        subtitle=subtitle or "○ before · ● after, one row for each class",
        margin={"l": _room_for(class_names), "r": 24},
        uirevision="lesson",
        xaxis={
            "title": quiet_title("Share of its test digits read right", colours),
            "range": [low - 0.03 * (1 - low), 1 + 0.03 * (1 - low)],  # so that dots have room
            "tickformat": ".0%",
            "nticks": 5,
        },
        yaxis=_rows(class_names),
    )
    return draw(traces, layout)


def contribution_bars(
    numbers: ArrayLike,
    activations: ArrayLike,
    contributions: ArrayLike,
    colours: Palette,
    *,
    class_name: str,
    rest: float | None = None,
    title: str = "The units that decide",
    subtitle: str = "",
) -> go.Figure:
    """What the strongest units of a layer add to a class's logit, the largest on top. All (n,).

    `rest`: what the other units of the layer add together, a grey bar below.
    """
    units, a, given = np.asarray(numbers), np.asarray(activations), np.asarray(contributions, np.float64)
    names = [f"unit {unit}" for unit in units]
    values = given.tolist()
    tint = [colours.negative if value < 0 else colours.positive for value in values]
    words = [
        f"{name} · activation {of:.3g} · contribution {_signed(value)}"
        for name, of, value in zip(names, a, values, strict=True)
    ]
    if rest is not None:
        names.append("all others")
        values.append(rest)
        tint.append(colours.neutral)
        words.append(f"all other units together · contribution {_signed(rest)}")
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": np.arange(len(values)),
        "marker": {"color": tint, "line": {"width": 0}},
        "text": [_signed(value) for value in values],
        "textposition": "outside",
        "textfont": {"color": colours.text, "size": 12},
        "cliponaxis": False,
        "hovertext": words,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    finite = [value for value in values if np.isfinite(value)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    room = 0.18 * (high - low or 1)  # for the numbers beyond the bars
    layout = common_layout(
        colours,
        title,
        plot_height=ROW_HEIGHT * max(1, len(values)),
        subtitle=subtitle,
        margin={"l": _room_for(names)},
        bargap=0.3,
        uirevision="units",
        xaxis={
            "title": quiet_title(f"Contribution to the logit of {class_name}", colours),
            "range": [low - 1.4 * room * (low < 0), high + room * (high > 0 or low == 0)],
            "zeroline": True,
            "zerolinecolor": colours.muted,
            "nticks": 5,
        },
        yaxis=_rows(names),
    )
    return draw([trace], layout)


def _cells(
    p: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    words: list[str],
    class_names: Sequence[str],
    colours: Palette,
    answer: int,
    plot_height: int,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """p: (rows, columns, K) -> the traces of a grid of answers, and what the layout needs for its legend.

    A heatmap has one scale of colours: here every cell has its own place in it. The names of the classes are a trace
    apart, whose letters may have a colour each; long names stand in a legend instead.
    """
    answers, sure = p.argmax(axis=-1).ravel(), p.max(axis=-1).ravel()
    n = len(answers)
    fills = [
        _blend(_of_class(k, colours), colours, 0.05 + 0.15 * s if k == answer else 0.45 + 0.55 * s)
        for k, s in zip(answers, np.nan_to_num(sure), strict=True)
    ]
    hover = [f"{text}: says {class_names[k]} ({s:.0%})" for text, k, s in zip(words, answers, sure, strict=True)]
    shape = p.shape[:2]
    heatmap = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": np.arange(n).reshape(shape),
        "zmin": -0.5,
        "zmax": n - 0.5,
        "colorscale": [(at / n, fill) for i, fill in enumerate(fills) for at in (i, i + 1)],
        "showscale": False,
        "text": np.array(hover, object).reshape(shape),
        "hovertemplate": "%{text}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    }
    if max(map(len, class_names)) <= _LONGEST_IN_CELL:
        letters = {
            "type": "scatter",
            "mode": "text",
            "x": np.tile(x, shape[0]),
            "y": np.repeat(y, shape[1]),
            "text": [class_names[k] if k == answer else f"<b>{class_names[k]}</b>" for k in answers],
            "textfont": {"size": 13, "color": [_readable_on(fill) for fill in fills]},
            "hoverinfo": "skip",
        }
        return [heatmap, letters], {"room": 0, "layout": {}}
    keys = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [None],
            "y": [None],
            "name": class_names[k],
            "marker": {"symbol": "square", "size": 12, "color": _of_class(k, colours)},
        }
        for k in np.unique(answers)
    ]
    below = -_AXIS_ROOM / plot_height
    legend = {"orientation": "h", "x": 0, "y": below, "yanchor": "top"}
    # On a phone, two names stand in a row.
    return [heatmap, *keys], {"room": 20 * -(-len(keys) // 2), "layout": {"showlegend": True, "legend": legend}}


def _signed(value: float, form: str = ".3g") -> str:
    """With its sign, and a minus as long as the plus: "−1.25"."""
    return f"{value:+{form}}".replace("-", "−")


def _rows(names: Sequence[str]) -> dict[str, Any]:
    """An axis of named rows, the first on top."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": [len(names) - 0.5, -0.5],
        "showgrid": False,
        "ticks": "",
    }


def _room_for(names: Sequence[str]) -> int:
    """Pixels for the longest of these names on the left."""
    return 18 + 8 * max(map(len, names), default=0)


def _ticks(places: NDArray[np.float64], below: str, above: str) -> dict[str, Any]:
    """Five ticks at the most, in words: "4 left", "2 left", "0", "2 right", "4 right"."""
    values = sorted({float(place) for place in (places.min(), places.min() / 2, 0, places.max() / 2, places.max())})
    words = [f"{abs(value):g}" + ("" if value == 0 else f" {above if value > 0 else below}") for value in values]
    return {"tickvals": values, "ticktext": words}


def _moved(dy: float, dx: float) -> str:
    ways = ((dx, "left", "right"), (dy, "up", "down"))
    parts = [f"{abs(size):g} {above if size > 0 else below}" for size, below, above in ways if size]
    return f"moved {', '.join(parts)}" if parts else "as it is"


def _turned(angle: float) -> str:
    way = "counter-clockwise" if angle > 0 else "clockwise"
    return f"turned {abs(angle):g}° {way}" if angle else "as it is"


def _how_to_read(name: str) -> str:
    return f"Faint: still {name} · strong: another answer"


def _of_class(k: int, colours: Palette) -> str:
    return colours.classes[int(k) % len(colours.classes)]


def _blend(colour: str, colours: Palette, share: float) -> str:
    """So much of a colour over the page."""
    mixed = share * rgb(colour).astype(np.float64) + (1 - share) * rgb(colours.background)
    return "#" + bytes(mixed.round().astype(np.uint8)).hex().upper()


def _readable_on(ground: str) -> str:
    """Black or white, whichever has more contrast by WCAG 2.1: 4.5 to 1 at the least, on any ground."""
    return "#000000" if (_luminance(ground) + 0.05) ** 2 > 1.05 * 0.05 else "#FFFFFF"


def _luminance(colour: str) -> float:
    c = rgb(colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
