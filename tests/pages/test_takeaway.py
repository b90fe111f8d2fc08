"""The folded end of the start page: code and weights to take along, and weights brought back."""

import weakref

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mlp.nn import MLP
from mlp.training import (
    BackgroundRun,
    RunConfig,
    RunSlots,
    Trainer,
    network_from_bytes,
    network_to_bytes,
    notes_from_bytes,
)
from mlp.ui import takeaway

from .app_page import SHORT, change, press_key, see, trainer_of


@pytest.fixture
def visit(only_mnist, open_app):
    """Opens the start page with the section unfolded."""

    def open_page(**query):
        return open_app({**SHORT, **query}, takeaway_open=True)

    return open_page


def bring(at, data, name="weights.safetensors"):
    """Uploads a file."""
    (uploader,) = at.get("file_uploader")
    return see(uploader.upload(name, data, "application/octet-stream").run())


def told(at, kind):
    return [element.value for element in at.get(kind)]


def file_of(config, **changes):
    """A weights file as the page makes it, and its trainer."""
    trainer = Trainer(config.changed(**changes))
    trainer.advance(steps=20)
    query = takeaway.urlencode(trainer.config.to_query())
    return trainer, network_to_bytes(trainer.network, {"settings": query})


CONFIG = RunConfig.from_query(SHORT)


def test_folded_it_makes_nothing(repository):
    at = AppTest.from_file(str(repository / "app.py"), default_timeout=60)
    see(at.run())
    assert "Take this network with you" in [box.label for box in at.expander]
    assert not at.code
    st.cache_resource.clear()


def test_the_code_is_that_of_the_run_and_follows_its_settings(visit):
    at = visit()
    assert at.code[0].value == takeaway.as_code(trainer_of(at).config, "numpy").strip()
    for framework in ("pytorch", "keras", "scikit-learn"):
        change(at, "button_group", "Framework", framework)
        assert at.code[0].value == takeaway.as_code(trainer_of(at).config, framework).strip()
    change(at, "button_group", "Framework", "pytorch")
    assert "masks" not in "".join(told(at, "markdown"))
    change(at, "slider", "Dropout", 0.25)
    assert "PyTorch draws its masks itself" in "".join(told(at, "markdown"))
    change(at, "slider", "Dropout", 0.0)
    change(at, "button_group", "Framework", "scikit-learn")
    change(at, "select_slider", "Learning rate", 0.02)
    assert "LEARNING_RATE = 0.02" in at.code[0].value
    change(at, "selectbox", "Activation", "tanh")
    assert 'activation="tanh"' in at.code[0].value
    assert "Save as mlp_scikit_learn.py" in [button.label for button in at.get("download_button")]


@pytest.mark.parametrize("layout", ["numpy", "pytorch"])
def test_the_saved_file_is_the_network_as_it_stands(layout):
    trainer = Trainer(CONFIG.changed(classes=(1, 2, 3), input_scaling="per_pixel"))
    run = BackgroundRun(trainer, RunSlots(1))
    trainer.advance(steps=3)
    content = takeaway._content(weakref.ref(run), layout)
    run.stop()
    assert network_from_bytes(content).parameters.tobytes() == trainer.network.parameters.tobytes()
    assert notes_from_bytes(content)["step"] == "3"
    assert "classes=1%2C2%2C3" in notes_from_bytes(content)["settings"]


@pytest.mark.parametrize("spoilt", [np.nan, 1e30, slice(None)])
def test_weights_that_cannot_be_saved_are_not_offered(visit, spoilt):
    at = visit(hidden_layers="16,16,16")
    parameters = trainer_of(at).network.parameters
    if isinstance(spoilt, slice):
        parameters[:] = 1e12  # each may be saved, but not all together
    else:
        parameters[0] = spoilt
    see(at.run())
    assert "There is nothing to save at this moment" in "".join(told(at, "warning"))
    assert [button.label for button in at.get("download_button") if "weights" in button.label] == []


def test_a_run_that_has_just_lost_its_weights_saves_the_last_good_ones(monkeypatch):
    run = BackgroundRun(Trainer(CONFIG), RunSlots(1))
    good = run.trainer.network.parameters.copy()
    run.trainer.network.parameters[0] = np.nan
    run.play(None)  # the next step finds it out and brings the good ones back
    content = takeaway._content(weakref.ref(run), "numpy")
    run.stop()
    assert network_from_bytes(content).parameters.tobytes() == good.tobytes()


def test_a_file_comes_back_with_the_settings_it_was_saved_with(visit):
    at = visit()
    old, data = file_of(
        CONFIG, hidden_layers=(30, 20), activation="gelu", seed=7, classes=(3, 5), input_scaling="per_pixel"
    )
    bring(at, data)
    new = trainer_of(at)
    assert new.config == old.config
    assert new.network.parameters.tobytes() == old.network.parameters.tobytes()
    assert new.step_count == 0
    (said,) = told(at, "success")
    assert "784 → 30 → 20 → 2" in said
    assert f"{old.evaluate('validation').accuracy:.2%} of the 200 validation digits right" in said
    page = "".join(told(at, "markdown"))
    assert "784 → 30 → 20 → 2" in page
    assert "A new network is needed" not in page  # the controls show the file's settings
    assert "first weights of the seed, not from those of your file" in page
    assert "answered with the weights from the file" in "".join(told(at, "caption"))


def test_without_settings_in_it_the_page_keeps_its_own(visit):
    at = visit(optimizer="adam", learning_rate="0.002")
    network = MLP([784, 9, 10], "tanh", rng=np.random.default_rng(3), dtype=np.float64)
    bring(at, network_to_bytes(network, layout="pytorch"))
    found = trainer_of(at)
    assert found.config == CONFIG.changed(
        optimizer="adam", learning_rate=0.002, hidden_layers=(9,), activation="tanh", dtype="float64"
    )
    assert found.network.parameters.tobytes() == network.parameters.tobytes()


def test_reset_gives_the_weights_of_the_seed(visit):
    at = visit()
    first = trainer_of(at).network.parameters.copy()
    bring(at, file_of(CONFIG)[1])
    assert trainer_of(at).network.parameters.tobytes() != first.tobytes()
    press_key(at, "reset")
    assert trainer_of(at).network.parameters.tobytes() == first.tobytes()
    assert not told(at, "success")


def test_a_change_that_the_weights_survive_keeps_them(visit):
    at = visit()
    old, data = file_of(CONFIG)
    bring(at, data)
    change(at, "selectbox", "Optimizer", "adam")
    assert trainer_of(at).config.optimizer == "adam"
    assert trainer_of(at).network.parameters.tobytes() == old.network.parameters.tobytes()
    change(at, "selectbox", "Activation", "tanh")
    assert trainer_of(at).network.parameters.tobytes() == old.network.parameters.tobytes()
    assert "A new network is needed for" in "".join(told(at, "markdown"))


REFUSED = {
    "a text": (b"hello, this is no network at all", "not a weights file in the safetensors format"),
    "nothing": (b"", "not a weights file"),
    "a cut file": (file_of(CONFIG)[1][:-5], "truncated or altered"),
    "three classes": (
        network_to_bytes(MLP([784, 4, 3], rng=np.random.default_rng(0))),
        "tells 3 classes apart, but the data has 784 pixels and 10 classes",
    ),
    "another scaling": (
        file_of(CONFIG, input_scaling="per_pixel")[0],
        "scales its pixels by none of unit, standard, per_pixel, none",
    ),
    "settings that cannot be": (
        network_to_bytes(Trainer(CONFIG).network, {"settings": "learning_rate=99"}),
        r"learning_rate must be in (0, 10], got '99'",
    ),
    "unknown settings": (network_to_bytes(Trainer(CONFIG).network, {"settings": "a=b"}), "unknown setting 'a'"),
    "a dataset that cannot be had": (
        network_to_bytes(Trainer(CONFIG).network, {"settings": "dataset=kmnist"}),
        "KMNIST could not be downloaded",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_and_the_network_stays(visit, what):
    at = visit()
    before = trainer_of(at)
    data, sentence = REFUSED[what]
    if isinstance(data, Trainer):
        trainer = Trainer(data.config.changed(seed=3))
        data = network_to_bytes(trainer.network)  # without the settings: measured on other training digits
    bring(at, data)
    assert trainer_of(at) is before
    (said,) = [text for text in told(at, "error") if "weights.safetensors" in text]
    assert sentence in said
    assert said.endswith("The network on the page stays.")
    assert "\n" not in said


def test_too_large_a_file_is_refused(visit, monkeypatch):
    at = visit()
    monkeypatch.setattr("mlp.training.weights.MOST_BYTES", 1000)
    bring(at, file_of(CONFIG)[1])
    assert "must have at most 1,000 bytes" in told(at, "error")[0]
