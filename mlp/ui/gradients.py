"""The gradients page: how far the learning reaches into each layer, over the run and at one moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from mlp.analysis import diagnose, gradient_at, histogram, histogram_limits, percentile_bands
from mlp.analysis.diagnosis import RATIO_TOO_HIGH, RATIO_TOO_LOW
from mlp.training import BackgroundRun, Inspection, LayerProbes
from mlp.training.probes import PROBE_DIGITS
from mlp.ui import live, session
from mlp.ui.charts import live_charts
from mlp.ui.moment import layer_control
from mlp.ui.spreads import spreads
from mlp.viz import Palette, histogram_figure, layer_heatmap, layer_labels, palette

ENOUGH_STEPS = 20  # before that most rules of the diagnosis keep silent
GRADIENT_DIGITS = 500  # the fixed batch whose gradient is spread out in the histogram

_RATIO = {"logarithmic": True, "band": (RATIO_TOO_LOW, RATIO_TOO_HIGH)}  # so that colour and diagnosis agree
# measure of the probes, unit, and how the heatmap draws it
_HEATMAPS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Gradient of the weights": ("weight_gradient", "‖dW‖", {"logarithmic": True}),
    "Gradient of the biases": ("bias_gradient", "‖db‖", {"logarithmic": True}),
    "Update : weight": ("update_ratio", "‖ΔW‖ / ‖W‖", _RATIO),
    "Gradient's turn": ("gradient_cosine", "cosine", {"kind": "signed", "limits": (-1.0, 1.0)}),
    "Dead units": ("dead", "share", {"kind": "share"}),
    "Saturated": ("saturated", "share", {"kind": "share"}),
}
_READING = {
    "Gradient of the weights": "The length of the gradient, ‖dW‖. One row is one layer, that next to the pixels on "
    "top; time runs to the right. Rows that darken upwards are a gradient that vanishes on its way back.",
    "Gradient of the biases": "How strongly the biases of each layer are pulled: the length of their gradient, ‖db‖.",
    "Update : weight": "How much of its weights a layer changed in one step: the length of the change, ‖ΔW‖, over that "
    f"of the weights, ‖W‖. A few thousandths are usual; green reaches from {RATIO_TOO_LOW:.5f} to {RATIO_TOO_HIGH:g}.",
    "Gradient's turn": "Whether two gradients in a row point the same way: the cosine of the angle between them is 1 "
    "for the same way, 0 for nothing in common, −1 for back.",
    "Dead units": "Units that answered 0 to every digit of a probe: no gradient passes through them.",
    "Saturated": "Activations in the flat ends of the curve, where the gradient is almost 0.",
}
_PROBE = (
    "Each column is a probe: one step that was measured in every layer. Activations are those of the first "
    f"{PROBE_DIGITS} training digits, the same at each probe."
)
_KIND, _SPREAD = "gradients_kind", "gradients_spread"
Array = np.ndarray[Any, Any]


def body(run: BackgroundRun, moment: Inspection) -> None:
    """Diagnosis, heatmap, histograms and spread at one moment."""
    if not run.trainer.step_count:
        return
    colours = palette(st.context.theme.type)
    _diagnosis(run, moment)
    _heatmap(run, moment, colours)
    _histograms(run, moment, colours)
    _spread(run, moment, colours)


def _diagnosis(run: BackgroundRun, moment: Inspection) -> None:
    trainer = run.trainer
    now = moment.step >= trainer.step_count
    findings = diagnose(
        trainer.config,
        run.view().history.until(moment.step),
        moment.probes.until(moment.step),
        steps_per_epoch=trainer.steps_per_epoch,
        diverged=trainer.diverged if now else None,
        network=moment.network,
    )
    if not findings and moment.step < ENOUGH_STEPS:
        st.caption("Too early to judge: the diagnosis speaks from some twenty steps on.")
    elif not findings:
        st.success(
            "Nothing looks wrong at this moment: gradients reach every layer, the steps are of a good size.",
            icon=":material/check:",
        )
    for position, finding in enumerate(findings):
        live.show_finding(finding, position)


def _kinds(probes: LayerProbes) -> list[str]:
    """The heatmaps that have something to show: a net without hidden layer has no activations."""
    return [kind for kind, (name, _, _) in _HEATMAPS.items() if np.isfinite(getattr(probes, name)).any()]


def _heatmap(run: BackgroundRun, moment: Inspection, colours: Palette) -> None:
    probes = moment.probes
    kinds = _kinds(probes)
    if not kinds:
        st.info("No probe has been taken yet: take a second step.")
        return
    kind = st.segmented_control(
        "What to show",
        kinds,
        default=kinds[0],
        required=True,
        key=_KIND,
        persist_state="session",
        label_visibility="collapsed",
    )
    name, unit, drawn = _HEATMAPS[kind]
    values = getattr(probes, name)
    figure = layer_heatmap(
        values,
        probes.steps,
        colours,
        title=kind,
        unit=unit,
        steps_per_epoch=run.trainer.steps_per_epoch,
        cursor=moment.step,
        layer_names=layer_labels(len(values)),
        **drawn,
    )
    st.caption(_READING[kind], help=_PROBE)
    live_charts([figure], [_sentence(kind, values)], key="gradient_heatmap", wide=True)


def _sentence(kind: str, values: np.ndarray[Any, Any]) -> str:
    latest = ", ".join(
        f"{name} {value:.2g}"
        for name, value in zip(layer_labels(len(values)), values[:, -1], strict=True)
        if np.isfinite(value)
    )
    return f"{kind} for each layer over the run; at the end: {latest}."


def _histograms(run: BackgroundRun, moment: Inspection, colours: Palette) -> None:
    pixels, labels = _probe_digits(run)
    gradients = gradient_at(moment.network, pixels, labels, run.trainer.config.loss)
    st.subheader("At this moment")
    st.caption(
        f"How the single weights, and the single entries of the gradient, are distributed in each layer. The gradient "
        f"is that of the first {len(labels)} training digits, the same at every moment."
    )
    live_charts(
        [
            _histogram(gradients, "Gradients", "gradient", colours),
            _histogram(moment.network.state_dict(), "Weights", "weight", colours),
        ],
        ["Histogram of the gradient's entries in each layer", "Histogram of the weights in each layer"],
        key="gradient_histograms",
    )


def _probe_digits(run: BackgroundRun) -> tuple[Array, Array]:
    """The fixed batch: (n, 784) uint8 and (n,)."""
    digits = run.trainer.dataset.train
    count = min(GRADIENT_DIGITS, len(digits))
    pixels = digits.gather(np.arange(count), np.empty((count, run.trainer.dataset.num_pixels), np.uint8))
    return pixels, digits.labels[:count]


def _histogram(arrays: dict[str, Any], title: str, quantity: str, colours: Palette) -> go.Figure:
    layers = [array for name, array in arrays.items() if name.endswith("weight")]
    found = [histogram(array, limits=histogram_limits(array)) for array in layers]
    edges, counts = zip(*found, strict=True)
    return histogram_figure(edges, counts, colours, title=title, quantity=quantity, logarithmic=True)


def _spread(run: BackgroundRun, moment: Inspection, colours: Palette) -> None:
    """How far the entries of each layer's gradient reach, over the kept moments."""
    steps = moment.snapshot_steps
    if len(steps) < 2:
        return
    layers = layer_labels(len(moment.network.linears))
    st.subheader("How the gradient spreads over time")
    layer = layer_control(moment, _SPREAD, hide_label=True)
    name = layers[layer]
    titles = f"Gradient of the weights of {name}", f"Gradient of the biases of {name}"
    bands = _gradient_bands(run, moment)
    spreads(run, moment, bands, layer, titles, colours, quantity="gradient", key="gradient_spread")


def _gradient_bands(run: BackgroundRun, moment: Inspection) -> dict[str, Array]:
    """{"0.weight": (moments, percentiles), …}; worked out once for each snapshot."""
    trainer, kept = st.session_state.get(session.GRADIENT_BANDS, (None, {}))
    if trainer is not run.trainer:
        kept = {}
    pixels, labels = _probe_digits(run)
    twin = moment.network.copy()
    found: dict[int, dict[str, Array]] = {}
    for step in moment.snapshot_steps:
        if step not in kept:
            twin.parameters[:] = run.trainer.snapshots.at(step).parameters
            gradients = gradient_at(twin, pixels, labels, run.trainer.config.loss)
            kept[step] = {name: percentile_bands([array])[0] for name, array in gradients.items()}
        found[step] = kept[step]
    st.session_state[session.GRADIENT_BANDS] = run.trainer, found
    return {name: np.array([at[name] for at in found.values()]) for name in twin.state_dict()}
