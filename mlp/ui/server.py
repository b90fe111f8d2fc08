"""What happens once for each server, before the first visitor, and what it says when a page fails.

`app.py` imports this before the server answers anybody, so it imports no part of the app itself: that is done in a
thread of its own, while the browser of the first visitor still fetches Streamlit.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

_log = logging.getLogger(__name__)


def most_runs() -> int:
    """How many networks train at once. Raises ValueError unless MLP_MICROSCOPE_MAX_RUNS is a whole number from 1."""
    return _whole_number("MLP_MICROSCOPE_MAX_RUNS") or 8


def snapshot_megabytes() -> int | None:
    """Memory for a run's snapshots, None: as much as the engine gives them.

    Raises ValueError unless MLP_MICROSCOPE_SNAPSHOT_MB is a whole number from 1.
    """
    return _whole_number("MLP_MICROSCOPE_SNAPSHOT_MB")


def _whole_number(variable: str) -> int | None:
    text = os.environ.get(variable)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{variable} must be a whole number of at least 1, got {text!r}")
    return int(text)


def prepare() -> None:
    """Checks the server's settings; ends it with one sentence where they are not allowed."""
    try:
        most_runs()
        snapshot_megabytes()
    except ValueError as error:
        raise SystemExit(str(error)) from None
    # Streamlit learns that the pages are those of st.navigation when it runs app.py for the first time; until then it
    # takes the folder pages/ for its own and tells the very first visitor of a deep link that there is no such page.
    PagesManager.uses_pages_directory = False


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """From the moment in which the server is ready: begins with what the first visitor would have to wait for."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    yield


def _warm_up() -> None:
    """Imports what draws the pages and reads the digits.

    One thread for linear algebra: small batches are faster so, and several runs share the machine fairly.
    """
    import mlp.ui.live  # noqa: F401
    from mlp.data import DatasetError, load_dataset
    from mlp.training.threads import use_threads

    use_threads(1)
    try:
        load_dataset("mnist")
    except DatasetError:
        _log.exception("MNIST could not be read")  # the page says so when it asks for the digits


def explain_error(error: Exception) -> bool:
    """Shows one sentence in place of a traceback, which goes to the log."""
    _log.exception("a page failed", exc_info=error)
    st.error(
        f"Something in this page failed ({type(error).__name__}). Your network is still there: reload the page to "
        "go on. The server's log has the details."
    )
    return True
