"""The numbers of one training step: matrices as grids of cells, the graph of the step, the loss along its direction."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from mlp.analysis.step_curve import StepCurve
from mlp.analysis.walk import Walk
from mlp.viz.graph import Block, Node, letters
from mlp.viz.layout import SUPERSCRIPTS, common_layout, draw, log_ticks, quiet_title
from mlp.viz.palette import Palette
from mlp.viz.weights import strongest_blocks, weight_limit

MOST_CELLS = 20_000
_HEIGHT = 300


@dataclass(frozen=True, eq=False)
class Grid:
    """A matrix made ready for drawing. cells: (rows, columns) float32, blocks of neighbours where there are too many.

    row_starts, column_starts: where the blocks begin in the matrix; signed: whether its colours are centred on zero.
    """

    cells: NDArray[np.float32]
    row_starts: NDArray[np.intp]
    column_starts: NDArray[np.intp]
    shape: tuple[int, int]
    low: float
    high: float
    signed: bool

    @property
    def in_blocks(self) -> bool:
        """Whether a cell stands for more than one number."""
        return self.cells.shape != self.shape

    def entry(self, values: NDArray[Any], row: int, column: int) -> tuple[int, int]:
        """Which number of the matrix a cell shows: the strongest of its block."""
        rows = slice(self.row_starts[row], _end(self.row_starts, row, self.shape[0]))
        columns = slice(self.column_starts[column], _end(self.column_starts, column, self.shape[1]))
        block = np.abs(np.nan_to_num(values[rows, columns]))
        down, right = np.unravel_index(int(block.argmax()), block.shape)
        return int(rows.start + down), int(columns.start + right)

    def cell_of(self, row: int, column: int) -> tuple[int, int]:
        """The cell in which a number of the matrix is."""
        down = int(np.searchsorted(self.row_starts, row, side="right")) - 1
        return down, int(np.searchsorted(self.column_starts, column, side="right")) - 1


def _end(starts: NDArray[np.intp], index: int, count: int) -> int:
    return int(starts[index + 1]) if index + 1 < len(starts) else count


def grid_of(values: NDArray[Any], *, limit: float | None = None, signed: bool = False, cells: int = MOST_CELLS) -> Grid:
    """values: (rows, columns). With a negative one among them, or if `signed`, the scale is centred on zero."""
    shown, rows, columns = strongest_blocks(values, cells)
    reach = weight_limit(values) if limit is None else limit
    signed = signed or bool(np.nanmin(values, initial=0) < 0)
    return Grid(
        np.ascontiguousarray(shown, np.float32), rows, columns, values.shape, -reach if signed else 0.0, reach, signed
    )


def shape_text(*sizes: int) -> str:
    """(1024, 784) -> "1,024 × 784"."""
    return " × ".join(f"{size:,}" for size in sizes)


def rounded(value: float, figures: int, *, plus: bool = False) -> str:
    """A number to so many figures as it is read, not typed: "−0.0918", "3.92·10⁻¹¹"; with `plus` "+0.5" too."""
    mantissa, _, exponent = f"{value:{'+' if plus else ''}.{figures}g}".partition("e")
    text = f"{mantissa}·10{str(int(exponent)).translate(SUPERSCRIPTS)}" if exponent else mantissa
    return text.replace("-", "−")


def size_text(values: NDArray[Any]) -> str:
    """The root mean square of an array in words: "rms 0.42"."""
    rms = float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else 0.0
    return f"rms {rounded(rms, 2)}" if isfinite(rms) else "not finite"


def step_blocks(walk: Walk) -> list[Block]:
    """The graph of a walk: input, layers, loss; each node with its shape and its size."""
    N, sizes, hidden = walk.num_digits, walk.network.layer_sizes, len(walk.network.linears) - 1
    known = set(walk.keys)

    def node(key: str, *shape: int, also: tuple[str, ...] = ()) -> Node:
        if key not in known:
            return Node(letters(key), shape_text(*shape))
        return Node(letters(key), shape_text(*shape), size_text(walk.stage(key).value), (key, *also))

    def parameters(number: int) -> tuple[Node, ...]:
        linear = walk.network.linears[number]
        keys = ("update",) if "update" in known else ()
        return tuple(
            Node(letters(f"{name}{number + 1}"), shape_text(*array.shape), size_text(array), keys)
            for name, array in (("W", linear.W), ("b", linear.b))
        )

    def gradients(number: int) -> tuple[Node, ...]:
        D, K = sizes[number], sizes[number + 1]
        clip = ("clip",) if "clip" in known else ()
        return node(f"dW{number + 1}", D, K, also=clip), node(f"db{number + 1}", K, also=clip)

    blocks = [Block("input", (node("x", N, sizes[0]),))]
    for number in range(hidden):
        values = ["z", "a", "h"] if walk.dropout else ["z", "a"]
        shape = N, sizes[number + 1]
        blocks.append(
            Block(
                f"hidden {number + 1}",
                tuple(node(f"{name}{number + 1}", *shape) for name in values),
                tuple(node(f"d{name}{number + 1}", *shape) for name in values),
                parameters(number),
                gradients(number),
            )
        )
    K = sizes[-1]
    softmax = (node("p", N, K),) if "p" in known or walk.settings.loss == "cross_entropy" else ()
    blocks.append(
        Block(
            "output", (node("logits", N, K), *softmax), (node("dlogits", N, K),), parameters(hidden), gradients(hidden)
        )
    )
    loss = Node("loss", "one number", rounded(walk.loss, 4), ("loss",))
    after = (Node("loss after", "one number", rounded(walk.loss_after, 4), ("after",)),) if "after" in known else ()
    blocks.append(Block("loss", (loss,), (), (Node("labels", f"{N:,}"),), after))
    return blocks


def _loss_range(curve: StepCurve) -> tuple[float, float]:
    """Where the loss axis begins and ends: so that the fall is seen; how far up an overshoot goes does not matter."""
    fall = max(curve.start - float(curve.losses[curve.best]), 0.02 * curve.start, 1e-6)
    return max(0.0, curve.start - 1.5 * fall), curve.start + 1.5 * fall


def step_curve_figure(curve: StepCurve, colours: Palette, *, title: str = "The loss along this step") -> go.Figure:
    """The loss of the batch over the learning rate, on a logarithmic axis, with the chosen rate and the lowest loss."""
    x = np.log10(curve.learning_rates)
    known = np.where(np.isfinite(curve.losses), curve.losses, np.nan)
    low, high = _loss_range(curve)
    worse = curve.overshoots_from
    best, at = curve.best, len(x) // 2
    words = [
        f"learning rate {rounded(rate, 3)} · loss {rounded(loss, 4)}"
        for rate, loss in zip(curve.learning_rates, known, strict=True)
    ]
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": known,
        "line": {"color": colours.train, "width": 2.5},
        "hovertext": words,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    marks = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x[at], x[best]] if best != at else [x[at]],
        "y": [known[at], known[best]] if best != at else [known[at]],
        "marker": {
            "color": [colours.text, colours.test],
            "size": 11,
            "symbol": ["circle", "diamond"],
            "line": {"color": colours.background, "width": 2},
        },
        "text": ["chosen", "lowest"] if best != at else ["chosen, the lowest"],
        "textposition": ["top right", "bottom center"],
        "textfont": {"color": colours.text},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    shapes = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": curve.start,
            "y1": curve.start,
            "line": {"color": colours.muted, "width": 1, "dash": "dash"},
        }
    ]
    notes = [
        {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": curve.start,
            "yanchor": "bottom",
            "text": f"before the step {rounded(curve.start, 3)}",
            "showarrow": False,
            "font": {"color": colours.muted, "size": 12},
        }
    ]
    if worse is not None:
        shapes.append(
            {
                "type": "rect",
                "layer": "below",
                "x0": float(np.log10(worse)),
                "x1": float(x[-1]),
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "fillcolor": colours.wrong,
                "opacity": 0.12,
                "line": {"width": 0},
            }
        )
        notes.append(
            {
                "x": float(x[-1]),
                "xanchor": "right",
                "yref": "paper",
                "y": 1,
                "yanchor": "top",
                "text": "overshoots",
                "showarrow": False,
                "font": {"color": colours.wrong, "size": 13},
            }
        )
    ticks, texts = log_ticks(float(x[0]), float(x[-1]))
    layout = common_layout(
        colours,
        title,
        plot_height=_HEIGHT,
        margin={"r": 24},
        uirevision="step-curve",
        shapes=shapes,
        annotations=notes,
        xaxis={
            "title": quiet_title("Learning rate", colours),
            "tickvals": ticks,
            "ticktext": texts,
            "range": [float(x[0]), float(x[-1])],
        },
        yaxis={"title": quiet_title("Loss of this batch", colours), "range": [low, high]},
    )
    return draw([line, marks], layout)
