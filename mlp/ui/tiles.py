"""Digits side by side, each with a caption; wrong answers are marked by a sign, a frame and words."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.training import BatchView
from mlp.ui.assets import component_file
from mlp.ui.names import share
from mlp.viz import Palette

_component = st.components.v2.component(
    "digit_tiles",
    html="<ul></ul>",
    css=component_file("digit_tiles.css"),
    js=component_file("digit_tiles.js"),
)


@dataclass(frozen=True)
class Tile:
    """What is written under a digit, and what it says in full to a pointer or a screen reader."""

    caption: str
    description: str
    right: bool


def digit_tiles(pixels: NDArray[np.uint8], tiles: list[Tile], colours: Palette, *, key: str) -> None:
    """Draws digits with hard pixels. pixels: (n, 784) uint8, one tile for each."""
    data = {
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
        "tiles": [asdict(tile) for tile in tiles],
        "wrong": colours.wrong,
    }
    _component(data=data, key=key)


def answer_tiles(batch: BatchView, class_names: tuple[str, ...]) -> list[Tile]:
    """The network's answers to a batch."""
    pairs = zip(batch.probabilities, batch.labels, strict=True)
    return [answer_tile(probabilities, int(label), class_names) for probabilities, label in pairs]


def answer_tile(probabilities: NDArray[Any], label: int, class_names: tuple[str, ...]) -> Tile:
    """The network's answer to one digit: "✓ 7", or "✗ 1, is 7". probabilities: (K,)"""
    answer = int(probabilities.argmax())
    said, truth = class_names[answer], class_names[label]
    right = answer == label
    return Tile(
        caption=f"✓ {said}" if right else f"✗ {said}, is {truth}",
        description=f"The network says {said} ({share(probabilities[answer])} sure): "
        + ("right." if right else f"wrong, this is {truth}."),
        right=right,
    )
