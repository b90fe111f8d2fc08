"""Pictures side by side, each with its name and a sentence under it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import streamlit as st

from mlp.ui.assets import component_file
from mlp.viz import to_png
from mlp.viz.export import Picture

_component = st.components.v2.component(
    "stage_pictures",
    html="<ol></ol>",
    css=component_file("stage_pictures.css"),
    js=component_file("stage_pictures.js"),
)


@dataclass(frozen=True)
class NamedPicture:
    """picture: (H, W) or (H, W, 3) uint8; one that is `off` stands back."""

    name: str
    words: str
    picture: Picture
    off: bool = False


def named_pictures(pictures: list[NamedPicture], *, key: str) -> None:
    """Draws the pictures, four in a row, two on a phone."""
    stages = [
        {
            "name": each.name,
            "words": each.words,
            "description": f"{each.name}. {each.words}",
            "picture": data_url(each.picture),
            "off": each.off,
        }
        for each in pictures
    ]
    _component(data={"stages": stages}, key=key)


def data_url(picture: Picture) -> str:
    """The picture as an address that holds all of it."""
    return "data:image/png;base64," + base64.b64encode(to_png(picture)).decode()
