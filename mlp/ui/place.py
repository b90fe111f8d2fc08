"""Where on a page something stands."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def comes_and_goes() -> DeltaGenerator:
    """A place for words that are not always there. Without it what follows would change its own place with them.

    The browser would then mount it anew: a stroke under way would end, a chart lose its zoom, an open menu close.
    """
    return st.container()
