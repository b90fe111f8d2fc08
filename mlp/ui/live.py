"""The parts of the live page, from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mlp.analysis import Finding, diagnose
from mlp.data import DatasetError, Progress
from mlp.nn import MLP
from mlp.training import FULL_BATCH, LIVE_SETTINGS, BackgroundRun, RunConfig, RunView, Trainer, load_digits
from mlp.ui import controls, names, session
from mlp.ui.assets import component_file
from mlp.ui.charts import live_charts
from mlp.ui.key_figures import LINE_POINTS, KeyFigure, key_figures
from mlp.ui.place import comes_and_goes
from mlp.ui.session import Workbench
from mlp.ui.tiles import answer_tiles, digit_tiles
from mlp.viz import learning_curve, palette, smooth

_ALL_WELL = "Nothing looks wrong so far"
_LOOKED_AT = (
    "Every few seconds a diagnosis looks whether the loss falls, the steps are of a good size, the gradient reaches "
    "every layer, the units stay alive, and the digits are not learned by heart. The Gradients page shows what it sees."
)
POLL_SECONDS = 0.5
SLOW_POLL_SECONDS = 0.2  # in slow motion a person follows single steps
SPEEDS = {"1/s": 1.0, "5/s": 5.0, "25/s": 25.0, "50/s": 50.0, "Max": None}
BATCHES_AVERAGED = 100
MORE_EPOCHS = 10
DIAGNOSIS_SECONDS = 5.0  # between two looks at a run that trains: an update may cost little, and words want reading

_INSTEAD = "The usual settings are used instead."

# What a network in hand is made of and made for.
_MADE_OF = {"hidden_layers", "activation", "dtype", "input_scaling", "dataset", "classes"}

_SPEED, _SMOOTHING, _X_AXIS, _LOG = "live_speed", "live_smoothing", "live_x_axis", "live_log"


# -- which network is on the page


def prepare(workbench: Workbench) -> Trainer:
    """The session's trainer, made from the address or the defaults at the first visit; the controls follow it."""
    with comes_and_goes():
        if workbench.trainer is None:
            _begin_as_addressed(workbench)
    trainer: Trainer = workbench.trainer  # type: ignore[assignment] # built above, or the page has stopped
    if workbench.put_controls or not controls.is_set():
        controls.put(trainer.config)
        workbench.put_controls = False
    return trainer


def _begin_as_addressed(workbench: Workbench) -> None:
    try:
        config, message = session.settings_in_address(), ""
    except ValueError as error:
        config, message = RunConfig(), f"{controls.sentence(error)} {_INSTEAD}"
    if not _build(workbench, config):
        message = f"{workbench.message} {_INSTEAD}"
        if not _build(workbench, RunConfig()):
            st.error(workbench.message)
            st.stop()
    workbench.message = message


def _build(workbench: Workbench, config: RunConfig, weights: MLP | None = None) -> bool:
    """Puts a new trainer in place; if the settings or the data do not allow it, the workbench has the reason."""
    bar: DeltaGenerator | None = None  # not before there is something to wait for: it moves all that stands below it

    def progress(done: int, total: int | None, name: str) -> None:
        nonlocal bar
        bar = bar or st.empty()
        bar.progress(done / total if total else 0.0, text=f"Downloading {name}: {done / 1e6:.1f} MB")

    try:
        begin(workbench, config, weights, progress)
    except (ValueError, DatasetError, MemoryError) as error:
        workbench.message, workbench.refused = controls.sentence(error), config
        return False
    finally:
        if bar:
            bar.empty()
    return True


def begin(
    workbench: Workbench, config: RunConfig, weights: MLP | None = None, progress: Progress | None = None
) -> Trainer:
    """Puts a new trainer in place, at the initial weights of its seed or at those of another network.

    Raises ValueError, DatasetError or MemoryError if the settings or the data do not allow it: the old one stays.
    """
    trainer = Trainer(config, load_digits(config, progress), snapshot_budget=session.snapshot_budget())
    if weights is not None:
        trainer.start_from(weights)
    trainer.check_validation()
    session.forget_views()
    workbench.trainer, workbench.message, workbench.refused = trainer, "", None
    return trainer


def apply_settings(workbench: Workbench, run: BackgroundRun) -> None:
    """Takes over what the controls say: at once where that is possible, else it offers a reset."""
    trainer = run.trainer
    try:
        wanted = controls.chosen()
    except ValueError as error:
        st.warning(f"{controls.sentence(error)} The network on the page keeps its settings.")
        return
    changed = {name: value for name, value in wanted.to_dict().items() if value != getattr(trainer.config, name)}
    live = {name: value for name, value in changed.items() if name in LIVE_SETTINGS}
    if live:
        run.change(**live)
    if len(changed) == len(live):
        if workbench.refused:  # what could not be had is no longer asked for
            workbench.message, workbench.refused = "", None
    elif wanted == workbench.refused:
        return
    elif trainer.step_count == 0 and not run.active and _keeps_weights(trainer, changed):
        if _build(workbench, wanted, trainer.network if trainer.weights_given else None):
            st.rerun()
    else:
        _offer_reset(workbench, trainer.config, wanted)


def _keeps_weights(trainer: Trainer, changed: Mapping[str, Any]) -> bool:
    """Whether a change costs no weights but those that the seed gives anew."""
    return not trainer.weights_given or not changed.keys() & _MADE_OF


def _offer_reset(workbench: Workbench, old: RunConfig, new: RunConfig) -> None:
    changes = [
        f"{controls.label(name)} {controls.value_words(name, getattr(old, name))} → {controls.value_words(name, value)}"
        for name, value in new.to_dict().items()
        if value != getattr(old, name)
    ]
    with st.container(border=True, key="pending"):
        st.markdown(f"**A new network is needed for:** {', '.join(changes)}. This one goes on until you reset.")
        with st.container(horizontal=True):
            st.button("Reset with the new settings", type="primary", on_click=reset, args=(workbench,))
            st.button("Keep the old settings", on_click=controls.put, args=(old,))


# -- what a person can press


def reset(workbench: Workbench, **remedy: Any) -> None:
    """A new network from the same seed: the very same initial weights, unless the settings have changed."""
    try:
        config = controls.chosen().changed(**remedy)
    except ValueError as error:
        workbench.message = controls.sentence(error)
        return
    if _build(workbench, config):
        controls.put(config)


def try_remedy(workbench: Workbench, **remedy: Any) -> None:
    """Resets with a change and trains at once: the new thread plays as soon as the page has it.

    The button stands in a fragment. What its run gives the sidebar is lost: the browser's old values come after it.
    """
    reset(workbench, **remedy)
    workbench.playing = workbench.put_controls = not workbench.message


def start_with(workbench: Workbench, config: RunConfig) -> bool:
    """A new network with these settings, which trains as soon as a page has it; else the workbench has the reason.

    Before the controls are drawn, or in a callback.
    """
    if not _build(workbench, config):
        return False
    controls.put(config)
    workbench.playing = True
    return True


def in_fragment_run() -> bool:
    """Whether only a fragment is being drawn, as by a poll.

    A press that comes with it, of a button that stands in no fragment, is an echo: the poll left the browser just then
    and took the press along, which is sent itself right after. Without this it would now and then count twice.
    """
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def _toggle(workbench: Workbench) -> None:
    if in_fragment_run():
        return
    run = session.current_run()
    if run.active:
        run.pause()
        return
    _make_room(workbench, run, MORE_EPOCHS)
    run.play(workbench.speed)


def _finish_epoch(workbench: Workbench) -> None:
    if in_fragment_run():
        return
    run = session.current_run()
    _make_room(workbench, run, 1)
    run.finish_epoch()


def _step(workbench: Workbench) -> None:
    if in_fragment_run():
        return
    run = session.current_run()
    _make_room(workbench, run, 1)
    run.step()


def _make_room(workbench: Workbench, run: BackgroundRun, epochs: int) -> None:
    """After the last epoch, more epochs are asked for, and the slider says so. A message has been read by now."""
    workbench.message = ""
    if run.trainer.finished:
        more = min(run.trainer.epoch + epochs, int(RunConfig.bounds("epochs").high))
        run.change(epochs=more)
        controls.put_one("epochs", more)


def transport(workbench: Workbench, run: BackgroundRun) -> bool:
    """Play or pause, one step, one epoch, reset, and the speed. Whether it offers to pause.

    The run may end before the rest of the page is drawn; who offers to pause must then look again.
    """
    active, finished = run.active, run.status == "finished"
    play = "Pause" if active else f"{MORE_EPOCHS} more epochs" if finished else "Play"
    stuck = run.status == "diverged"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="transport"):
        st.button(
            play,
            key="play",
            type="primary",
            icon=":material/pause:" if active else ":material/play_arrow:",
            shortcut="Space",
            on_click=_toggle,
            args=(workbench,),
            disabled=stuck,
        )
        for label, icon, shortcut, action, explanation in (
            ("Step", "skip_next", "S", _step, "Train on one mini-batch"),
            ("Epoch", "fast_forward", "E", _finish_epoch, "Train to the end of this epoch"),
        ):
            st.button(
                label,
                key=label.lower(),
                icon=f":material/{icon}:",
                shortcut=shortcut,
                help=explanation,
                on_click=action,
                args=(workbench,),
                disabled=stuck,
            )
        st.button(
            "Reset",
            key="reset",
            icon=":material/restart_alt:",
            help="Back to the very same initial weights",
            on_click=reset,
            args=(workbench,),
        )
        speed = st.segmented_control(
            "Speed, steps per second",
            options=list(SPEEDS),
            default="Max",
            key=_SPEED,
            required=True,
            persist_state="session",
        )
        workbench.speed = SPEEDS[speed]
    run.set_speed(workbench.speed)
    return active


# -- what a person can see


def header(trainer: Trainer) -> None:
    """The title and the network in one sentence."""
    st.title("Watch it learn")
    network, config = trainer.network, trainer.config
    sentence = names.network_sentence(config, list(network.layer_sizes), network.num_parameters)
    batch = "all digits at once" if trainer.steps_per_epoch == 1 else f"{trainer.batch_size:,} digits at a time"
    st.markdown(f"**{sentence}** · {names.choice(config.optimizer)} at {config.learning_rate:g} · {batch}")


def notices(workbench: Workbench, view: RunView) -> None:
    """What went wrong and what to do about it."""
    with comes_and_goes():
        if workbench.message:
            st.error(workbench.message)
        if view.status == "failed":
            st.error(f"Training stopped: {view.failure}. The weights are as they were; Play tries again.")
        if view.diverged is not None:
            st.error(f"{view.diverged} The weights of the last good step are kept.")
            remedy = view.diverged.remedy
            st.button(
                f"Reset with {controls.settings_words(remedy)}",
                type="primary",
                on_click=reset,
                args=(workbench,),
                kwargs=remedy,
            )


def show_finding(finding: Finding, position: int = 0) -> None:
    """What is wrong with a run, how one sees it, a button that tries the remedy, and the rule."""
    with st.container(border=True, key=f"finding_{position}"):
        st.markdown(f"**{finding.title}.** {finding.evidence} {finding.advice}")
        with st.container(horizontal=True, vertical_alignment="center"):
            _remedy(finding, position)
            with st.popover("The rule"):
                st.markdown(_rule(finding))


def _remedy(finding: Finding, position: int) -> None:
    if finding.remedy:
        st.button(
            f"Try {controls.settings_words(finding.remedy)}",
            key=f"remedy_{position}",
            help="Resets the network with this change and trains it.",
            on_click=try_remedy,
            args=(session.workbench(),),
            kwargs=finding.remedy,
        )


def _rule(finding: Finding) -> str:
    return f"{finding.threshold}\n\n*{finding.source}*"


def leave_if_replaced(run: BackgroundRun) -> None:
    """A button in a fragment reruns the fragment alone, with the run of before: the page must be drawn for the new."""
    if session.workbench().trainer is not run.trainer:
        st.rerun()


def watch(workbench: Workbench, run: BackgroundRun, offers_pause: bool) -> None:
    """Everything that moves; polls while the run is active and stands still otherwise."""
    slow = workbench.speed is not None
    period = (SLOW_POLL_SECONDS if slow else POLL_SECONDS) if run.busy or offers_pause else None
    st.fragment(_watch, run_every=period, key="live")(run, period is not None)


def _watch(run: BackgroundRun, polling: bool) -> None:
    leave_if_replaced(run)
    view = run.view()
    if polling and not run.busy:
        st.rerun()  # the buttons and the polling stand outside of this fragment
    _progress(view)
    with comes_and_goes():
        if view.step and view.diverged is None:  # that has a notice of its own; there is nothing to judge yet
            with st.container(key="diagnosis"):
                _diagnosis(_most_serious(run, view, standing_still=not polling), run)
    figures, curves = st.container(), st.container()
    with curves:
        _curves(view)
    if view.step:
        with figures:
            _figures(view)
    _strip(view, run.trainer.weights_given)
    _log(view)


@dataclass(frozen=True)
class _Judgement:
    """What was found at which step and with which settings, and when it was looked for."""

    of: tuple[int, RunConfig]
    at: float
    finding: Finding | None


def _most_serious(run: BackgroundRun, view: RunView, *, standing_still: bool) -> Finding | None:
    """The first finding of the diagnosis; of a run that trains, that of a few seconds ago."""
    kept: _Judgement | None = st.session_state.get(session.JUDGEMENT)
    of = view.step, view.config
    if kept is None or (kept.of != of and (standing_still or monotonic() - kept.at > DIAGNOSIS_SECONDS)):
        moment = run.inspect()
        found = diagnose(
            view.config,
            view.history,
            moment.probes.until(view.step),
            steps_per_epoch=view.steps_per_epoch,
            network=moment.network,
        )
        kept = _Judgement(of, monotonic(), found[0] if found else None)
        st.session_state[session.JUDGEMENT] = kept
    return kept.finding


def _diagnosis(finding: Finding | None, run: BackgroundRun) -> None:
    """A line of the same height whatever is found, so that the curves below stay where they are."""
    # It is another one for each network: left open by its remedy, it would hide the curves that the remedy makes.
    words, icon = (f"**{finding.title}**", ":material/warning:") if finding else (_ALL_WELL, ":material/check:")
    with st.popover(words, icon=icon, type="tertiary", key=f"diagnosis_{id(run.trainer)}"):
        if finding is None:
            st.markdown(_LOOKED_AT)
        else:
            st.markdown(f"{finding.evidence} {finding.advice}")
            _remedy(finding, 0)
            st.caption(_rule(finding))


def _progress(view: RunView) -> None:
    with comes_and_goes():
        if view.status == "waiting":
            st.info(
                f"{view.place_in_queue} in the queue: this server trains as many networks at once as it can. "
                "Yours starts by itself when another one pauses or ends."
            )
    epoch = min(view.epoch + 1, max(view.epoch, view.config.epochs))
    total = max(view.step, view.total_steps)
    words = [f"Epoch {epoch:,} of {max(epoch, view.config.epochs):,}", f"step {view.step:,} of {total:,}"]
    if view.status == "playing" and view.samples_per_second:
        words += [f"{view.samples_per_second:,.0f} digits/s", f"{names.duration(view.seconds_left)} left"]
    if view.step == 0 and view.status != "playing":
        words = [f"Press Play: {view.train_size:,} handwritten digits, one small batch at a time"]
    st.progress(view.step / total, text=" · ".join(words))


def _figures(view: RunView) -> None:
    steps = view.history.steps
    colours = palette(st.context.theme.type)
    lasting = min(BATCHES_AVERAGED, view.steps_per_epoch)
    mean = f"Mean of the last {lasting} batches" if lasting > 1 else "Of the last step"
    loss, accuracy = (smooth(steps.column(name), max(0, 1 - steps.stride / lasting)) for name in ("loss", "accuracy"))
    key_figures(
        [
            KeyFigure.of("Training loss", loss, ".3f", f"{mean}; lower is better.", colours.train),
            KeyFigure.of("Training accuracy", accuracy, ".1%", f"{mean}; the share of right answers.", colours.train),
            KeyFigure.of(
                "Validation accuracy",
                _validation_accuracy(view),
                ".1%",
                "Right answers among digits that the network never learns from.",
                colours.validation,
            ),
            KeyFigure.of(
                "Learning rate", steps.column("learning_rate"), ".3g", "How far each step goes.", colours.muted
            ),
        ],
        key="figures",
    )


def _validation_accuracy(view: RunView) -> np.ndarray[Any, Any]:
    """(n,) spaced evenly over the steps, as the chart has it: the checks themselves are dense at the beginning."""
    checks = view.history.checks
    steps, values = [check.step for check in checks], np.array([check.accuracy for check in checks])
    return np.interp(np.linspace(steps[0], steps[-1], LINE_POINTS), steps, values) if len(checks) > 1 else values


def _curves(view: RunView) -> None:
    if not view.step:
        live_charts([], [], key="curves")  # nothing to draw yet, but plotly.js can be loaded meanwhile
        return
    colours = palette(st.context.theme.type)
    state = st.session_state
    options: dict[str, Any] = {
        "steps_per_epoch": view.steps_per_epoch,
        "x_axis": state.get(_X_AXIS, "step"),
        "smoothing": state.get(_SMOOTHING, 0.9),
    }
    loss = learning_curve(view.history, "loss", colours, logarithmic=state.get(_LOG, False), **options)
    accuracy = learning_curve(view.history, "accuracy", colours, **options)
    live_charts(
        [loss, accuracy],
        ["Loss of training and validation digits over time", "Accuracy on training and validation digits over time"],
        key="curves",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="chart_options"):
        st.slider(
            "Smoothing of the training curve",
            0.0,
            0.99,
            0.9,
            key=_SMOOTHING,
            width=260,
            persist_state="session",
            help="How much of the past each point averages in, at most a twentieth of the run; "
            "the raw values stay faintly behind.",
        )
        st.segmented_control(
            "Along the bottom",
            ["step", "epoch", "seconds"],
            default="step",
            required=True,
            format_func=str.capitalize,
            key=_X_AXIS,
            persist_state="session",
        )
        st.toggle("Logarithmic loss", key=_LOG, persist_state="session")


def _strip(view: RunView, weights_given: bool) -> None:
    batch = view.batch
    tiles = answer_tiles(batch, view.class_names)
    right = sum(tile.right for tile in tiles)
    title = f"The batch of step {batch.step:,}" if view.step else "The first batch, before any learning"
    if weights_given and not view.step:
        title = "The first batch"
    st.subheader(title)
    when = "answered before its update" if view.step else "answered with the random initial weights"
    if weights_given and not view.step:
        when = "answered with the weights from the file"
    size = _digits_in_step(view, batch.step)
    part = f" These are {len(tiles)} of the {size:,} digits of that step." if size > len(tiles) else ""
    st.caption(f"{right} of these {len(tiles)} right (✓), {len(tiles) - right} wrong (✗), {when}.{part}")
    digit_tiles(batch.pixels, tiles, palette(st.context.theme.type), key="batch")


def _digits_in_step(view: RunView, step: int) -> int:
    """How many digits a step takes; the last one of an epoch takes what is left."""
    asked = view.config.batch_size
    full = view.train_size if asked == FULL_BATCH else int(asked)
    return min(full, view.train_size - (step - 1) % view.steps_per_epoch * full)


def _log(view: RunView) -> None:
    if not view.history.epochs:
        return
    st.subheader("Epoch by epoch")
    rows = [
        {
            "Epoch": record.epoch,
            "Training loss": f"{record.train_loss:.4f}"
            + (f" ± {record.train_loss_std:.4f}" if view.steps_per_epoch > 1 else ""),
            "Training accuracy": 100 * record.train_accuracy,
            "Validation loss": record.validation_loss,
            "Validation accuracy": 100 * record.validation_accuracy,
            "Test accuracy": 100 * record.test_accuracy,
            "Seconds": record.seconds,
        }
        for record in reversed(view.history.epochs)
    ]
    percent, loss = st.column_config.NumberColumn(format="%.2f%%"), st.column_config.NumberColumn(format="%.4f")
    st.dataframe(
        rows,
        hide_index=True,
        height=35 * min(len(rows) + 1, 7) + 3,
        column_config={
            "Epoch": st.column_config.NumberColumn(format="localized"),
            "Training accuracy": percent,
            "Validation accuracy": percent,
            "Test accuracy": percent,
            "Validation loss": loss,
            "Seconds": st.column_config.NumberColumn(format="%.3g"),
        },
    )


def explanation() -> None:
    """Folded: what the page shows, for a reader who sees such curves for the first time."""
    with st.expander("How to read this page"):
        st.markdown(component_file("live.md"))
