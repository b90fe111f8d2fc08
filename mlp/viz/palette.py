"""Every colour of the app, for light and for dark pages. The accent of what can be pressed is Streamlit's theme."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Colourscale = list[tuple[float, str]]  # as plotly takes it: (place from 0 to 1, colour)


@dataclass(frozen=True)
class Palette:
    """Colours by what they mean; Okabe and Ito's hues (2008), which colour-blind readers can tell apart.

    On dark pages the hues stay and the lightness rises, so that lines keep a contrast of 3:1 at the least.
    """

    theme: Literal["light", "dark"]
    train: str
    validation: str
    test: str
    wrong: str
    text: str
    muted: str
    grid: str
    kept: tuple[int, ...] | None = None  # the classes of a network that knows some of the ten, by their numbers

    @property
    def background(self) -> str:
        """The page behind the figures, as .streamlit/config.toml has it."""
        return _BACKGROUNDS[self.theme]

    @property
    def classes(self) -> tuple[str, ...]:
        """One colour for each class 0–9, or for each that is `kept`; the same hue on light and dark pages.

        Chosen by search: ten hues with names of their own, whose smallest distance in OKLab is as large as can be for
        usual and for colour-blind eyes (Machado et al., 2009); digits that look alike stand far apart.
        """
        ten = _CLASSES[self.theme]
        return ten if self.kept is None else tuple(ten[k] for k in self.kept)

    @property
    def negative(self) -> str:
        """A signed value well below zero; the middle of that half of `diverging`."""
        return _DIVERGING[self.theme][1]

    @property
    def positive(self) -> str:
        """A signed value well above zero."""
        return _DIVERGING[self.theme][3]

    @property
    def diverging(self) -> Colourscale:
        """For signed values, centred on zero: blue below, rust above, and zero is the page itself."""
        return _evenly(_DIVERGING[self.theme])

    @property
    def sequential(self) -> Colourscale:
        """For magnitudes: viridis (van der Walt and Smith, 2015), which stays in order for colour-blind eyes."""
        return _evenly(_VIRIDIS)

    @property
    def shares(self) -> Colourscale:
        """For the share of something amiss, from 0 to 1: quiet at none, but not as empty as the page."""
        _, _, _, some, most = _DIVERGING[self.theme]
        return _evenly((self.grid, some, most))

    @property
    def neutral(self) -> str:
        """A grey that no scale contains: exactly zero where a scale cannot show it, and the lines between tiles."""
        return {"light": "#B9B7B3", "dark": "#565A66"}[self.theme]

    def aim(self, low: float, high: float) -> Colourscale:
        """A scale with a plateau from low to high, places between 0 and 1: blue is below it, rust is above."""
        deep_below, below, _, above, deep_above = _DIVERGING[self.theme]
        plateau = {"light": "#CFE3C8", "dark": "#3E6A50"}[self.theme]
        return [(0, deep_below), (low, below), (low, plateau), (high, plateau), (high, above), (1, deep_above)]


LIGHT = Palette(
    theme="light",
    train="#0072B2",
    validation="#E69F00",
    test="#009E73",
    wrong="#D55E00",
    text="#22252E",
    muted="#6B6F7B",
    grid="#E4E0D8",
)
DARK = Palette(
    theme="dark",
    train="#56B4E9",
    validation="#F0B429",
    test="#35C79F",
    wrong="#FF8A4C",
    text="#E8E6E1",
    muted="#A0A4B0",
    grid="#2C303A",
)

_BACKGROUNDS = {"light": "#FCFBF8", "dark": "#15171D"}
# fmt: off
_CLASSES = {
    # brown, grey, red, blue, cyan, orange, pink, olive, purple, green
    "light": (
        "#856857", "#434D56", "#980333", "#4F87FD", "#0C888E", "#C54006", "#D953B7", "#90943C", "#64288F", "#014D00",
    ),
    "dark": (
        "#F9BDA4", "#68686A", "#BA3802", "#485ED7", "#72F7FF", "#EC7C0C", "#C45FAA", "#E1F575", "#C8A1FE", "#58AE77",
    ),
}
# fmt: on
_DIVERGING = {
    "light": ("#1A4782", "#73A3D4", _BACKGROUNDS["light"], "#DA8B65", "#852101"),
    "dark": ("#A9D4FF", "#3D74AD", _BACKGROUNDS["dark"], "#AD5A35", "#FFC3A3"),
}
_VIRIDIS = (
    "#440154", "#482878", "#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58", "#B5DE2B", "#FDE725",
)  # fmt: skip


def palette(theme: str | None, classes: tuple[int, ...] | None = None) -> Palette:
    """The palette for Streamlit's theme type, "light" or "dark"; light when it is not known yet.

    classes: those that a network tells apart, so that each keeps its own colour among the ten.
    """
    found = DARK if theme == "dark" else LIGHT
    return found if classes is None else replace(found, kept=classes)


def rgb(colour: str) -> NDArray[np.uint8]:
    """The colour "#0072B2" as (3,) uint8."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)


def lookup(scale: Colourscale, size: int) -> NDArray[np.uint8]:
    """(size, 3) uint8: the colours of a scale at even distances."""
    places, colours = zip(*scale, strict=True)
    channels = np.array([rgb(colour) for colour in colours], np.float64)
    at = np.linspace(0, 1, size)
    return np.column_stack([np.interp(at, places, channel) for channel in channels.T]).round().astype(np.uint8)


def _evenly(colours: tuple[str, ...]) -> Colourscale:
    return [(place, colour) for place, colour in zip(np.linspace(0, 1, len(colours)).tolist(), colours, strict=True)]
