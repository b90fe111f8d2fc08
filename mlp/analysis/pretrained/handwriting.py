"""MNIST's training digits in other people's handwriting.

MNIST was written in the United States: its sevens are seldom crossed, its ones mostly bare strokes, the tails of its
nines mostly straight. Elsewhere a seven has a bar, a one a flag at the top and often a foot, a nine a hook. Here the
digits get these strokes with the pen that they were written with, and all digits are made narrower or wider. What comes
out is prepared as MNIST's digits were. The ranges say what such strokes look like in handwriting; none was fitted.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlp.analysis.drawing import BOX, line_width, placed, points_along, rendered

Floats: TypeAlias = NDArray[np.float64]
Digits: TypeAlias = NDArray[np.uint8]

MARGIN = 12  # pixels around the digit, for strokes that reach beyond it
PLAIN = 0.2  # of the digits keep the strokes they have
WIDEST = 1.25  # widths change by a factor of 0.7 to 1.25
NARROWEST = 0.7
FLATTEST = np.radians(155)  # where 180 is level, to the left, and 90 straight down


def redrawn(images: Digits, labels: NDArray[np.int64], rng: np.random.Generator) -> Digits:
    """images: (N, 28, 28) uint8, labels: (N,) in 0..9 -> the same digits in other handwriting, like images."""
    added = {1: _flag_and_foot, 7: _bar, 9: _hook}
    result = np.empty_like(images)
    for i, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        page = np.pad(image, MARGIN)
        if label in added and rng.random() > PLAIN:
            width = line_width(image)
            for line in added[label](_Shape(page), rng):
                starts, ends = line[:-1], line[1:]
                np.maximum(page, rendered(points_along(starts, ends), page.shape, width), out=page)
        result[i] = _prepared(page, np.exp(rng.uniform(np.log(NARROWEST), np.log(WIDEST))))
    return result


class _Shape:
    """Where the ink of a digit lies, in x and y of the page's pixels."""

    def __init__(self, page: Digits) -> None:
        self.ink = np.where(page > 127, page, 0).astype(float)
        rows = np.flatnonzero(self.ink.any(axis=1))
        self.top, self.bottom = float(rows[0]), float(rows[-1] + 1)
        self.height = self.bottom - self.top

    def at(self, share: float) -> Floats:
        """The middle of the ink at this share of the height, from 0 at the top to 1 at the bottom."""
        y = min(max(self.top + share * self.height, self.top + 1), self.bottom - 1)
        columns = self.ink[round(y) - 1 : round(y) + 1].sum(axis=0)
        if not columns.any():  # a gap between two strokes
            columns = self.ink.sum(axis=0)
        return np.array([(np.arange(len(columns)) + 0.5) @ columns / columns.sum(), y])


def _flag_and_foot(one: _Shape, rng: np.random.Generator) -> list[Floats]:
    """A flag from the top of the one back down to its left, a foot across its bottom: either or both."""
    which = rng.random()
    lines = []
    if which < 0.8:
        top = one.at(0)
        stem = one.at(1) - top
        angle = np.arctan2(stem[1], stem[0])
        # a flag as flat as the top of a seven would make one of it
        angle = rng.uniform(angle + np.radians(20), max(angle + np.radians(25), min(angle + np.radians(65), FLATTEST)))
        length = one.height * rng.uniform(0.2, 0.65)
        lines.append(np.array([top, top + length * np.array([np.cos(angle), np.sin(angle)])]))
    if which > 0.5:
        left, right = one.height * rng.uniform(0.1, 0.35, 2)
        lines.append(_across(one.at(1), left, right, rng.uniform(-8, 8)))
    return lines


def _bar(seven: _Shape, rng: np.random.Generator) -> list[Floats]:
    """A bar across the middle of the seven's stem, level or rising to the right."""
    left, right = seven.height * rng.uniform(0.12, 0.35, 2)
    return [_across(seven.at(rng.uniform(0.42, 0.65)), left, right, rng.uniform(-10, 25))]


def _hook(nine: _Shape, rng: np.random.Generator) -> list[Floats]:
    """A tail that goes on downwards and bends to the left: a curve with one control point (Bézier)."""
    start = nine.at(0.95)
    reach, drop, rise = nine.height * np.array([rng.uniform(0.25, 0.6), rng.uniform(0.05, 0.25), rng.uniform(0, 0.15)])
    turn = start + np.array([-0.2 * reach, drop])
    end = start + np.array([-reach, drop - rise])
    t = np.linspace(0, 1, 9)[:, None]
    return [(1 - t) ** 2 * start + 2 * t * (1 - t) * turn + t**2 * end]


def _across(middle: Floats, left: float, right: float, rise: float) -> Floats:
    """A straight line through `middle` that rises to the right by `rise` degrees."""
    along = np.array([np.cos(np.radians(rise)), -np.sin(np.radians(rise))])
    return np.array([middle - left * along, middle + right * along])


def _prepared(page: Digits, width: float) -> Digits:
    """The ink of the page with its width changed by that factor, fitted to MNIST's box and centred by mass."""
    rows, columns = np.flatnonzero(page.any(axis=1)), np.flatnonzero(page.any(axis=0))
    ink = page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, breadth = ink.shape[0], ink.shape[1] * width
    factor = BOX / max(height, breadth)
    size = max(1, round(breadth * factor)), max(1, round(height * factor))
    return placed(np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR)), centre=True)
