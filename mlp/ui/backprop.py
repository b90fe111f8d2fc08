"""The backpropagation page: one training step, stage by stage, with its formulas, its code and its numbers."""

from __future__ import annotations

from time import monotonic, sleep

import numpy as np
import streamlit as st

from mlp.training import BackgroundRun, Inspection
from mlp.ui import backprop_batch, backprop_more, backprop_stage, moment, names, session
from mlp.ui.assets import component_file
from mlp.viz.walk import rounded

STEP, MORE = "backprop_step", "backprop_more"  # the fragments below the time slider
_PATIENCE_SECONDS = 5.0
_DERIVATIONS = {
    "The derivation, by indices and partial derivatives": "backprop_indices.md",
    "The derivation, by differentials and traces": "backprop_differentials.md",
    "The derivation, as a chain of modules": "backprop_modular.md",
}


def page() -> None:
    """From top to bottom."""
    workbench, run = moment.open_page(
        "Backpropagation",
        "One training step, taken apart: how every weight learns which way to move. Go through it stage by stage; "
        "every number is the one that the network really computes.",
    )
    backprop_batch.take_over_subject()
    places = backprop_batch.places()
    places.whole_page = True
    moment.follow(workbench, run, _choose)
    places.whole_page = False
    _offer_real_step(run)
    st.fragment(backprop_stage.show, key=STEP)()
    st.fragment(backprop_more.ask, key=MORE)()
    _explain()
    session.write_address(workbench, run.trainer.config)


def _choose(run: BackgroundRun, found: Inspection) -> None:
    before = st.session_state.get(session.WALK)
    backprop_batch.choose(run, found)
    # The rest of the page stands outside of this fragment, and must hear of a new walk.
    if st.session_state.get(session.WALK) is not before and not backprop_batch.places().whole_page:
        st.rerun()


def _offer_real_step(run: BackgroundRun) -> None:
    """The run takes the very step that was walked, where it stands right before it."""
    walking = backprop_batch.current()
    why_not = _why_not(run, walking)
    with st.container(horizontal=True, vertical_alignment="center", key="backprop_real"):
        st.button(
            "Take this step",
            icon=":material/footprint:",
            on_click=_take_step,
            disabled=bool(why_not),
            help=why_not or "Lets the run take the step that you walk here, and compares.",
        )
        st.page_link("pages/train/live.py", label="Try it: watch it learn", icon=":material/show_chart:")
    step, result = st.session_state.get(session.WALK_TAKEN, (-1, ""))
    if step == run.trainer.step_count:
        st.success(result, icon=":material/check:")


def _why_not(run: BackgroundRun, walking: backprop_batch.Walking) -> str:
    """Why the run cannot take the step that is walked, or nothing if it can."""
    if run.status == "diverged" or walking.walk.stopped:
        return "This step leads to numbers that are not finite, so the run does not take it."
    if run.active:
        return "Pause the run first: it goes on by itself."
    if walking.choice.source != backprop_batch.BATCH or not walking.walk.batch.whole:
        return "The run takes all digits of its next mini-batch: these are others, or fewer."
    if walking.step != run.trainer.step_count:
        return "The run has gone on since this moment: switch on “Follow live” to walk its next step."
    if run.trainer.finished:
        return "All epochs of the run are done. Step, above, asks for one more: after it, steps are taken here again."
    return ""


def _take_step() -> None:
    run, walking = session.current_run(), backprop_batch.current()
    run.step()
    end = monotonic() + _PATIENCE_SECONDS
    while run.busy and monotonic() < end:
        sleep(0.005)
    trainer, walk = run.trainer, walking.walk
    if trainer.step_count != walking.step + 1 or walk.after is None:
        return  # it diverged, or is that of a very large network and not done yet
    loss = trainer.history.steps.last("loss")
    same = int(np.count_nonzero(trainer.network.parameters == walk.after))
    total = walk.network.num_parameters
    agreed = "all" if same == total else f"{same:,} of"
    result = (
        f"Step {trainer.step_count:,} is taken. The walk foretold a loss of {rounded(walk.loss, 6)}, the run found "
        f"{rounded(loss, 6)}; {agreed} {names.count(total, 'parameter')} are as foretold, to the last bit."
    )
    st.session_state[session.WALK_TAKEN] = trainer.step_count, result


def _explain() -> None:
    """Folded: the derivation, three ways, in words before symbols."""
    st.subheader("Where the formulas come from")
    for title, file in _DERIVATIONS.items():
        with st.expander(title):
            st.markdown(component_file(file))
