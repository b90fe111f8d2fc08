"""The moment of the run that the inspect pages show: now, or any snapshot of before. One slider for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mlp.training import BackgroundRun, Inspection, Trainer
from mlp.ui import live, session
from mlp.ui.place import comes_and_goes
from mlp.viz import layer_labels

POLL_SECONDS = 0.5
END_SECONDS = 1.0
PLAYBACK_SECONDS = 0.35  # between two snapshots of an animation, slow enough for the eye

FRAGMENT = "inspect"
_FOLLOW_KEY = "moment_follow"

Body = Callable[[BackgroundRun, Inspection], None]


@dataclass
class _Choice:
    """Which moment is shown. The widgets are set from it and report to it: they themselves come and go with pages."""

    trainer: Trainer
    following: bool = True
    playing_back: bool = False
    step: int = 0
    # While a moment is held its list of moments stays as it was, so that the slider does not move under the hand.
    moments: list[int] = field(default_factory=list)
    fresh: bool = False  # the first frame of an animation has not been drawn yet

    @property
    def slider_key(self) -> str:
        """Where the session keeps the slider's step: each list of moments has a slider of its own."""
        return f"moment_{len(self.moments)}_{self.moments[-1]}"

    def hold(self, step: int) -> None:
        """Stays at this step, the latest one."""
        self.following, self.moments, self.step = False, _moments(self.trainer), step

    def next_frame(self) -> None:
        """The next moment of the animation, which ends with the last one."""
        if self.fresh:
            self.fresh = False
            return
        later = [step for step in self.moments if step > self.step]
        self.step, self.playing_back = (later[0] if later else self.step), bool(later)


def _choice(trainer: Trainer) -> _Choice:
    """The session's choice; a new network has no past, so it is followed."""
    found: _Choice | None = st.session_state.get(session.MOMENT)
    if found is None or found.trainer is not trainer:
        found = st.session_state[session.MOMENT] = _Choice(trainer)
    return found


def inspect_page(title: str, sentence: str, body: Body) -> None:
    """A page about one moment of the run: the transport, the time slider, then `body`, drawn anew as time moves."""
    workbench, run = open_page(title, sentence)
    follow(workbench, run, body)
    session.write_address(workbench, run.trainer.config)


def open_page(title: str, sentence: str) -> tuple[session.Workbench, BackgroundRun]:
    """The head of a page about a run."""
    workbench = session.workbench()
    trainer = live.prepare(workbench)
    run = session.run_of(workbench, trainer)
    st.title(title)
    st.markdown(sentence)
    live.notices(workbench, run.view())
    return workbench, run


def follow(workbench: session.Workbench, run: BackgroundRun, body: Body) -> None:
    """The transport and the time slider, then `body`, in a fragment named FRAGMENT that is drawn anew as time moves."""
    offers_pause = live.transport(workbench, run)
    choice = _choice(run.trainer)
    period = _period(run, choice)
    if period is None and offers_pause and choice.following:
        period = POLL_SECONDS
    st.fragment(_draw, run_every=period, key=FRAGMENT)(run, body, period)
    # A held moment needs no redrawing, but the buttons above must hear of the end.
    if period is None and (run.busy or offers_pause):
        st.fragment(_notice_end, run_every=END_SECONDS, key="end")(run)


def chosen_moment(run: BackgroundRun) -> Inspection:
    """The moment that the page shows: now, or the one that is held."""
    choice = _choice(run.trainer)
    return run.inspect(None if choice.following else choice.step)


def _period(run: BackgroundRun, choice: _Choice) -> float | None:
    """How often the page has to be drawn anew, in seconds; None is not at all."""
    if choice.playing_back:
        return PLAYBACK_SECONDS
    return POLL_SECONDS if run.busy and choice.following else None


def _notice_end(run: BackgroundRun) -> None:
    if not run.busy:
        st.rerun()


def stands_still(run: BackgroundRun) -> bool:
    """Whether the page shows one moment for now."""
    return _period(run, _choice(run.trainer)) is None


def layer_control(moment: Inspection, key: str, *, default: int = 0, hide_label: bool = False) -> int:
    """Which linear layer to look at; a network with fewer layers than the choice shows its last one."""
    layers = layer_labels(len(moment.network.linears))
    chosen: int = st.segmented_control(
        "Layer",
        range(len(layers)),
        default=default,
        required=True,
        format_func=lambda number: layers[number].capitalize(),
        key=key,
        persist_state="session",
        label_visibility="collapsed" if hide_label else "visible",
    )
    return min(chosen, len(layers) - 1)


def save_button(
    run: BackgroundRun, label: str, data: Callable[[], bytes], file_name: str, what: str, *, possible: bool = True
) -> None:
    """Saves what the page shows, made when it is asked for.

    Only while the page stands still: each redraw makes a new download, and the browser would ask for one that is gone.
    """
    still = stands_still(run)
    st.download_button(
        label,
        data,
        file_name,
        icon=":material/download:",
        on_click="ignore",
        disabled=not (still and possible),
        help=what if still else "Pause, or switch off “Follow live”, to save what you see.",
    )


def _draw(run: BackgroundRun, body: Body, period: float | None) -> None:
    live.leave_if_replaced(run)
    choice = _choice(run.trainer)
    if choice.playing_back:
        choice.next_frame()
    if period != _period(run, choice):
        st.rerun()
    _strip(run, choice)
    found = chosen_moment(run)
    with comes_and_goes():
        if run.trainer.untaught and not run.active:
            st.info("Nothing has been learnt yet. Press Play above: every step will be there to look back at.")
        if not choice.following and found.step != choice.step:
            st.caption(
                f"The weights of step {choice.step:,} are no longer kept, as the run has gone on for long: this is "
                f"step {found.step:,}."
            )
    body(run, found)


def _strip(run: BackgroundRun, choice: _Choice) -> None:
    """The time slider with its buttons; while the run is followed, a line that says where it is.

    A slider is only for a list of moments that stays as it is. Where the list grows, the browser looks in vain for the
    step that it showed before, and falls back to step 0.
    """
    trainer = run.trainer
    moments = _moments(trainer) if choice.following else choice.moments
    _set(_FOLLOW_KEY, choice.following)

    def words(step: int) -> str:
        return f"step {step:,} · epoch {step / trainer.steps_per_epoch:,.1f}"

    with st.container(horizontal=True, vertical_alignment="bottom", key="moment_strip"):
        st.toggle(
            "Follow live",
            key=_FOLLOW_KEY,
            help="Switch it off to go back to any moment of which the weights were kept.",
            on_change=_toggle_following,
        )
        if choice.following or len(moments) < 2:
            st.progress(moments[-1] / max(moments[-1], trainer.total_steps), text=words(moments[-1]))
        else:
            _set(choice.slider_key, choice.step)
            st.select_slider(
                "Moment",
                options=moments,
                key=choice.slider_key,
                format_func=words,
                on_change=_choose,
                label_visibility="collapsed",  # as high as the line, or the page would move with the toggle
            )
        st.button(
            "Stop" if choice.playing_back else "Play back",
            icon=":material/stop:" if choice.playing_back else ":material/replay:",
            help="Shows all kept moments one after the other, as a film.",
            on_click=_toggle_playback,
            disabled=len(moments) < 2,
        )


def _set(key: str, value: Any) -> None:
    """Gives a widget its value; a poll only if it has another, or it would undo a press made meanwhile."""
    if not live.in_fragment_run() or st.session_state.get(key) != value:
        st.session_state[key] = value


def _moments(trainer: Trainer) -> list[int]:
    return sorted({*trainer.snapshots.steps, trainer.step_count})


# The callbacks take no arguments: see session.current_run.


def _toggle_following() -> None:
    run = session.current_run()
    choice = _choice(run.trainer)
    choice.playing_back = False
    if choice.following:
        choice.hold(run.keep_moment())
    else:
        choice.following = True


def _choose() -> None:
    choice = _choice(session.current_run().trainer)
    choice.step, choice.playing_back = st.session_state[choice.slider_key], False


def _toggle_playback() -> None:
    run = session.current_run()
    choice = _choice(run.trainer)
    if choice.playing_back:
        choice.playing_back = False
        return
    choice.hold(run.keep_moment())
    choice.step, choice.playing_back, choice.fresh = choice.moments[0], True, True
