"""Looking into a trained network: what is wrong with a run, what its units do, how its numbers spread."""

from mlp.analysis.diagnosis import Finding, diagnose
from mlp.analysis.neurons import (
    LayerValues,
    UnitPassport,
    input_patterns,
    logits_without,
    passport,
    spoken_class,
    unit_order,
)
from mlp.analysis.projection import Projection, project
from mlp.analysis.spread import gradient_at, histogram, histogram_limits, percentile_bands, weight_bands

__all__ = [
    "Finding",
    "LayerValues",
    "Projection",
    "UnitPassport",
    "diagnose",
    "gradient_at",
    "histogram",
    "histogram_limits",
    "input_patterns",
    "logits_without",
    "passport",
    "percentile_bands",
    "project",
    "spoken_class",
    "unit_order",
    "weight_bands",
]
