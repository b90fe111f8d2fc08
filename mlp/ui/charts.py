"""Figures that change while they are looked at.

`st.plotly_chart` mounts a chart anew at each change: it blinks and forgets its zoom (see docs/architecture.md).
"""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from mlp.ui.assets import component_file, plotly_url

_component = st.components.v2.component(
    "live_charts",
    html='<div class="mlp-charts"></div>',
    css=component_file("live_charts.css"),
    js=component_file("live_charts.js"),
    # Plotly puts its own style sheet into the document, which does not reach into a shadow root.
    isolate_styles=False,
)


def live_charts(
    figures: list[go.Figure], descriptions: list[str], *, key: str, wide: bool = False, hover_pictures: str = ""
) -> None:
    """Figures side by side or, if `wide`, one below the other, redrawn in place.

    Each description says in a sentence what its figure shows. `hover_pictures`: the address of pictures to show beside
    a point under the pointer, to be followed by its customdata and ".png".
    """
    _component(
        data={
            "figures": [figure.to_json() for figure in figures],
            "descriptions": descriptions,
            "plotly_url": plotly_url(),
            "wide": wide,
            "hover_pictures": hover_pictures,
        },
        key=key,
    )
