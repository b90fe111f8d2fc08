"""A server for all tests, a browser for all tests, a tab for each.

Both end with this folder's last test: other tests need neither them nor Playwright's event loop.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from .live_page import LivePage

ROOT = Path(__file__).parents[2]
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SERVER_START_SECONDS = 60.0
_tabs = pytest.StashKey[list[LivePage]]()

Visit = Callable[..., LivePage]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """A picture of every tab of a test that fails."""
    report = yield
    if report.when != "teardown" and report.failed:
        tabs = [tab for node in item.listchain() for tab in node.stash.get(_tabs, [])]
        for number, tab in enumerate(tabs):
            report.sections.append((f"tab {number}", _describe(tab, item)))
    return report


def _describe(tab: LivePage, item: pytest.Item) -> str:
    folder = item.config._tmp_path_factory.mktemp("screenshots")  # type: ignore[attr-defined]
    picture = folder / f"{item.name}.png"
    try:
        tab.page.screenshot(path=picture)
        return f"{tab.page.url}\n{picture}\n" + "\n".join(tab.faults())
    except PlaywrightError as error:  # the test's own failure is what matters
        return f"no picture: {error}"


class Server:
    """`streamlit run app.py` on a port of its own."""

    def __init__(self, log: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [*command, f"--server.port={port}", "--server.address=127.0.0.1"],
                cwd=ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Waits until it answers. Unknown paths answer 200 too, so the body is read."""
        end = monotonic() + SERVER_START_SECONDS
        while not self._healthy():
            assert self._process.poll() is None, f"the server ended:\n{self.log()}"
            assert monotonic() < end, f"no answer from the server:\n{self.log()}"
            sleep(0.1)

    def _healthy(self) -> bool:
        try:
            with urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return bool(answer.read() == b"ok")
        except OSError:
            return False

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve(log: Path, **environment: str) -> Iterator[Server]:
    server = Server(log, **environment)
    try:
        server.wait()
        yield server
    finally:
        server.stop()
    assert "Traceback" not in server.log(), server.log()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Asks for the browser first: without one there is nothing to serve."""
    folder = tmp_path_factory.mktemp("server")
    yield from _serve(folder / "log.txt", MLP_MICROSCOPE_CACHE=str(folder / "cache"))


@pytest.fixture
def one_run_server(browser: Browser, tmp_path: Path) -> Iterator[Server]:
    """A server that trains one network at a time."""
    yield from _serve(tmp_path / "log.txt", MLP_MICROSCOPE_MAX_RUNS="1")


def _visits(node: pytest.Item | pytest.Collector, browser: Browser) -> Iterator[Visit]:
    tabs: list[LivePage] = []
    node.stash[_tabs] = tabs

    def open_tab(at: Server, **profile: Any) -> LivePage:
        tab = LivePage(browser.new_context(**{**DESKTOP, **profile}), at.url)
        tabs.append(tab)
        return tab

    yield open_tab
    faults = [fault for tab in tabs for fault in (tab.complaints if tab.page.is_closed() else tab.faults())]
    for tab in tabs:
        tab.close()
    assert not faults, faults


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    """visit(server, …) opens a tab of a browser profile of its own; at the end no tab may have met an error."""
    yield from _visits(request.node, browser)


@pytest.fixture(scope="module")
def shared_visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    """As `visit`, for a tab that several tests look at and leave as they found it."""
    yield from _visits(request.node, browser)


@pytest.fixture
def live(server: Server, visit: Visit) -> LivePage:
    """A tab on a desktop, still empty."""
    return visit(server)


@pytest.fixture
def phone(server: Server, visit: Visit) -> LivePage:
    """A tab on a phone, still empty."""
    return visit(server, **PHONE)
