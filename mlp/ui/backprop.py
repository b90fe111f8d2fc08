"""The backpropagation page: one training step, stage by stage, with its formulas, its code and its numbers."""

from __future__ import annotations

from time import monotonic, sleep

import numpy as np
import streamlit as st

from mlp.training import BackgroundRun, Inspection
from mlp.ui import backprop_batch, backprop_more, backprop_stage, moment, names, session
from mlp.ui.assets import component_file

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
    walking, places = backprop_batch.current(), backprop_batch.places()
    own = walking.choice.source == backprop_batch.BATCH and walking.walk.batch.whole and not walking.walk.stopped
    possible = own and walking.step == run.trainer.step_count and not run.active and not run.trainer.finished
    with st.container(horizontal=True, vertical_alignment="center", key="backprop_real"):
        st.button(
            "Take this step",
            icon=":material/footprint:",
            on_click=_take_step,
            disabled=not possible or run.status == "diverged",
            help="Lets the run take the step that you walk here, and compares."
            if possible
            else "For the run's whole next mini-batch, while it is paused.",
        )
        st.page_link("pages/train/live.py", label="Try it: watch it learn", icon=":material/show_chart:")
    if places.taken == run.trainer.step_count:
        st.success(places.result, icon=":material/check:")


def _take_step() -> None:
    run, walking, places = session.current_run(), backprop_batch.current(), backprop_batch.places()
    run.step()
    end = monotonic() + _PATIENCE_SECONDS
    while run.busy and monotonic() < end:
        sleep(0.005)
    trainer, walk = run.trainer, walking.walk
    if trainer.step_count != walking.step + 1 or walk.after is None:
        return  # it diverged, or is that of a very large network and not done yet
    loss = float(trainer.history.steps.column("loss")[-1])
    same = int(np.count_nonzero(trainer.network.parameters == walk.after))
    total = walk.network.num_parameters
    agreed = "all" if same == total else f"{same:,} of"
    places.taken = trainer.step_count
    places.result = (
        f"Step {trainer.step_count:,} is taken. The walk foretold a loss of {walk.loss:.6g}, the run found {loss:.6g}; "
        f"{agreed} {names.count(total, 'parameter')} are as foretold, to the last bit."
    )


def _explain() -> None:
    """Folded: the derivation, three ways, in words before symbols."""
    st.subheader("Where the formulas come from")
    for title, file in _DERIVATIONS.items():
        with st.expander(title):
            st.markdown(component_file(file))
