"""What one browser session works with. The only module that knows the session's keys.

The trainer lives in the session state, which survives a short loss of the connection; the thread that runs it
lives in a session-scoped resource, which ends with the tab. A page that is reloaded starts a new session: it finds
the trainer of the old one again by the token in its address, for as long as that is kept.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from time import monotonic

import streamlit as st

from mlp.training import BackgroundRun, RunConfig, RunSlots, Trainer
from mlp.training.snapshots import DEFAULT_BUDGET
from mlp.ui import server

_WORKBENCH = "workbench"
# What the inspect pages remember of one trainer: it must not outlive it, or a reset would keep the old one in memory.
MOMENT, PLACES, GRADIENT_BANDS, PLANE = "moment", "weights_places", "gradients_percentiles", "activations_kept"
BIOGRAPHIES, HIDDEN_DIGITS = "mistakes_biographies", "draw_hidden_digits"
SUBJECT = "subject"  # the picture that another page hands to the drawing page
BOARD, ALBUM, TAUGHT = "board", "album", "taught"  # the drawing page's: they outlive a reset
WALK, WALK_CHECKS, WALK_TAKEN = "walk", "walk_checks", "walk_taken"  # the backpropagation page's: of one trainer too
WALK_SUBJECT, WALK_PLACES = "walk_subject", "walk_places"  # what another page hands to it; where the reader is
JUDGEMENT = "judgement"  # what the start page found wrong with a trainer
TAKEN = "taken"  # what the start page says of a weights file that was brought to it
_TOKEN_PARAMETER = "run"  # noqa: S105 - the name of a URL parameter
_SECONDS_KEPT = 60.0  # how long a closed tab's run waits for its page to be loaded again


@dataclass
class Workbench:
    """One person's run, and what the page has to tell about it."""

    token: str
    trainer: Trainer | None = None
    playing: bool = False  # when the thread ended with the tab or the connection: play on as soon as it is back
    speed: float | None = None  # steps a second, None: as fast as it can
    put_controls: bool = False  # the controls must be set to the trainer before they are drawn again
    message: str = ""  # why the settings asked for could not be had
    refused: RunConfig | None = None  # those settings, so that they are not tried again at every click


class _LeftRuns:
    """Workbenches whose tab was closed a moment ago. Only they can be taken over, never one that is in use."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Workbench]] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None  # one at most, for the oldest

    def keep(self, workbench: Workbench) -> None:
        with self._lock:
            self._kept[workbench.token] = monotonic(), workbench
            self._forget_old()
            self._look_later()

    def take(self, token: str) -> Workbench | None:
        with self._lock:
            self._forget_old()
            return self._kept.pop(token, (0.0, None))[1]

    def _forget_old(self) -> None:
        now = monotonic()
        self._kept = {token: kept for token, kept in self._kept.items() if now - kept[0] < _SECONDS_KEPT}

    def _look_later(self) -> None:
        """Looks again when the time of the oldest is over: a visitor who would see to it may not come for hours."""
        if self._kept and self._timer is None:
            oldest = min(since for since, _ in self._kept.values())
            self._timer = threading.Timer(max(0.0, oldest + _SECONDS_KEPT - monotonic()), self._look)
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        with self._lock:
            self._timer = None
            self._forget_old()
            self._look_later()


class _Thread:
    """The session's background run; `release` is called when the tab closes."""

    def __init__(self) -> None:
        self.run: BackgroundRun | None = None
        self.workbench: Workbench | None = None

    def start(self, workbench: Workbench, trainer: Trainer) -> BackgroundRun:
        self.end()
        self.run, self.workbench = BackgroundRun(trainer, _slots), workbench
        return self.run

    def end(self) -> None:
        if self.run is not None:
            self.run.stop()

    def release(self) -> None:
        if self.run is not None and self.workbench is not None:
            self.workbench.playing = self.run.active
            self.end()
            _left_runs.keep(self.workbench)


_left_runs = _LeftRuns()
_slots = RunSlots(server.most_runs())  # here, for two first visitors at once would make two of them


def snapshot_budget() -> int:
    """Bytes for a run's snapshots."""
    megabytes = server.snapshot_megabytes()
    return DEFAULT_BUDGET if megabytes is None else megabytes * 2**20


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda thread: thread.release())
def _thread() -> _Thread:
    return _Thread()


def workbench() -> Workbench:
    """The session's workbench; after a reload of the page, the one it had before."""
    if _WORKBENCH not in st.session_state:
        left = _left_runs.take(st.query_params.get(_TOKEN_PARAMETER, ""))
        st.session_state[_WORKBENCH] = left or Workbench(secrets.token_hex(4))
    found: Workbench = st.session_state[_WORKBENCH]
    _left_runs.take(found.token)  # a connection that came back: nobody else may take it over
    return found


def current_run() -> BackgroundRun:
    """The run on the page, for callbacks.

    They take no run as an argument: Streamlit keeps the arguments of widgets that are gone, and each reset would leave
    one more trainer in memory. Raises RuntimeError before a page has been drawn.
    """
    found = workbench()
    if found.trainer is None:
        raise RuntimeError("no page has been drawn yet")
    return run_of(found, found.trainer)


def forget_views() -> None:
    """Drops what the inspect pages remember of the trainer that is being replaced."""
    inspected = (MOMENT, PLACES, GRADIENT_BANDS, PLANE, BIOGRAPHIES, HIDDEN_DIGITS)
    for key in (*inspected, JUDGEMENT, TAKEN, WALK, WALK_CHECKS, WALK_TAKEN):
        st.session_state.pop(key, None)


def run_of(workbench: Workbench, trainer: Trainer) -> BackgroundRun:
    """The background run of this trainer, started when there is none yet."""
    thread = _thread()
    run = thread.run
    if run is None or not run.alive or run.trainer is not trainer:
        run = thread.start(workbench, trainer)
        if workbench.playing:
            run.play(workbench.speed)
    workbench.playing = False
    return run


def settings_in_address() -> RunConfig:
    """The settings that the page's address names. Raises ValueError in one sentence."""
    query = {name: text for name, text in st.query_params.items() if name != _TOKEN_PARAMETER}
    return RunConfig.from_query(query)


def write_address(workbench: Workbench, config: RunConfig) -> None:
    """Puts the settings into the address, so that a copy of it opens the same network elsewhere."""
    query = {**config.to_query(), _TOKEN_PARAMETER: workbench.token}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
