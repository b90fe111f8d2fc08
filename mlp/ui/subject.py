"""A picture handed from one page to another: "look at this digit on the drawing page"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mlp.ui import session


@dataclass(frozen=True, eq=False)
class Subject:
    """A digit of a dataset, as the network reads it: (28, 28) uint8, light ink on dark.

    Or, if it is not `prepared`, a picture from elsewhere, (H, W) uint8, in which a digit has yet to be found.
    """

    pixels: NDArray[np.uint8]
    class_name: str | None  # what it is, if that is known
    title: str  # "test digit 1,247"
    prepared: bool = True


def open_drawing_page(subject: Subject) -> None:
    """Goes to the drawing page with this picture on it. Not from a callback: Streamlit changes pages in the script."""
    st.session_state[session.SUBJECT] = subject
    st.switch_page("pages/inspect/draw.py")


def open_backprop_page(subject: Subject) -> None:
    """Goes to the backpropagation page to walk a step with this picture. Not from a callback either.

    Raises ValueError for a picture that is not `prepared`: the network reads 28×28 pixels.
    """
    if not subject.prepared:
        raise ValueError(f"{subject.title} must be prepared as 28×28 pixels first")
    st.session_state[session.WALK_SUBJECT] = subject
    st.switch_page("pages/learn/backprop.py")
