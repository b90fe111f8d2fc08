"""The activations page: how the classes come apart inside, and one digit's way through the layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from mlp.analysis import Projection, project
from mlp.training import BackgroundRun, Inspection
from mlp.ui.charts import live_charts
from mlp.ui.tiles import Tile, digit_tiles
from mlp.viz import Palette, activation_strips, layer_labels, palette, projection_figure

DIGITS = 2000
_LAYER, _DIGIT, _REFERENCE = "activations_layer", "activations_digit", "activations_reference"


def body(run: BackgroundRun, moment: Inspection) -> None:
    """The plane of a layer's activations, then a single digit's strips."""
    colours = palette(st.context.theme.type)
    _plane(run, moment, colours)
    _strips(run, moment, colours)


def _plane(run: BackgroundRun, moment: Inspection, colours: Palette) -> None:
    layers = layer_labels(len(moment.network.linears))
    chosen = st.segmented_control(
        "Layer",
        range(len(layers)),
        default=max(0, len(layers) - 2),
        required=True,
        format_func=lambda number: layers[number].capitalize(),
        key=_LAYER,
        persist_state="session",
    )
    layer = min(chosen, len(layers) - 1)
    digits = run.trainer.dataset.test
    count = min(DIGITS, len(digits))
    pixels = digits.gather(np.arange(count), np.empty((count, run.trainer.dataset.num_pixels), np.uint8))
    z, a = moment.network.layer_values(pixels)[layer]
    values = z if layer == len(layers) - 1 else a
    if not np.isfinite(values).all():
        st.warning("Some activations are not finite at this moment: choose an earlier one.")
        return
    found = project(values, _reference(run, moment, layer, values.shape))
    _remember(run, moment, layer, found)
    figure = projection_figure(
        found.coords,
        digits.labels[:count],
        run.trainer.dataset.class_names,
        colours,
        title=f"{count:,} test digits in {layers[layer]}",
        explained=tuple(found.explained),
        indices=digits.indices[:count],
    )
    st.caption(
        "Each dot is a test digit, placed by the activations it causes in this layer, flattened to the two directions "
        "in which they differ most (principal components). Classes that the layer can tell apart stand apart."
    )
    live_charts([figure], [f"Test digits in the plane of {layers[layer]}"], key="plane", wide=True)


def _reference(run: BackgroundRun, moment: Inspection, layer: int, shape: Any) -> Projection | None:
    """The plane shown last, so that the picture turns as little as possible from moment to moment."""
    key, found = st.session_state.get(_REFERENCE, (None, None))
    return found if key == (id(run.trainer), layer, shape[0]) else None


def _remember(run: BackgroundRun, moment: Inspection, layer: int, found: Projection) -> None:
    st.session_state[_REFERENCE] = (id(run.trainer), layer, len(found.coords)), found


def _strips(run: BackgroundRun, moment: Inspection, colours: Palette) -> None:
    dataset = run.trainer.dataset
    digits = dataset.test
    st.subheader("One digit's way through the layers")
    number = st.number_input(
        "Test digit", 0, len(digits) - 1, key=_DIGIT, width=200, persist_state="session", help="Any of the test digits."
    )
    position = np.array([number])
    pixels = digits.gather(position, np.empty((1, dataset.num_pixels), np.uint8))
    values = moment.network.layer_values(pixels)
    probabilities = values[-1][1][0]
    answer, label = int(probabilities.argmax()), int(digits.labels[number])
    said, truth = dataset.class_names[answer], dataset.class_names[label]
    right = answer == label
    tile = Tile(f"✓ {said}" if right else f"✗ {said}, is {truth}", f"The network says {said}, it is {truth}.", right)
    left, rest = st.columns([1, 6])
    with left:
        digit_tiles(pixels, [tile], colours, key="strip_digit")
    with rest:
        figure = activation_strips(
            [a[0] for _, a in values],
            colours,
            title=f"{said}: {probabilities[answer]:.1%} sure",
            class_names=dataset.class_names,
        )
        live_charts([figure], [f"Activations of every layer for test digit {number}"], key="strips", wide=True)
