"""Learning curves: a run's history in, plotly figures out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from mlp.training import History
from mlp.viz.layout import MOMENT, TIME_TITLES, common_layout, draw, quiet_title
from mlp.viz.palette import Palette

XAxis = Literal["step", "epoch", "seconds"]
Measure = Literal["loss", "accuracy"]

# More points than this are not seen at the size of these charts, and each costs at every update.
MAX_POINTS = 500
# A moving average lags behind; over a short run it would draw training above validation for that reason alone.
# So it never averages over more than this part of the run.
LONGEST_AVERAGE = 1 / 20
PLOT_HEIGHT = 230
RAW = "Training, raw"

_X_TITLES = {**TIME_TITLES, "seconds": "Seconds of training"}


@dataclass(frozen=True)
class Line:
    """Points to draw. steps: (n,) the step each stands for, seconds: (n,), values: (n,)."""

    steps: NDArray[np.float64]
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]

    def x(self, axis: XAxis, steps_per_epoch: int) -> NDArray[np.float64]:
        """(n,) where the points stand on this axis."""
        return {"step": self.steps, "epoch": self.steps / steps_per_epoch, "seconds": self.seconds}[axis]


def smooth(values: NDArray[Any], weight: float) -> NDArray[np.float64]:
    """Exponential moving average: s_t = weight s_{t-1} + (1 - weight) v_t, divided by 1 - weight^t.

    values: (n,) -> (n,). The division removes the pull towards zero at the start (Kingma and Ba, 2015, section 3).
    """
    values = values.astype(np.float64)
    if weight == 0 or len(values) == 0:
        return values
    averaged: NDArray[np.float64] = pd.Series(values).ewm(alpha=1 - weight).mean().to_numpy()
    return averaged


def thin(values: NDArray[Any], limit: int = MAX_POINTS) -> NDArray[np.intp]:
    """Which of many points to draw: the lowest and the highest of each stretch, so that no spike is lost.

    values: (n,) -> sorted positions, at most `limit` (4 or more) of them, the last point always among them.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    edges = np.linspace(0, count, limit // 2, dtype=np.intp)[:-1]
    edges_after = np.append(edges[1:], count)
    lengths = edges_after - edges
    inside = np.arange(lengths.max())
    positions = np.minimum(edges[:, None] + inside, edges_after[:, None] - 1)  # (stretches, longest)
    stretch = values[positions]
    rows = np.arange(len(edges))
    kept = [positions[rows, stretch.argmin(axis=1)], positions[rows, stretch.argmax(axis=1)], [count - 1]]
    return np.unique(np.concatenate(kept))


def training_line(history: History, measure: Measure, smoothing: float = 0.0) -> Line:
    """Every step's batch that has a row, smoothed and thinned out for drawing."""
    steps = history.steps
    raw = steps.column(measure)
    values = smooth(raw, min(smoothing, max(0.0, 1 - 1 / (LONGEST_AVERAGE * max(1, len(raw))))))
    kept = thin(values)
    return Line(steps.steps()[kept].astype(np.float64), steps.column("seconds")[kept], values[kept])


def validation_line(history: History, measure: Measure) -> Line:
    """Every check of the validation digits, never smoothed."""
    checks = history.checks
    values = np.array([getattr(check, measure) for check in checks], np.float64)
    kept = thin(values)
    return Line(
        np.array([check.step for check in checks], np.float64)[kept],
        np.array([check.seconds for check in checks], np.float64)[kept],
        values[kept],
    )


def learning_curve(
    history: History,
    measure: Measure,
    colours: Palette,
    *,
    steps_per_epoch: int,
    x_axis: XAxis = "step",
    smoothing: float = 0.0,
    logarithmic: bool = False,
) -> go.Figure:
    """Training and validation over time; the raw training line stays faintly behind the smoothed one."""
    lines = [("Training", training_line(history, measure, smoothing), colours.train, 2.0, 1.0, "lines")]
    if smoothing:
        lines.insert(0, (RAW, training_line(history, measure), colours.train, 1.0, 0.25, "lines"))
    validation = validation_line(history, measure)
    if len(validation.values):
        mode = "lines+markers" if len(validation.values) <= 60 else "lines"
        lines.append(("Validation", validation, colours.validation, 2.5, 1.0, mode))
    number = ".1%" if measure == "accuracy" else ".3g"
    traces = [
        {
            "type": "scatter",
            "x": line.x(x_axis, steps_per_epoch),
            "y": line.values,
            "customdata": np.column_stack([line.steps, line.steps / steps_per_epoch]),
            "name": name,
            "mode": mode,
            "line": {"color": colour, "width": width},
            "marker": {"color": colour, "size": 5},
            "opacity": opacity,
            "showlegend": name != RAW,
            "hoverinfo": "skip" if name == RAW else None,
            "hovertemplate": f"{MOMENT} · {measure} %{{y:{number}}}<extra>{name}</extra>",
        }
        for name, line, colour, width, opacity, mode in lines
    ]
    layout = common_layout(
        colours,
        measure.capitalize(),
        plot_height=PLOT_HEIGHT,
        margin={"l": 56, "t": 54},
        showlegend=True,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        # Zoom is kept while points arrive, and given up when the axes come to mean something else.
        uirevision=f"{x_axis}-{logarithmic}",
        xaxis={
            "title": quiet_title(_X_TITLES[x_axis], colours),
            "tickformat": ",",
            "autorangeoptions": {"clipmin": 0, "include": [0, 1]},
        },
        yaxis=_y_axis(measure, logarithmic),
    )
    return draw(traces, layout)


def _y_axis(measure: Measure, logarithmic: bool) -> dict[str, Any]:
    if measure == "accuracy":
        return {"tickformat": ".0%", "autorangeoptions": {"clipmin": 0, "clipmax": 1, "include": [0, 1]}}
    if logarithmic:
        return {"type": "log", "dtick": "D2"}
    return {"type": "linear", "autorangeoptions": {"clipmin": 0, "include": 0}}
