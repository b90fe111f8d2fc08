"""One stage of the walk: the graph and the stepper, then words, formula, code and numbers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from mlp.analysis.source_lines import code_of
from mlp.analysis.walk import Stage, Walk
from mlp.ui import backprop_words
from mlp.ui.assets import component_file
from mlp.ui.backprop_batch import Walking, current, places
from mlp.ui.backprop_grid import step_graph
from mlp.ui.backprop_numbers import show_numbers
from mlp.viz import Palette, layer_labels, palette

_SLIDER = "backprop_stage"


def show() -> None:
    """The walk at the chosen stage."""
    walking, colours = current(), palette(st.context.theme.type)
    walk = walking.walk
    stage = walk.stage(places().stage)
    st.subheader("The step as a graph")
    st.caption(
        "Values on their way forward above, gradients on their way back below, dashed. Each box: its letters, its "
        "shape for these digits, the size of its numbers (rms: root mean square). Press a box to go there."
    )
    with st.expander("The letters"):
        st.markdown(component_file("backprop_letters.md"))
    step_graph(walk, stage.key, colours, on_press=_go, key="backprop_graph")
    _stepper(walk, stage)
    _stage(walking, stage, colours)
    _counted(walk)


# -- going from stage to stage; callbacks take no run, see session.current_run


def _go(key: str) -> None:
    places().stage = key


def _move(by: int) -> None:
    keys, place = current().walk.keys, places()
    at = keys.index(place.stage) if place.stage in keys else len(keys) - 1
    place.stage = keys[min(max(at + by, 0), len(keys) - 1)]


def _slide() -> None:
    places().stage = st.session_state[_SLIDER]


def _stepper(walk: Walk, stage: Stage) -> None:
    keys = walk.keys
    at = keys.index(stage.key)
    st.session_state[_SLIDER] = stage.key
    words = f"Stage {at + 1} of {len(keys)}: {backprop_words.place(walk, stage)}"
    with st.container(key="backprop_stepper"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Back",
                icon=":material/arrow_back:",
                shortcut="B",
                on_click=_move,
                args=(-1,),
                disabled=at == 0,
                key="back",
            )
            st.button(
                "Next",
                icon=":material/arrow_forward:",
                shortcut="N",
                on_click=_move,
                args=(1,),
                disabled=at == len(keys) - 1,
                key="next",
                type="primary",
            )
            st.markdown(f"**{words}**")
        st.select_slider(
            words,
            keys,
            key=_SLIDER,
            format_func=backprop_words.plain,
            on_change=_slide,
            label_visibility="collapsed",
        )


def _counted(walk: Walk) -> None:
    """How many parameters there are, layer by layer, and how they are counted."""
    sizes, labels = walk.network.layer_sizes, layer_labels(len(walk.network.linears))
    rows = ["| layer | weights | biases | together |", "|---|---:|---:|---:|"]
    for name, D, K in zip(labels, sizes, sizes[1:], strict=False):
        rows.append(f"| {name} | {D:,} × {K:,} = {D * K:,} | {K:,} | {(D + 1) * K:,} |")
    with st.expander(f"{walk.network.num_parameters:,} parameters, counted layer by layer"):
        st.markdown("\n".join(rows))
        st.markdown(
            f"Together **{walk.network.num_parameters:,}**. A layer that reads $D$ numbers and has $K$ units has a "
            "weight for each pair, $D \\cdot K$, and a bias for each unit, $K$. Softmax, activations and loss have "
            "none."
        )


# -- one stage


def _stage(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk = walking.walk
    words = backprop_words.say(walk, stage)
    st.subheader(f"{words.title[0].upper()}{words.title[1:]}")
    st.markdown(words.why)
    formula, code = st.columns(2)
    with formula:
        st.markdown("\n\n".join(f"$$\n{line}\n$$" for line in words.formulas))
    with code:
        for lines in code_of(walk, stage):
            st.code(lines.text, language="python", wrap_lines=True)
            st.caption(f"`{lines.name}` in {lines.place}: the engine's own text")
    if stage is walk.stages[-1] and walk.stopped:
        st.warning(walk.stopped)
    if not np.isfinite(stage.value).all():
        count = int(np.count_nonzero(~np.isfinite(stage.value)))
        many = f"{count:,} of these {stage.value.size:,} numbers are not finite any more (grey below)."
        st.warning(many if stage.value.size > 1 else "This number is not finite any more.")
    show_numbers(walking, stage, colours)
