"""Light and dark: when the page turns, what the script has coloured follows without a click, in a single run."""

from __future__ import annotations

from typing import Any

from mlp.viz.palette import DARK, LIGHT, Palette, rgb

from .live_page import LivePage, until
from .test_inspect import SMALL, go, one_epoch

# What is painted, not what plotly was told: the numbers along the bottom of each chart.
INK = """() => [...document.querySelectorAll(".mlp-charts > div")].map((plot) => {
    const number = plot.querySelector(".xtick text");
    return number ? getComputedStyle(number).fill : "nothing drawn";
})"""


def listen(tab: LivePage) -> list[Any]:
    """All that the tab will send to the server: while nothing trains, one message for each run of the script."""
    sent: list[Any] = []
    tab.page.on("websocket", lambda socket: socket.on("framesent", lambda message: sent.append(message)))
    return sent


def until_charts_are(tab: LivePage, colours: Palette) -> None:
    ink = "rgb({}, {}, {})".format(*rgb(colours.text))
    until(lambda: tab.page.evaluate(INK), lambda seen: set(seen) == {ink}, f"all charts in {colours.theme} ink, {ink}")


def runs_asked(tab: LivePage, sent: list[Any]) -> int:
    """How often the script was asked to run since the last call, and may still be asked."""
    tab.page.wait_for_timeout(1500)  # and not sleep(): while the tab is asked nothing, no message is heard of
    number = len(sent)
    sent.clear()
    return number


def test_charts_follow_the_system(live: LivePage):
    sent = listen(live)
    live.open(SMALL)
    assert runs_asked(live, sent) == 1, "the first run knew the theme"
    go(live, "Gradients")
    one_epoch(live)
    for page in ("Gradients", "Watch it learn"):
        go(live, page)
        until_charts_are(live, LIGHT)
        runs_asked(live, sent)
        for scheme, colours in (("dark", DARK), ("light", LIGHT)):
            live.page.emulate_media(color_scheme=scheme)
            until_charts_are(live, colours)
            assert runs_asked(live, sent) == 1, f"one run for {scheme}"


def test_charts_follow_the_menu_and_the_browser_keeps_the_choice(live: LivePage):
    sent = listen(live)
    live.open(SMALL)
    live.press("step")
    live.until_step(1)
    until_charts_are(live, LIGHT)
    runs_asked(live, sent)
    live.page.get_by_test_id("stMainMenu").get_by_role("button").click()
    live.page.get_by_role("menuitemradio", name="Dark").click()
    until_charts_are(live, DARK)
    assert runs_asked(live, sent) == 1

    live.reload()
    until_charts_are(live, DARK)
    assert runs_asked(live, sent) == 1, "the first run knew the choice"
