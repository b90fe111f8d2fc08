"""How the numbers of a layer spread over the run: the weights' on one page, the gradient's on another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp.analysis.spread import PERCENTILES
from mlp.training import BackgroundRun, Inspection
from mlp.ui.charts import live_charts
from mlp.viz import Palette, percentile_bands_figure


def spreads(
    run: BackgroundRun,
    moment: Inspection,
    bands: Mapping[str, np.ndarray[Any, Any]],
    layer: int,
    titles: tuple[str, str],
    colours: Palette,
    *,
    quantity: str,
    key: str,
) -> None:
    """Percentile bands of a layer's weights and of its biases, side by side.

    bands: {"0.weight": (moments, percentiles), …} at `moment.snapshot_steps`; titles: of the two figures.
    """
    figures = [
        percentile_bands_figure(
            moment.snapshot_steps,
            bands[f"{layer}.{kind}"],
            PERCENTILES,
            colours,
            title=title,
            quantity=quantity,
            steps_per_epoch=run.trainer.steps_per_epoch,
            cursor=moment.step,
        )
        for kind, title in zip(("weight", "bias"), titles, strict=True)
    ]
    live_charts(figures, [f"{title}: median and percentiles over the run" for title in titles], key=key)
