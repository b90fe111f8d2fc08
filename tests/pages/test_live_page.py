"""The live page through the front door: what a person sees, presses and is told."""

import base64
import json
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from mlp.training import RunConfig, Trainer
from mlp.training.history import ValidationCheck
from mlp.ui import controls, live, session

from .app_page import (
    DIVERGES,
    SHORT,
    all_text_and_progress,
    buttons,
    change,
    numbers,
    press,
    see,
    setting,
    trainer_of,
    wait_for,
)


@pytest.fixture
def visit(only_mnist, open_app):
    """Opens the app as a person does, with settings in the address if they come by a link."""
    return open_app


def train_steps(at, steps):
    """Presses Step so many times, each when the one before is done."""
    for done in range(trainer_of(at).step_count + 1, trainer_of(at).step_count + steps + 1):
        press(at, "Step")
        wait_for(at, lambda at, done=done: f"step {done:,} of" in all_text_and_progress(at) and "Play" in buttons(at))
    return at


def component_data(at, component):
    """What the page hands to one of its own elements."""
    (found,) = [element for element in at.get("bidi_component") if element.proto.component_name.endswith(component)]
    return json.loads(found.proto.json)


def curves(at):
    """{("loss", "Training"): (x, y), …} as the browser is given them."""
    found = {}
    for text, measure in zip(component_data(at, "live_charts")["figures"], ("loss", "accuracy"), strict=False):
        for trace in json.loads(text)["data"]:
            found[measure, trace["name"]] = numbers(trace["x"]), numbers(trace["y"])
    return found


# -- the first visit


def test_the_first_visit_says_what_the_network_is_and_what_to_do(visit):
    at = visit()
    assert {"Play", "Step", "Epoch", "Reset"} <= set(buttons(at))
    assert "784 → 196 → 10, 155,830 parameters" in all_text_and_progress(at)
    assert "Play" in all_text_and_progress(at)
    assert "55,000" in all_text_and_progress(at)
    assert not at.error
    assert not at.warning
    assert not at.dataframe
    assert curves(at) == {}


def test_the_first_batch_is_shown_with_the_answers_of_a_network_that_knows_nothing(visit):
    at = visit()
    tiles = component_data(at, "digit_tiles")
    batch = trainer_of(at).last_batch()
    assert base64.b64decode(tiles["pixels"]) == batch.pixels.tobytes()
    right = batch.probabilities.argmax(axis=1) == batch.labels
    assert [tile["right"] for tile in tiles["tiles"]] == right.tolist()
    for tile, is_right in zip(tiles["tiles"], right, strict=True):
        assert ("✓" if is_right else "✗") in tile["caption"]
        assert ("right" if is_right else "wrong") in tile["description"]


@pytest.mark.parametrize(
    "query",
    [{}, {"optimizer": "momentum", "schedule": "step", "weight_init": "normal", "hidden_layers": "9,8,7,6,5,4"}],
    ids=["usual settings", "all settings"],
)
def test_every_control_says_what_it_does_to_learning(visit, query):
    at = visit(query)
    kinds = ("slider", "select_slider", "selectbox", "number_input", "multiselect", "checkbox", "text_input")
    controls = [widget for kind in kinds for widget in at.sidebar.get(kind)]
    controls += at.sidebar.get("button_group")
    assert len(controls) >= 24
    for widget in controls:
        assert len(widget.proto.help) > 20, widget.proto.label
        assert widget.proto.help.endswith("."), widget.proto.label


def test_the_dark_page_draws_in_the_dark_palette(visit):
    drawn = {}
    for theme in ("light", "dark"):
        at = train_steps(visit(SHORT, theme=theme), 1)
        drawn[theme] = component_data(at, "live_charts")["figures"][0]
        st.cache_resource.clear()
    assert "#0072B2" in drawn["light"]
    assert "#56B4E9" in drawn["dark"]
    assert "#0072B2" not in drawn["dark"]


# -- training


def test_each_press_of_step_is_one_step(visit):
    at = train_steps(visit(SHORT), 2)
    assert "step 2 of 48" in all_text_and_progress(at)
    assert trainer_of(at).step_count == 2
    assert "batch of step 2" in all_text_and_progress(at)


def test_one_epoch_brings_a_line_of_the_table(visit):
    at = visit(SHORT)
    for epoch in (1, 2):
        press(at, "Epoch")
        wait_for(at, lambda at, epoch=epoch: at.dataframe and len(at.dataframe[0].value) == epoch)
    assert trainer_of(at).step_count == 32
    table = at.dataframe[0].value
    record = trainer_of(at).history.epochs[-1]
    assert table["Epoch"].tolist() == [2, 1]
    assert table["Test accuracy"][0] in (record.test_accuracy, pytest.approx(100 * record.test_accuracy))
    assert table["Training loss"][0] == f"{record.train_loss:.4f} ± {record.train_loss_std:.4f}"


def test_play_trains_to_the_end_and_offers_to_go_on(visit):
    at = press(visit(SHORT), "Play")
    wait_for(at, lambda at: trainer_of(at).finished and "Pause" not in buttons(at))
    assert len(at.dataframe[0].value) == 3
    assert "step 48 of 48" in all_text_and_progress(at)
    (more,) = [label for label in buttons(at) if "more epochs" in label]
    press(at, more)
    wait_for(at, lambda at: trainer_of(at).epoch > 3)
    assert setting(at, "select_slider", "Epochs").value == trainer_of(at).config.epochs > 3


def test_pause_stops_and_play_goes_on(visit):
    at = press(visit(), "Play")
    assert "Pause" in buttons(at)
    assert not at.info, "there is nothing to wait for"
    wait_for(at, lambda at: trainer_of(at).step_count > 3)
    press(at, "Pause")
    wait_for(at, lambda at: "Play" in buttons(at))
    steps = trainer_of(at).step_count
    assert f"step {steps:,} of" in all_text_and_progress(see(at.run()))
    press(at, "Play")
    wait_for(at, lambda at: trainer_of(at).step_count > steps)


def test_what_was_played_is_what_the_trainer_alone_does(visit):
    at = press(visit(SHORT), "Play")
    wait_for(at, lambda at: trainer_of(at).finished)
    alone = Trainer(RunConfig.from_query(SHORT))
    list(alone.epochs())
    assert trainer_of(at).network.parameters.tobytes() == alone.network.parameters.tobytes()


def test_reset_goes_back_to_the_very_same_weights(visit):
    at = visit(SHORT)
    initial = trainer_of(at).network.parameters.tobytes()
    train_steps(at, 3)
    assert trainer_of(at).network.parameters.tobytes() != initial
    press(at, "Reset")
    assert trainer_of(at).step_count == 0
    assert trainer_of(at).network.parameters.tobytes() == initial
    assert curves(at) == {}
    assert "batch of step" not in all_text_and_progress(at)


def test_reset_while_it_plays_stops_it(visit):
    at = press(visit(), "Play")
    wait_for(at, lambda at: trainer_of(at).step_count > 3)
    old = trainer_of(at)
    press(at, "Reset")
    assert trainer_of(at) is not old
    assert "Play" in buttons(at)
    assert trainer_of(see(at.run())).step_count == 0


def test_the_curves_hold_the_very_points_of_the_history(visit):
    at = train_steps(visit(SHORT), 5)
    history = trainer_of(at).history
    drawn = curves(at)
    for measure in ("loss", "accuracy"):
        x, y = drawn[measure, "Training, raw"]
        np.testing.assert_array_equal(x, [1, 2, 3, 4, 5])
        np.testing.assert_allclose(y, history.steps.column(measure), rtol=1e-6)
    x, y = curves(see(at.run()))["loss", "Validation"]
    np.testing.assert_array_equal(x, [check.step for check in history.checks])
    np.testing.assert_allclose(y, [check.loss for check in history.checks])
    assert x[0] == 0


def test_the_curves_follow_smoothing_axis_and_logarithm(visit):
    at = train_steps(visit(SHORT), 4)
    (smoothing,) = [widget for widget in at.main.get("slider") if "Smoothing" in widget.label]
    see(smoothing.set_value(0.0).run())
    assert ("loss", "Training, raw") not in curves(at)
    (toggle,) = [widget for widget in at.get("toggle") if "Logarithmic" in widget.label]
    see(toggle.set_value(True).run())
    assert json.loads(component_data(at, "live_charts")["figures"][0])["layout"]["yaxis"]["type"] == "log"
    (axis,) = [group for group in at.main.get("button_group") if "bottom" in group.proto.label.lower()]
    see(axis.set_value("epoch").run())
    np.testing.assert_allclose(curves(at)["loss", "Training"][0], np.arange(1, 5) / 16)


def test_the_key_figures_are_those_of_the_run(visit):
    at = train_steps(visit(SHORT), 3)
    figures = {figure["label"]: figure for figure in component_data(at, "key_figures")["figures"]}
    assert figures["Learning rate"]["value"] == "0.1"
    assert figures["Validation accuracy"]["value"] == f"{trainer_of(at).evaluate('validation').accuracy:.1%}"
    assert all(len(figure["explanation"]) > 15 for figure in figures.values())


def test_of_a_large_batch_it_is_said_how_many_are_shown(visit):
    at = train_steps(visit({**SHORT, "batch_size": "full", "train_size": "5000"}), 1)
    assert "These are 32 of the 5,000 digits of that step." in all_text_and_progress(at)


def test_of_a_small_batch_all_are_shown_and_of_an_epochs_last_step_what_is_left(visit):
    at = train_steps(visit({**SHORT, "train_size": "100", "batch_size": "60"}), 1)
    assert "These are 32 of the 60 digits of that step." in all_text_and_progress(at)
    train_steps(at, 1)
    assert "These are 32 of the 40 digits of that step." in all_text_and_progress(at)
    at = train_steps(visit(SHORT), 1)
    assert "of these 32 right" in all_text_and_progress(at)
    assert "These are" not in all_text_and_progress(at)


def test_an_epoch_of_one_step_has_no_deviation(visit):
    at = press(visit({**SHORT, "batch_size": "full"}), "Epoch")
    wait_for(at, lambda at: at.dataframe and "Pause" not in buttons(at))
    (loss,) = at.dataframe[0].value["Training loss"]
    assert loss == f"{trainer_of(at).history.epochs[0].train_loss:.4f}"


def test_numbers_are_written_in_one_way(visit):
    at = press(visit({**SHORT, "epochs": "1000"}), "Epoch")
    wait_for(at, lambda at: at.dataframe and "Pause" not in buttons(at))
    assert "Epoch 2 of 1,000 · step 16 of 16,000" in all_text_and_progress(at)
    columns = json.loads(at.dataframe[0].proto.columns)
    formats = {name: column.get("type_config", {}).get("format") for name, column in columns.items()}
    assert formats["Validation accuracy"] == formats["Test accuracy"] == "%.2f%%", "as the key figures: no space"
    assert formats["Seconds"] == "%.3g", "an epoch of 4 ms does not take 0.00 s"
    assert formats["Epoch"] == "localized"


def test_the_small_line_of_the_validation_accuracy_is_drawn_by_step(visit):
    """The checks are dense at the beginning: drawn one by one, the line would rise slowly where the chart jumps."""
    at = train_steps(visit(SHORT), 1)
    checks = ((0, 0.1), (1, 0.1), (2, 0.8), (3, 0.8), (4, 0.8), (40, 0.9))
    trainer_of(at).history.checks[:] = [ValidationCheck(step, 0.0, 1.0, accuracy) for step, accuracy in checks]
    see(at.run())
    figures = {figure["label"]: figure for figure in component_data(at, "key_figures")["figures"]}
    line = figures["Validation accuracy"]["line"]
    assert (line[0], line[-1], figures["Validation accuracy"]["value"]) == (0.1, 0.9, "90.0%")
    assert np.mean(np.array(line) > 0.75) > 0.9, "it rose within the first twentieth of the steps"


# -- changing settings


def test_before_training_another_width_is_another_network_at_once(visit):
    at = change(visit(), "slider", "Units in hidden layer 1", 100)
    assert "784 → 100 → 10, 79,510 parameters" in all_text_and_progress(at)
    assert trainer_of(at).network.layer_sizes[1] == 100
    at = change(at, "slider", "Hidden layers", 0)
    assert "784 → 10, 7,850 parameters" in all_text_and_progress(at)
    assert "Reset with the new settings" not in buttons(at)


def test_after_training_a_new_network_is_offered_and_the_trained_one_kept(visit):
    at = train_steps(visit(SHORT), 2)
    trained = trainer_of(at)
    change(at, "slider", "Units in hidden layer 1", 30)
    assert "Reset with the new settings" in buttons(at)
    assert "16 → 30" in all_text_and_progress(at)
    assert trainer_of(at) is trained
    assert "784 → 16 → 10" in all_text_and_progress(at)
    train_steps(at, 1)  # it goes on until the reset
    assert trainer_of(at).step_count == 3
    press(at, "Reset with the new settings")
    assert "784 → 30 → 10" in all_text_and_progress(at)
    assert trainer_of(at).step_count == 0
    assert "Reset with the new settings" not in buttons(at)


def test_the_old_settings_can_be_kept(visit):
    at = train_steps(visit(SHORT), 1)
    change(at, "slider", "Units in hidden layer 1", 30)
    press(at, "Keep the old settings")
    assert setting(at, "slider", "Units in hidden layer 1").value == 16
    assert "Keep the old settings" not in buttons(at)
    assert trainer_of(at).step_count == 1


def test_the_learning_rate_changes_at_once_in_the_middle_of_a_run(visit):
    at = train_steps(visit(SHORT), 2)
    trained = trainer_of(at)
    change(at, "select_slider", "Learning rate", 0.01)
    assert "Reset with the new settings" not in buttons(at)
    train_steps(at, 1)
    assert trainer_of(at) is trained
    np.testing.assert_allclose(trained.history.steps.column("learning_rate"), [0.1, 0.1, 0.01])


def test_fewer_epochs_than_are_done_end_the_run(visit):
    at = visit(SHORT)
    for epoch in (1, 2):
        press(at, "Epoch")
        wait_for(at, lambda at, epoch=epoch: trainer_of(at).epoch == epoch and "Pause" not in buttons(at))
    change(at, "select_slider", "Epochs", 1)
    assert trainer_of(at).epoch == 2
    assert len(at.dataframe[0].value) == 2


# -- settings in the address


def test_settings_in_the_address_are_the_settings_of_the_page(visit):
    at = visit({**SHORT, "hidden_layers": "30,20", "learning_rate": "0.03", "optimizer": "adam", "classes": "1,7,8"})
    assert "784 → 30 → 20 → 3" in all_text_and_progress(at)
    assert "0.03" in all_text_and_progress(at)
    assert setting(at, "slider", "Units in hidden layer 2").value == 20
    assert setting(at, "select_slider", "Learning rate").value == 0.03
    assert setting(at, "selectbox", "Optimizer").value == "adam"
    assert not at.error


def test_the_address_follows_the_settings(visit):
    at = change(visit(SHORT), "slider", "Units in hidden layer 1", 40)
    address = {name: value if isinstance(value, str) else value[-1] for name, value in at.query_params.items()}
    assert address["hidden_layers"] == "40"
    assert "learning_rate" not in address
    address.pop("run")
    assert RunConfig.from_query(address) == trainer_of(at).config


BAD_ADDRESSES = [
    ({"learning_rate": "99"}, ["Learning rate must be above 0 and at most 10", "`99`"]),
    ({"hidden_layers": "5000"}, ["Hidden layers must be 0 to 6 whole numbers from 1 to 1,024", "`5000`"]),
    ({"learning_rat": "0.1"}, ["There is no setting `learning_rat`", "learning_rate"]),
    ({"classes": "3"}, ["Only these classes must be 2 to 10 different whole numbers from 0 to 9, or all", "`3`"]),
    ({"gradient_clip": "-1"}, ["Gradient limit must be above 0 and at most 1,000, or off", "`-1`"]),
    ({"activation": "[swish](x)"}, ["Activation must be one of 'relu'", "`swishx`"]),
    (
        {"train_size": "50000", "validation_size": "20000"},
        ["Training digits must be from 10 to 40,000 with 10 classes and validation digits 20,000", "`50000`"],
    ),
    ({"dataset": "fashion_mnist"}, ["Fashion-MNIST"]),
]


@pytest.mark.parametrize(("query", "words"), BAD_ADDRESSES, ids=str)
def test_with_a_bad_address_the_page_works_with_the_default_network(visit, query, words):
    at = visit(query)
    assert "784 → 196 → 10, 155,830 parameters" in all_text_and_progress(at)
    train_steps(at, 1)


@pytest.mark.parametrize(("query", "words"), BAD_ADDRESSES, ids=str)
def test_a_bad_address_is_explained_in_one_sentence(visit, query, words):
    at = visit(query)
    (notice,) = [*at.error, *at.warning]
    assert all(word in notice.value for word in words), notice.value
    assert notice.value.startswith(words[0]) or "Fashion" in words[0], notice.value
    assert notice.value.endswith(" The usual settings are used instead.")
    assert "\n" not in notice.value


# -- what cannot be


def test_more_digits_than_there_are_is_explained_and_the_trained_network_stays(visit):
    at = train_steps(visit(SHORT), 2)
    trained = trainer_of(at)
    change(at, "select_slider", "Training digits", 50_000)
    change(at, "select_slider", "Validation digits", 20_000)
    press(at, "Reset with the new settings")
    (notice,) = at.error
    assert notice.value.startswith("Training digits must be from 10 to 40,000")
    assert "50000" in notice.value
    assert "\n" not in notice.value
    assert trainer_of(at) is trained
    train_steps(at, 1)
    change(at, "select_slider", "Validation digits", 200)
    change(at, "select_slider", "Training digits", 500)
    assert not at.error


def test_before_training_an_impossible_combination_is_explained_and_the_network_stays(visit):
    at = visit()
    change(at, "select_slider", "Training digits", 50_000)
    change(at, "select_slider", "Validation digits", 20_000)
    (notice,) = at.error
    assert notice.value.startswith("Training digits must be")
    assert "784 → 196 → 10" in all_text_and_progress(at)
    train_steps(at, 1)


def classes(at):
    (found,) = [group for group in at.sidebar.get("button_group") if "classes" in group.proto.label]
    return found


def test_a_single_class_is_explained_and_the_trained_network_stays(visit):
    at = train_steps(visit(SHORT), 1)
    trained = trainer_of(at)
    see(classes(at).set_value([3]).run())
    (notice,) = at.warning
    assert notice.value.startswith("Only these classes must be 2 to 10 different whole numbers from 0 to 9, or all;")
    assert "\n" not in notice.value
    assert trainer_of(at) is trained
    train_steps(at, 1)
    press(at, "Reset")
    assert trainer_of(at) is trained, "there is no network of one class to reset to"


def test_two_classes_are_a_network_of_two_answers(visit):
    at = see(classes(visit(SHORT)).set_value([3, 8]).run())
    assert "784 → 16 → 2" in all_text_and_progress(at)
    captions = [tile["caption"] for tile in component_data(at, "digit_tiles")["tiles"]]
    assert all(set(caption) <= set("✓✗ ,is38") for caption in captions), captions


def test_without_a_network_fashion_mnist_is_explained_and_mnist_goes_on(visit):
    at = train_steps(visit(SHORT), 1)
    trained = trainer_of(at)
    change(at, "selectbox", "Dataset", "fashion_mnist")
    press(at, "Reset with the new settings")
    (notice,) = at.error
    assert "Fashion-MNIST" in notice.value
    assert "\n" not in notice.value
    assert trainer_of(at) is trained
    train_steps(at, 1)
    change(at, "selectbox", "Dataset", "mnist")
    assert not at.error
    press(at, "Reset")
    assert trainer_of(at).dataset.name == "mnist"
    assert trainer_of(at).step_count == 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_run_that_diverges_is_explained_with_a_remedy_that_works(visit):
    at = press(visit(DIVERGES), "Play")
    wait_for(at, lambda at: at.error and "Pause" not in buttons(at))
    (notice,) = at.error
    assert "learning rate 10" in notice.value
    assert "step" in notice.value
    assert buttons(at)["Play"].disabled
    assert "the numbers grew beyond what a computer can hold, first in the logits" in notice.value
    assert not findings(at), "it is said once"
    (remedy,) = [label for label in buttons(at) if "0.1" in label]
    assert remedy == "Reset with learning rate: 0.1"
    press(at, remedy)
    assert not at.error
    assert setting(at, "select_slider", "Learning rate").value == 0.1
    assert trainer_of(at).step_count == 0
    press(at, "Epoch")
    wait_for(at, lambda at: trainer_of(at).epoch == 1)
    assert not at.error


def diagnosis(at):
    """The line that says what is most wrong; its words unfold below it."""
    return "".join(block.proto.popover.label for block in at.get("popover") if "diagnosis" in block.proto.id)


def findings(at):
    """The buttons that try another setting because of what the diagnosis found."""
    return [label for label in buttons(at) if label.startswith("Try ")]


def test_a_run_that_goes_wrong_says_so_with_a_remedy_that_trains(visit):
    at = press(visit({**SHORT, "learning_rate": "10"}), "Play")
    wait_for(at, lambda at: trainer_of(at).finished and "Pause" not in buttons(at))
    assert "learning rate is too high" in diagnosis(at)
    assert "Named when" in all_text_and_progress(at), "by which rule"
    assert findings(at) == ["Try learning rate: 0.1"]
    press(at, "Try learning rate: 0.1")
    assert setting(at, "select_slider", "Learning rate").value == 0.1
    wait_for(at, lambda at: trainer_of(at).finished and "Pause" not in buttons(at))  # it trains by itself
    assert not findings(at)
    assert diagnosis(at) == "Nothing looks wrong so far"


def test_a_run_that_goes_well_is_not_interrupted(visit):
    at = visit(SHORT)
    assert not diagnosis(at)
    press(at, "Play")
    wait_for(at, lambda at: trainer_of(at).finished and "Pause" not in buttons(at))
    assert not findings(at)
    assert diagnosis(at) == "Nothing looks wrong so far"


def test_while_it_trains_the_diagnosis_looks_now_and_then_only(visit, monkeypatch):
    looks = []
    monkeypatch.setattr(live, "diagnose", lambda *args, **settings: looks.append(args) or [])
    at = press(visit({**SHORT, "epochs": "10000"}), "Play")
    wait_for(at, lambda at: looks)
    before = len(looks)
    monkeypatch.setattr(live, "DIAGNOSIS_SECONDS", 1000.0)
    for _ in range(3):
        steps = trainer_of(at).step_count
        wait_for(at, lambda at, steps=steps: trainer_of(at).step_count > steps)
        see(at.run())
    assert len(looks) == before
    press(at, "Pause")
    wait_for(at, lambda at: len(looks) > before)  # a run that stands still is judged as it stands


def test_a_remedy_names_settings_as_the_sidebar_does():
    remedy = {"train_size": None, "activation": "relu", "weight_init": "he_normal"}
    assert controls.settings_words(remedy) == (
        "training digits: all and activation: ReLU and initial weights: He, normal"
    )
    assert controls.settings_words({"gradient_clip": None, "hidden_layers": ()}) == (
        "gradient limit: off and hidden layers: none"
    )
    assert controls.value_words("classes", (1, 7)) == "1, 7"


def test_a_run_that_waits_for_its_turn_says_so(visit, monkeypatch):
    slots = session.RunSlots(1)
    other = object()
    slots.join(other)
    monkeypatch.setattr(session, "_slots", slots)
    at = press(visit(SHORT), "Play")
    wait_for(at, lambda at: any("queue" in notice.value for notice in at.info))
    assert "1 in the queue" in all_text_and_progress(at)
    assert trainer_of(at).step_count == 0
    slots.leave(other)
    wait_for(at, lambda at: trainer_of(at).finished and not at.info)


def test_an_error_in_training_is_told_and_play_tries_again(visit, monkeypatch):
    at = visit(SHORT)
    network = trainer_of(at).network
    good = network.forward
    monkeypatch.setattr(network, "forward", lambda *args, **kwargs: 1 / 0)
    press(at, "Play")
    wait_for(at, lambda at: at.error)
    assert "ZeroDivisionError" in at.error[0].value
    monkeypatch.setattr(network, "forward", good)
    press(at, "Play")
    wait_for(at, lambda at: trainer_of(at).finished and not at.error)


# -- coming back


def test_a_page_that_is_loaded_again_finds_its_run_where_it_was(visit):
    at = train_steps(visit(SHORT), 2)
    trained, token = trainer_of(at), at.query_params["run"]
    st.cache_resource.clear()  # the tab closes
    back = visit({**SHORT, "run": token if isinstance(token, str) else token[-1]})
    assert trainer_of(back) is trained
    assert "step 2 of 48" in all_text_and_progress(back)
    train_steps(back, 1)


def test_another_persons_link_is_another_network(visit):
    at = train_steps(visit(SHORT), 2)
    token = at.query_params["run"]
    other = visit({**SHORT, "run": token if isinstance(token, str) else token[-1]})
    assert trainer_of(other) is not trainer_of(at)
    assert trainer_of(other).step_count == 0


def test_a_press_that_a_poll_brings_along_does_not_count(visit, monkeypatch):
    """The browser sends it once more by itself; both would play and pause at once."""
    at = visit(SHORT)
    with monkeypatch.context() as patch:
        patch.setattr(live, "get_script_run_ctx", lambda: SimpleNamespace(fragment_ids_this_run=["a poll"]))
        for label in ("Step", "Epoch", "Play"):
            press(at, label)
    assert trainer_of(at).step_count == 0
    assert "Play" in buttons(at)
    train_steps(at, 1)
    assert trainer_of(at).step_count == 1
