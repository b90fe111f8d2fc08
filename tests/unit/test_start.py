"""The server answers before the app is imported, and the first page waits for nothing that it does not need."""

import os
import subprocess
import sys

import pytest

import mlp


def run(code, repository, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def imported_with(module, repository):
    """The modules that are there after an import in a fresh process."""
    found = run(f"import sys, {module}; print(*sys.modules, sep='\\n')", repository)
    assert found.returncode == 0, found.stderr
    return set(found.stdout.split())


def test_the_server_answers_before_the_app_is_imported(repository):
    found = imported_with("app", repository)
    assert "mlp.ui.server" in found
    assert not found & {"mlp.training", "mlp.data", "mlp.analysis", "mlp.viz", "pandas", "scipy"}


def test_the_first_page_imports_no_part_of_scipy(repository):
    found = imported_with("mlp.ui.live", repository)
    assert "mlp.viz" in found
    assert not found & {"scipy.ndimage", "scipy.stats", "scipy.signal", "scipy.cluster", "scipy.linalg"}


@pytest.mark.parametrize("name", ["MLP", "load_dataset", "analysis", "data", "nn", "training"])
def test_a_name_is_imported_when_it_is_asked_for(repository, name):
    found = run(f"import mlp; print(mlp.{name}.__name__)", repository)
    assert found.stdout.split(".")[-1].strip() == name, found.stderr


def test_an_unknown_name_is_no_part_of_the_package():
    with pytest.raises(AttributeError, match="module 'mlp' has no attribute 'Perceptron'"):
        mlp.Perceptron  # noqa: B018
    assert {"MLP", "analysis"} <= set(dir(mlp))


@pytest.mark.parametrize("variable", ["MLP_MICROSCOPE_MAX_RUNS", "MLP_MICROSCOPE_SNAPSHOT_MB"])
@pytest.mark.parametrize("value", ["0", "many", "-1", "2.5", ""])
def test_a_wrong_setting_of_the_server_ends_it_with_one_sentence(repository, variable, value):
    found = run("import app", repository, **{variable: value})
    assert found.returncode == 1
    assert found.stderr.strip().splitlines()[-1] == f"{variable} must be a whole number of at least 1, got {value!r}"
    assert "Traceback" not in found.stderr
