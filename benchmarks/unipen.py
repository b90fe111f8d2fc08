"""Reads pen digits in the UNIPEN format, such as UCI's "Pen-Based Recognition of Handwritten Digits"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CANVAS = (500, 500)  # pixels of the tablet's box, as the collection's documentation gives it

Strokes = list[NDArray[np.float64]]


def read_pen_digits(path: str | Path) -> tuple[list[Strokes], NDArray[np.int64]]:
    """N digits: for each its strokes, (M, 2) of x, y with y downwards as on a screen, and the labels, (N,).

    Raises ValueError for a file without labelled digits.
    """
    digits: list[list[list[tuple[float, float]]]] = []
    labels: list[int] = []
    for line in Path(path).read_text(encoding="latin-1").splitlines():
        words = line.split()
        if line.startswith(".SEGMENT DIGIT"):
            labels.append(int(words[-1].strip('"')))
            digits.append([])
        elif not digits:
            continue
        elif line.startswith(".PEN_DOWN"):
            digits[-1].append([])
        elif len(words) == 2 and not line.startswith("."):
            x, y = map(float, words)
            digits[-1][-1].append((x, CANVAS[1] - y))  # the file counts y upwards
    if not digits:
        raise ValueError(f"{path} must have lines .SEGMENT DIGIT with a label, got none")
    return [[np.array(stroke) for stroke in strokes if stroke] for strokes in digits], np.array(labels)
