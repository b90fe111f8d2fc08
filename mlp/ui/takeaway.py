"""The folded end of the start page: the run as code for other frameworks, and its weights as a file, out and in."""

from __future__ import annotations

import weakref
from functools import partial
from time import sleep
from typing import get_args
from urllib.parse import parse_qsl, urlencode

import numpy as np
import streamlit as st

from mlp.data import DatasetError
from mlp.training import (
    BackgroundRun,
    Framework,
    RunConfig,
    Trainer,
    WeightsFileError,
    as_code,
    load_digits,
    network_from_bytes,
    network_to_bytes,
    notes_from_bytes,
    settings_of,
    why_not_saved,
)
from mlp.training.code import file_name
from mlp.training.weights import MOST_BYTES, Layout
from mlp.ui import controls, live, names, session
from mlp.ui.assets import component_file

_OPEN, _FRAMEWORK, _UPLOAD = "takeaway_open", "takeaway_framework", "takeaway_upload"
_CHANGED = "takeaway_changed"  # a file was taken, and the rest of the page does not show it yet
_SETTINGS = "settings"  # the note in a weights file that holds those of its run, as the page's address does
_CODE_PIXELS = 420
_LOOK_AGAIN_SECONDS = 0.05

_FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
_TITLES = {"numpy": "numpy", "pytorch": "PyTorch", "keras": "Keras", "scikit-learn": "scikit-learn"}
_PROMISES = {
    "numpy": "No framework at all. The same digits, first weights and batches as here, so the same losses.",
    "pytorch": "The same digits, first weights and batches as here, so the same losses up to rounding.",
    "keras": "The same digits and settings; Keras draws first weights and batches itself.",
    "scikit-learn": "The same digits. scikit-learn has fewer settings: what it cannot follow stands at the top.",
}


def takeaway() -> None:
    """The section; what is in it is made only while it is open. A fragment: its choices leave the rest alone."""
    st.fragment(_section, key="takeaway")()


def _section() -> None:
    box = st.expander("Take this network with you", key=_OPEN, on_change="rerun")
    if box.open:
        with box:
            st.html(f"<style>{component_file('takeaway.css')}</style>")
            run = session.current_run()
            _code(run.trainer)
            _weights_out(run)
            _weights_in()


def _code(trainer: Trainer) -> None:
    st.subheader("The run as code", anchor=False)
    framework: Framework = st.segmented_control(
        "Framework",
        _FRAMEWORKS,
        default="numpy",
        required=True,
        format_func=_TITLES.__getitem__,
        key=_FRAMEWORK,
        persist_state="session",
        label_visibility="collapsed",
    )
    code = as_code(trainer.config, framework)
    st.markdown(f"{_PROMISES[framework]} {_but(trainer, framework)}With the settings as they stand now.")
    st.code(code, language="python", height=_CODE_PIXELS)
    st.download_button(
        f"Save as {file_name(framework)}",
        code,
        file_name(framework),
        mime="text/x-python",
        icon=":material/download:",
        on_click="ignore",
        key="save_code",
    )


def _but(trainer: Trainer, framework: Framework) -> str:
    """What the promise does not hold for."""
    if trainer.weights_given:
        return "It starts from the first weights of the seed, not from those of your file. "
    if framework == "pytorch" and trainer.config.dropout and trainer.config.hidden_layers:
        return "Only dropout strikes other units: PyTorch draws its masks itself. "
    return ""


def _weights_out(run: BackgroundRun) -> None:
    st.subheader("The weights as a file", anchor=False)
    st.markdown(
        "As they are when you press: numbers and a few words in the format "
        "[safetensors](https://huggingface.co/docs/safetensors), which can hold no program."
    )
    with run.between_steps():
        why = why_not_saved(run.trainer.network)
    if why:
        st.warning(
            f"There is nothing to save at this moment: {why}. Where the last step made numbers that are not finite, "
            "the next finds that out and brings back the last good ones."
        )
        return
    with st.container(horizontal=True, key="weights_out"):
        _save_button(run, "Save the weights", "numpy", "mlp-weights.safetensors", "Each W is (inputs, units).")
        _save_button(
            run,
            "Save for PyTorch",
            "pytorch",
            "mlp-weights-pytorch.safetensors",
            "Each W is (units, inputs), under the names of the PyTorch script's model: "
            "`model.load_state_dict(safetensors.torch.load_file(path))`",
        )


def _save_button(run: BackgroundRun, label: str, layout: Layout, name: str, what: str) -> None:
    st.download_button(
        label,
        # Streamlit keeps what makes the file, and a network that was reset must not stay in memory for it.
        partial(_content, weakref.ref(run), layout),
        name,
        icon=":material/download:",
        on_click="ignore",
        help=what,
        key=f"save_weights_{layout}",
    )


def _content(found: weakref.ref[BackgroundRun], layout: Layout) -> bytes:
    """The weights file of the run as it stands. Raises RuntimeError for a run that is gone: another is on the page.

    A run under way that has just lost its weights finds that out within a few steps; the file has the last good ones.
    """
    run = found()
    if run is None:
        raise RuntimeError("the network was replaced a moment ago")
    now, config = run.inspect(), run.trainer.config
    while run.busy and not np.isfinite(now.network.parameters).all():
        sleep(_LOOK_AGAIN_SECONDS)
        now = run.inspect()
    notes = {_SETTINGS: urlencode(config.to_query()), "step": str(now.step)}
    return network_to_bytes(now.network, notes, layout)


def _weights_in() -> None:
    st.subheader("A file back in", anchor=False)
    st.markdown(
        "Either kind of file. Its network takes the place of the one above, with the settings that it was saved with, "
        "and counts from step 0. **Reset** then gives the first weights of the seed, as always."
    )
    kind, words = st.session_state.get(session.TAKEN, ("", ""))
    st.file_uploader(
        "Weights file",
        key=_upload_key(),
        max_upload_size=MOST_BYTES // 1_000_000,
        on_change=_take,
        label_visibility="collapsed",
    )
    if kind == "taken":
        st.success(words)
    elif kind == "refused":
        st.error(words)
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the rest of the page must show the new network


def _upload_key() -> str:
    """Another one after each file, so that the same file can be brought again."""
    return f"{_UPLOAD}_{st.session_state.get(_UPLOAD, 0)}"


def _take() -> None:
    """The file's network in place of the one on the page, or a sentence why not."""
    upload = st.session_state[_upload_key()]
    if upload is None:
        return
    st.session_state[_UPLOAD] = st.session_state.get(_UPLOAD, 0) + 1
    kind, words = "refused", ""
    try:
        trainer = _begin(upload.getvalue(), session.current_run().trainer.config)
    except (WeightsFileError, ValueError, DatasetError, MemoryError) as error:
        words = f"{upload.name}: {names.sentence(error)} The network on the page stays."
    else:
        config, network = trainer.config, trainer.network
        sentence = names.network_sentence(config, list(network.layer_sizes), network.num_parameters)
        kind, words = "taken", f"The network of {upload.name} is on the page now: {sentence}.{_right(trainer)}"
        st.session_state[_CHANGED] = True
    st.session_state[session.TAKEN] = kind, words


def _right(trainer: Trainer) -> str:
    """How well it does on the validation digits, where there are any."""
    found = trainer.check_validation()
    return f" {found.accuracy:.2%} of the {names.count(found.size, 'validation digit')} right." if found.size else ""


def _begin(data: bytes, present: RunConfig) -> Trainer:
    """Makes the file's network the one on the page. Raises as `network_from_bytes` and `live.begin` do."""
    network, notes = network_from_bytes(data), notes_from_bytes(data)
    config = present
    if _SETTINGS in notes:
        config = RunConfig.from_query(dict(parse_qsl(notes[_SETTINGS], keep_blank_values=True)))
    config = config.changed(**settings_of(network, load_digits(config)))
    trainer = live.begin(session.workbench(), config, network)
    controls.put(config)
    return trainer
