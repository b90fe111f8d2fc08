"""The activations page: how the classes come apart inside, and one digit's way through the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from mlp.analysis import Projection, project
from mlp.data import SOURCES
from mlp.training import BackgroundRun, Inspection, Trainer
from mlp.ui import session
from mlp.ui.assets import digit_url
from mlp.ui.charts import live_charts
from mlp.ui.moment import layer_control, save_button
from mlp.ui.names import share
from mlp.ui.tiles import Tile, digit_tiles
from mlp.viz import (
    Palette,
    activation_strips,
    around,
    layer_labels,
    palette,
    projection_figure,
    projection_picture,
    to_gif,
)
from mlp.viz.activations import Limits

DIGITS = 2000
GIF_MILLISECONDS = 150
_LAYER, _DIGIT = "activations_layer", "activations_digit"


def body(run: BackgroundRun, moment: Inspection) -> None:
    """The plane of a layer's activations, then a single digit's strips."""
    colours = palette(st.context.theme.type, run.trainer.config.classes)
    _plane(run, moment, colours)
    _strips(run, moment, colours)


def _plane(run: BackgroundRun, moment: Inspection, colours: Palette) -> None:
    layers = layer_labels(len(moment.network.linears))
    layer = layer_control(moment, _LAYER, default=max(0, len(layers) - 2))
    digits = run.trainer.dataset.test
    count = min(DIGITS, len(digits))
    pixels = digits.gather(np.arange(count), np.empty((count, run.trainer.dataset.num_pixels), np.uint8))
    z, a = moment.network.layer_values(pixels)[layer]
    values = z if layer == len(layers) - 1 else a
    if not np.isfinite(values).all():
        st.warning("Some activations are not finite at this moment: choose an earlier one.")
        return
    kept = _kept(run, layer, len(values))
    found = kept.projection = project(values, kept.projection)
    kept.widen(found)
    figure = projection_figure(
        found.coords,
        digits.labels[:count],
        run.trainer.dataset.class_names,
        colours,
        title=f"{count:,} test digits in {layers[layer]}",
        explained=tuple(found.explained),
        limits=kept.limits,
        indices=digits.indices[:count],
    )
    st.caption(
        "Each dot is a test digit, placed by the activations it causes in this layer, flattened to the two directions "
        "in which they differ most (principal components). Classes that the layer can tell apart stand apart."
    )
    live_charts(
        [figure],
        [f"Test digits in the plane of {layers[layer]}"],
        key="plane",
        wide=True,
        hover_pictures=digit_url(run.trainer.dataset.name) if run.trainer.dataset.name in SOURCES else "",
    )
    _export(run, moment, layer, pixels, digits.labels[:count], colours)


def _export(run: BackgroundRun, moment: Inspection, layer: int, pixels: Any, labels: Any, colours: Palette) -> None:
    snapshots = [run.trainer.snapshots.at(step) for step in moment.snapshot_steps]
    last = layer == len(moment.network.linears) - 1

    def animation() -> bytes:
        twin = moment.network.copy()
        planes: list[Projection] = []
        for snapshot in reversed(snapshots):  # each is turned towards the later one, where classes stand apart
            twin.parameters[:] = snapshot.parameters
            z, a = twin.layer_values(pixels)[layer]
            planes.append(project(z if last else a, planes[-1] if planes else None))
        limits = around(np.concatenate([plane.coords for plane in planes]))
        frames = [projection_picture(plane.coords, labels, colours, limits=limits) for plane in reversed(planes)]
        return to_gif(frames, milliseconds=GIF_MILLISECONDS)

    what = "How the classes came apart, over all kept moments."
    save_button(run, "Animation", animation, "activations.gif", what, possible=len(snapshots) > 1)


@dataclass
class _Kept:
    """What the pictures of one layer share, so that they turn and jump as little as possible."""

    trainer: Trainer
    layer: int
    count: int
    projection: Projection | None = None
    limits: Limits | None = None

    def widen(self, found: Projection) -> None:
        """The axes reach as far as any moment shown so far needed."""
        (left, right), (low, high) = around(found.coords)
        if self.limits is not None:
            (a, b), (c, d) = self.limits
            left, right, low, high = min(a, left), max(b, right), min(c, low), max(d, high)
        self.limits = (left, right), (low, high)


def _kept(run: BackgroundRun, layer: int, count: int) -> _Kept:
    found: _Kept | None = st.session_state.get(session.PLANE)
    if found is None or (found.trainer, found.layer, found.count) != (run.trainer, layer, count):
        found = st.session_state[session.PLANE] = _Kept(run.trainer, layer, count)
    return found


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
            title=f"{said}: {share(probabilities[answer])} sure",
            class_names=dataset.class_names,
        )
        live_charts([figure], [f"Activations of every layer for test digit {number}"], key="strips", wide=True)
