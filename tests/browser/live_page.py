"""The live page as a person sees it: what stands on the screen, and what can be pressed."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request

T = TypeVar("T")
PATIENCE_SECONDS = 40.0  # a busy machine may take its time; a quick one never waits that long


def until(look: Callable[[], T], good: Callable[[T], bool], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Looks again and again until what is seen is good, and returns it. The failure says what was seen last."""
    end = monotonic() + seconds
    while True:
        seen = look()
        if good(seen):
            return seen
        assert monotonic() < end, f"waited {seconds:.0f} s for {what}; last seen: {seen!r}"
        sleep(0.05)


class LivePage:
    """One browser tab. `complaints` collects all that must not happen in it."""

    def __init__(self, context: BrowserContext, server_url: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self._server_url = server_url
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("console", self._hear)
        self.page.on("request", self._follow)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console error: {message.text}")

    def _follow(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != urlsplit(self._server_url).netloc:
            self.complaints.append(f"request to another host: {request.url}")

    # -- going somewhere

    def open(self, query: str = "") -> LivePage:
        """Opens the start page, with settings in its address such as "epochs=2&seed=1"."""
        return self.go_to(f"{self._server_url}/?{query}" if query else self._server_url)

    def go_to(self, url: str) -> LivePage:
        self.page.goto(url)
        return self._settle()

    def reload(self) -> LivePage:
        self.page.reload()
        return self._settle()

    def _settle(self) -> LivePage:
        until(lambda: self.play_button.is_visible() or self.faults(), bool, "the Play button")
        assert not self.faults(), self.faults()
        self.tiles.first.wait_for(timeout=PATIENCE_SECONDS * 1000)
        self.until_address("run=")
        return self

    def until_address(self, part: str) -> None:
        """Waits for a part of the address. `page.url` lags behind while the tab is asked nothing."""
        self.page.wait_for_function("part => location.href.includes(part)", arg=part, timeout=PATIENCE_SECONDS * 1000)

    def close(self) -> None:
        self.context.close()

    # -- what can be pressed

    @property
    def play_button(self) -> Locator:
        return self.button("play")

    def button(self, key: str) -> Locator:
        """play, step, epoch or reset. Streamlit keeps a hidden twin of some buttons."""
        return self.page.locator(f".st-key-{key} button:visible").first

    def press(self, key: str) -> None:
        self.button(key).click()

    def play(self) -> None:
        assert not self.active, "it plays already"
        self.press("play")
        until(lambda: self.active, bool, "the Play button to turn into Pause")

    def pause(self) -> None:
        assert self.active, "it does not play"
        self.press("play")
        until(lambda: self.active, lambda active: not active, "the Pause button to turn into Play")

    def choose_speed(self, speed: str) -> None:
        """One of 1/s, 5/s, 25/s, 50/s, Max."""
        self.page.locator(".st-key-live_speed").get_by_text(speed, exact=True).click()

    # -- what can be seen

    @property
    def active(self) -> bool:
        """Whether the button offers to pause."""
        return "Pause" in self.play_button.inner_text()

    @property
    def progress(self) -> str:
        """The line at the progress bar."""
        return self.page.locator('[data-testid="stProgress"]').first.inner_text()

    @property
    def step(self) -> int:
        """The step that the progress line tells; 0 while it invites to press Play."""
        text = self.progress
        if "Press Play" in text:
            return 0
        found = re.search(r"step ([\d,]+) of", text)
        return int(found[1].replace(",", "")) if found else -1

    @property
    def total_steps(self) -> int:
        found = re.search(r"step [\d,]+ of ([\d,]+)", self.progress)
        return int(found[1].replace(",", "")) if found else -1

    def until_step(self, least: int, seconds: float = PATIENCE_SECONDS) -> int:
        return until(lambda: self.step, lambda step: step >= least, f"step {least}", seconds)

    def figure(self, label: str) -> float | None:
        """A key figure, such as "Training loss"; shares as a number from 0 to 1. None where it is not there yet."""
        box = self.page.locator("dl > div", has=self.page.get_by_text(label, exact=True))
        if not box.count():
            return None
        text = box.locator("dd").inner_text()
        if text == "–":
            return None
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)

    @property
    def tiles(self) -> Locator:
        """The digits of the batch."""
        return self.page.locator(".st-key-batch li, li:has(canvas)")

    def captions(self) -> list[str]:
        return [text.strip() for text in self.tiles.locator("span").all_text_contents()]

    def lines(self) -> list[dict[str, Any]]:
        """Name, number of points and last x of each line of the first chart (the loss); none before the first step."""
        found: list[dict[str, Any]] = self.page.evaluate(
            """() => (document.querySelector(".mlp-charts > div")?._fullData ?? []).map(
                (line) => ({name: line.name, points: line.x.length, last: line.x[line.x.length - 1]}))"""
        )
        return found

    def faults(self) -> list[str]:
        """All that must not be: errors of the browser, errors on the page."""
        shown = self.page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]')
        texts = [f"error on the page: {text}" for text in shown.all_inner_texts()]
        if "Traceback" in self.page.locator("body").inner_text():
            texts.append("a traceback on the page")
        return self.complaints + texts
