"""Opening the app as a person does, and leaving no run behind."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mlp.data import sources
from mlp.ui import session

from .app_page import see


@pytest.fixture
def open_app(repository):
    """open_app(query, …) opens the start page, with settings in the address if they come by a link."""
    visitors = []

    def open_start_page(query=None, theme=None, **state):
        at = AppTest.from_file(str(repository / "app.py"), default_timeout=60)
        for name, text in (query or {}).items():
            at.query_params[name] = text
        if theme:
            at.context["theme"] = theme
        for name, value in state.items():
            at.session_state[name] = value
        visitors.append(at)
        return see(at.run())

    yield open_start_page
    st.cache_resource.clear()  # all visitors of the tests share one session: this ends its thread
    for at in visitors:
        if "workbench" in at.session_state:
            session._left_runs.take(at.session_state["workbench"].token)


@pytest.fixture
def only_mnist(monkeypatch, tmp_path):
    """No other dataset can be had: nothing in the cache, nobody at the mirror's address."""
    monkeypatch.setenv(sources.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(sources.MIRROR_VARIABLE, "http://127.0.0.1:9/")
    monkeypatch.setattr(sources, "_loaded", {k: v for k, v in sources._loaded.items() if k == "mnist"})
