"""Every colour of the app, for light and for dark pages. The accent of what can be pressed is Streamlit's theme."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """Colours by what they mean; Okabe and Ito's hues (2008), which colour-blind readers can tell apart.

    On dark pages the hues stay and the lightness rises, so that lines keep a contrast of 3:1 at the least.
    """

    train: str
    validation: str
    test: str
    wrong: str
    text: str
    muted: str
    grid: str


LIGHT = Palette(
    train="#0072B2",
    validation="#E69F00",
    test="#009E73",
    wrong="#D55E00",
    text="#22252E",
    muted="#6B6F7B",
    grid="#E4E0D8",
)
DARK = Palette(
    train="#56B4E9",
    validation="#F0B429",
    test="#35C79F",
    wrong="#FF8A4C",
    text="#E8E6E1",
    muted="#A0A4B0",
    grid="#2C303A",
)


def palette(theme: str | None) -> Palette:
    """The palette for Streamlit's theme type, "light" or "dark"; light when it is not known yet."""
    return DARK if theme == "dark" else LIGHT
