"""The arrows of docs/architecture.md, held by import-linter as pyproject.toml states them."""

import os
import subprocess
import sys


def test_imports_point_one_way(repository):
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


def test_no_page_lies_directly_under_pages(repository):
    pages = repository / "pages"
    assert list(pages.glob("*/*.py"))
    assert not list(pages.glob("*.py")), "Streamlit would open these past app.py: they stand one folder deep"


def test_streamlit_is_imported_by_the_frame_the_pages_and_mlp_ui_only(repository):
    importing = {
        path.relative_to(repository).as_posix()
        for path in (repository / "mlp").rglob("*.py")
        if "import streamlit" in path.read_text(encoding="utf-8")
        or "from streamlit" in path.read_text(encoding="utf-8")
    }
    assert importing
    assert all(path.startswith("mlp/ui/") for path in importing)


def test_the_library_works_where_streamlit_and_plotly_are_missing(repository):
    code = """
import sys
sys.modules["streamlit"] = sys.modules["plotly"] = None
from mlp import MLP, RunConfig, Trainer, load_dataset
Trainer(RunConfig(train_size=100, validation_size=50)).step()
"""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout == found.stderr == "", "the engine never prints"
