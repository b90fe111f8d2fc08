"""Probes: what happens inside the layers at a step, sampled over the run.

A probe costs about as much as two steps, so at full speed it is taken as often as a share of the time allows, and at
the latest when the run is a fifth longer than at the last one, for a short run would get hardly any; in slow motion
and single steps at every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.nn import MLP

PROBE_DIGITS = 100
TIME_SHARE = 0.015  # of the training time at the most
LONGEST_GAP = 10 ** (1 / 12)  # from one probe to the next: twelve in ten times the steps, whatever they cost
MOST_COLUMNS = 400  # twice what a picture shows
SATURATED = 0.97  # |tanh| above this, sigmoid above it or below 1 - it

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class LayerProbes:
    """One number for each linear layer and probe. All arrays: (layers, probes); steps: (probes,).

    The gradients are those that flowed in the step, before clipping; `update_ratio` is the length of the step taken
    over the length of the weights, ‖ΔW‖ / ‖W‖; `gradient_cosine` compares this gradient (weights and biases) with the
    one of the step before. The activations are those of a fixed probe batch after the step: mean and standard
    deviation over units and digits, `dead` the share of units that are 0 for every digit, `saturated` the share of
    activations in the flat parts of tanh (|a| > 0.97) or sigmoid (a < 0.03 or > 0.97). The output layer has no
    activation: NaN there, and `saturated` is NaN for other activations too.
    """

    steps: Array
    weight_gradient: Array
    bias_gradient: Array
    weight_norm: Array
    update_ratio: Array
    gradient_cosine: Array
    activation_mean: Array
    activation_std: Array
    dead: Array
    saturated: Array

    def until(self, step: int) -> LayerProbes:
        """The probes taken up to this step."""
        count = int(np.searchsorted(self.steps, step, side="right"))
        return LayerProbes(*(getattr(self, field.name)[..., :count] for field in fields(self)))


MEASURES = tuple(field.name for field in fields(LayerProbes) if field.name != "steps")


class ProbeLog:
    """Takes probes of one network in training and keeps them, thinned out as the run grows."""

    def __init__(self, network: MLP, probe_batch: Array) -> None:
        """probe_batch: (N, D) scaled inputs, always the same."""
        self.every_step = False
        self._network = network
        self._x = probe_batch.copy()
        self._gradient = np.zeros_like(network.gradient)
        self._parameters = np.empty_like(network.parameters)
        self._gradient_step = 0  # which step's gradient was copied; there is none before step 1, and its cosine is NaN
        self._spent = 0.0
        self._steps: list[int] = []
        self._rows: list[Array] = []
        self._open: Array | None = None

    def __len__(self) -> int:
        return len(self._steps)

    def before_update(self, step: int, training_seconds: float) -> None:
        """Called with the gradient in place and the parameters not yet changed; step counts from 1."""
        self._open = None
        armed = self._gradient_step == step - 1  # the gradient of the step before is at hand
        affordable = self._spent <= TIME_SHARE * training_seconds
        overdue = step >= LONGEST_GAP * (self._steps[-1] if self._steps else 0)
        if not (self.every_step or armed or affordable or overdue):
            return
        started = perf_counter()
        self._look_at_gradient(step, armed)
        self._spent += perf_counter() - started

    @np.errstate(all="ignore")  # a diverging run shows inf and nan
    def _look_at_gradient(self, step: int, armed: bool) -> None:
        network = self._network
        if armed or self.every_step:
            row = np.full((len(network.linears), len(MEASURES)), np.nan)
            for layer, (linear, where) in enumerate(zip(network.linears, self._layer_slices(), strict=True)):
                row[layer, :2] = norms = np.linalg.norm(linear.dW), np.linalg.norm(linear.db)
                if armed:
                    row[layer, 4] = _cosine(network.gradient[where], self._gradient[where], np.hypot(*norms))
            np.copyto(self._parameters, network.parameters)
            self._open = row
        if self.every_step or not armed:
            np.copyto(self._gradient, network.gradient)
            self._gradient_step = step

    def after_update(self, step: int) -> None:
        """Called when the parameters have changed; completes the probe that `before_update` opened."""
        if self._open is None:
            return
        started = perf_counter()
        row, self._open = self._open, None
        self._look_at_update(row)
        self._keep(step, row)
        self._spent += perf_counter() - started

    @np.errstate(all="ignore")
    def _look_at_update(self, row: Array) -> None:
        network = self._network
        values = network.layer_values(self._x)
        for layer, (linear, where) in enumerate(zip(network.linears, self._layer_slices(), strict=True)):
            change = self._parameters[where][: linear.W.size]  # so far the weights as they were
            change -= linear.W.ravel()
            row[layer, 2] = norm = np.linalg.norm(linear.W)
            row[layer, 3] = np.linalg.norm(change) / norm
            if linear is not network.linears[-1]:
                row[layer, 5:] = _activation_statistics(values[layer][1], network.activation)

    def probes(self) -> LayerProbes:
        """A copy of all that is kept."""
        rows = np.array(self._rows).reshape(len(self._rows), len(self._network.linears), len(MEASURES))
        by_measure = dict(zip(MEASURES, rows.transpose(2, 1, 0), strict=True))
        return LayerProbes(steps=np.array(self._steps, np.int64), **by_measure)

    def state(self) -> dict[str, Array]:
        """Arrays: "steps" (probes,), "rows" (probes, layers, measures)."""
        probes = self.probes()
        rows = np.stack([getattr(probes, name) for name in MEASURES], axis=-1).transpose(1, 0, 2)
        return {"steps": probes.steps, "rows": rows}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Goes on from what `state` described."""
        self._steps, self._rows = list(map(int, state["steps"])), list(state["rows"])

    def _keep(self, step: int, row: Array) -> None:
        self._steps.append(step)
        self._rows.append(row)
        if len(self._steps) > MOST_COLUMNS:
            # The one goes whose neighbours stand closest together, so that the whole run stays in sight evenly; never
            # the first or the last.
            steps = np.array(self._steps)
            crowded = int(np.argmin(steps[2:] - steps[:-2])) + 1
            del self._steps[crowded], self._rows[crowded]

    def _layer_slices(self) -> list[slice]:
        """Where each linear layer's weights and biases stand in the parameter vector."""
        slices, start = [], 0
        for linear in self._network.linears:
            end = start + linear.W.size + linear.b.size
            slices.append(slice(start, end))
            start = end
        return slices


def _cosine(a: Array, b: Array, norm_of_a: float) -> float:
    return float(np.dot(a, b) / (norm_of_a * np.linalg.norm(b)))


def _activation_statistics(a: Array, activation: str) -> tuple[float, float, float, float]:
    """a: (N, units) -> mean, standard deviation, share of dead units, share of saturated activations."""
    dead = float(np.mean(~(a != 0).any(axis=0)))
    saturated = np.nan
    if activation == "tanh":
        saturated = float(np.mean(np.abs(a) > SATURATED))
    elif activation == "sigmoid":
        saturated = float(np.mean((a > SATURATED) | (a < 1 - SATURATED)))
    deviations = a.astype(np.float64)
    mean = float(deviations.mean())
    deviations -= mean
    return mean, float(np.linalg.norm(deviations)) / math.sqrt(a.size), dead, saturated
