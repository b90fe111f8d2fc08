"""The backpropagation page through the front door: every number on it is the step's own."""

import base64
import gc
import json
import weakref

import numpy as np
import pytest

from mlp.analysis import walk as analysis_walk
from mlp.analysis.walk import coming_batch, written_out
from mlp.training import Trainer
from mlp.ui import session
from mlp.ui.subject import Subject, open_backprop_page

from .app_page import SMALL, all_text, data_of, go, labelled, press, press_key, see, train, trainer_of

DEEP = {**SMALL, "hidden_layers": "20,16,12,10,9,8", "activation": "tanh", "dropout": "0.1", "gradient_clip": "1"}


@pytest.fixture
def visit(open_app):
    """Opens the page with a network of these settings."""

    def open_page(query=SMALL, steps=0):
        at = open_app(query)
        if steps:
            train(at, steps)
        return go(at, "backprop")

    return open_page


def walk_of(at):
    return at.session_state[session.WALK].walk


def choose_key(at, key, value):
    (found,) = [one for one in at.get("button_group") if one.key == key]
    return see(found.set_value(value).run())


def go_to_stage(at, stage):
    (slider,) = [one for one in at.main.get("select_slider") if one.key == "backprop_stage"]
    return see(slider.set_value(stage).run())


def cells(at, key="backprop_numbers"):
    found = data_of(at, key)
    return np.frombuffer(base64.b64decode(found["values"]), np.float32).reshape(found["rows"], found["columns"])


def look_at(at, digit=0, **units):
    """What a press on a number comes to (the browser tests press); `layer0=3` is unit 3 of the first layer."""
    places = at.session_state[session.WALK_PLACES]
    places.digit = digit
    places.units |= {int(name.removeprefix("layer")) if name != "pixel" else -1: unit for name, unit in units.items()}
    return see(at.run())


# -- stage by stage


@pytest.mark.parametrize(
    "query",
    [
        SMALL,
        {**SMALL, "hidden_layers": "none"},
        DEEP,
        {**SMALL, "batch_size": "1"},
        {**SMALL, "hidden_layers": "4", "loss": "mean_squared_error", "activation": "gelu", "optimizer": "adam"},
        {**SMALL, "classes": "1,7,8", "optimizer": "adamw", "weight_decay": "0.01"},
    ],
    ids=["one hidden layer", "none", "six", "a batch of one", "four units", "three classes"],
)
def test_the_whole_walk_button_by_button(visit, query):
    at = visit(query, steps=5)
    walk = walk_of(at)
    for number, stage in enumerate(walk.stages):
        (slider,) = [one for one in at.main.get("select_slider") if one.key == "backprop_stage"]
        assert slider.value == stage.key
        assert slider.label.startswith(f"Stage {number + 1} of {len(walk.stages)}")
        formulas = [element.value for element in at.markdown if element.value.startswith("$$")]
        assert any("\\" in text for text in formulas), stage.key
        assert at.code, stage.key
        assert data_of(at, "backprop_graph")["current"] == stage.key
        last = number == len(walk.stages) - 1
        assert labelled(at, "Next").disabled == last
        assert labelled(at, "Back").disabled == (number == 0)
        if not last:
            press_key(at, "next")
    press_key(at, "back")
    assert data_of(at, "backprop_graph")["current"] == walk.keys[-2]
    assert not at.error
    assert not at.warning


def test_the_numbers_of_the_stages_are_the_walks(visit):
    at = visit(steps=7)
    walk = walk_of(at)
    for key in ("z1", "a1", "logits", "p", "dlogits", "da1", "dz1"):
        np.testing.assert_array_equal(cells(go_to_stage(at, key)), walk.stage(key).value, err_msg=key)
    np.testing.assert_array_equal(cells(go_to_stage(at, "dW2"), "backprop_matrix"), walk.stage("dW2").value.T)
    np.testing.assert_array_equal(cells(go_to_stage(at, "db1"), "backprop_biases")[0], walk.stage("db1").value)
    np.testing.assert_array_equal(cells(go_to_stage(at, "x"), "backprop_pixels").ravel(), walk.batch.x[0])
    unit = data_of(go_to_stage(at, "dW1"), "backprop_units")["chosen"]
    np.testing.assert_array_equal(cells(at, "backprop_picture").ravel(), walk.stage("dW1").value[:, unit])
    after = cells(go_to_stage(at, "after"), "backprop_after")
    np.testing.assert_array_equal(after[0], walk.of_true_class(walk.probabilities))
    np.testing.assert_array_equal(after[1], walk.of_true_class(walk.probabilities_after))
    losses = cells(go_to_stage(at, "loss"), "backprop_losses")
    assert losses.mean() == pytest.approx(walk.loss, rel=1e-6)


def test_the_walk_is_of_the_runs_next_step_and_the_run_is_not_moved(visit):
    at = visit({**SMALL, "optimizer": "adam", "dropout": "0.2"}, steps=9)
    trainer, walk = trainer_of(at), walk_of(at)
    apart = Trainer(trainer.config, trainer.dataset)
    apart.advance(steps=9)
    np.testing.assert_array_equal(trainer.network.parameters, apart.network.parameters)
    record = apart.step()
    assert walk.loss == record.loss
    np.testing.assert_array_equal(walk.after, apart.network.parameters)
    assert "**Step 10** · epoch 0.6 · all 32 of the run's next mini-batch · Adam at 0.1" in all_text(at)


def test_take_this_step_does_what_the_walk_foretold(visit):
    at = visit(steps=3)
    foretold = walk_of(at).after
    press(at, "Take this step")
    assert trainer_of(at).step_count == 4
    np.testing.assert_array_equal(trainer_of(at).network.parameters, foretold)
    (told,) = at.success
    assert "Step 4 is taken" in told.value
    assert "all 12,730 parameters are as foretold, to the last bit" in told.value
    np.testing.assert_array_equal(walk_of(at).network.parameters, foretold)  # the walk is of the next step now
    train(at, 1)
    assert "**Step 6**" in all_text(at)


def test_a_setting_changed_on_the_way_changes_the_walk(visit):
    at = visit(steps=3)
    trainer_of(at).change(learning_rate=0.5)
    see(at.run())
    assert "SGD at 0.5" in all_text(at)
    press(at, "Take this step")
    assert "all 12,730 parameters are as foretold" in at.success[0].value


def test_what_was_foretold_of_one_network_is_not_said_of_the_next(visit):
    at = visit()
    press(at, "Take this step")
    assert at.success
    press(go(at, "live"), "Reset")
    train(at, 1)
    assert not go(at, "backprop").success


def test_a_step_that_cannot_be_taken_says_why(visit):
    at = visit({**SMALL, "epochs": "1"}, steps=16)
    assert trainer_of(at).finished
    button = labelled(at, "Take this step")
    assert button.disabled
    assert "All epochs of the run are done. Step, above, asks for one more" in button.help
    press(at, "Step")
    for _ in range(100):  # as the page's own look for the end of the step
        if not labelled(see(at.run()), "Take this step").disabled:
            break
    assert trainer_of(at).step_count == 17
    press(at, "Take this step")
    assert trainer_of(at).step_count == 18


def test_a_number_is_written_out_as_its_sum(visit):
    at = go_to_stage(visit(steps=5), "z1")
    walk = walk_of(at)
    sums = {unit: written_out(walk, walk.stage("z1"), 3, unit) for unit in range(16)}
    unit = next(unit for unit, found in sums.items() if f"{found.value:.7g}" != f"{found.total:.7g}")
    look_at(at, digit=3, layer0=unit)
    text = all_text(at).replace("−", "-")
    assert f"**z₁[3, {unit}]**, term by term" in text
    assert f"the sum is {sums[unit].total:.7g}. The engine has {sums[unit].value:.7g}: it differs by" in text
    assert "| bias |" in text
    look_at(go_to_stage(at, "dW2"), layer0=5, layer1=2)
    assert data_of(at, "backprop_matrix")["chosen"] == [2, 5], "classes downwards, units to the right"
    assert "**dW₂[5, 2]**, term by term" in all_text(at)
    assert f"The engine has {walk.stage('dW2').value[5, 2]:.7g}".replace("-", "−") in all_text(at)
    look_at(go_to_stage(at, "dW1"), pixel=14 * 28 + 13)
    assert f"**dW₁[{14 * 28 + 13}, 5]**" in all_text(at)
    assert data_of(at, "backprop_picture")["chosen"] == [14, 13]
    assert data_of(at, "backprop_units")["chosen"] == 5
    look_at(go_to_stage(at, "db2"), layer1=4)
    assert "**db₂[4]**" in all_text(at)
    look_at(go_to_stage(at, "a1"), digit=1, layer0=2)
    assert "**a₁[1, 2]** = f(" in all_text(at)
    assert "**z₁[1, 2]**, term by term" in all_text(at), "the weighted sum behind an activation"


def test_where_nothing_was_chosen_the_strongest_is_looked_at(visit):
    at = go_to_stage(visit(steps=5), "dW1")
    dW = walk_of(at).stage("dW1").value
    unit = data_of(at, "backprop_units")["chosen"]
    assert unit == np.linalg.norm(dW, axis=0).argmax()
    row, column = data_of(at, "backprop_picture")["chosen"]
    assert 28 * row + column == np.abs(dW[:, unit]).argmax()


def test_numbers_are_chosen_by_keyboard_too(visit):
    at = go_to_stage(visit(steps=5), "logits")
    (digit,) = [one for one in at.number_input if one.label == "Digit"]
    see(digit.set_value(9).run())
    (unit,) = [one for one in at.number_input if one.label == "Class"]
    see(unit.set_value(4).run())
    assert "**logits[9, 4]**, term by term" in all_text(at)
    assert data_of(at, "backprop_numbers")["chosen"] == [9, 4]


def test_the_stage_survives_another_page(visit):
    at = go_to_stage(visit(steps=2), "dW1")
    go(at, "weights")
    go(at, "backprop")
    assert data_of(at, "backprop_graph")["current"] == "dW1"


def test_the_parameters_are_counted(visit):
    text = all_text(visit({**SMALL, "hidden_layers": "20,10"}))
    assert "| hidden 1 | 784 × 20 = 15,680 | 20 | 15,700 |" in text
    assert "Together **16,020**" in text


# -- which digits


def test_one_test_digit(visit):
    at = choose_key(visit(steps=5), "backprop_source", "test")
    (number,) = [one for one in at.number_input if one.label == "Which one"]
    see(number.set_value(123).run())
    digits = trainer_of(at).dataset.test
    walk = walk_of(at)
    np.testing.assert_array_equal(walk.batch.pixels.reshape(28, 28), digits.source[digits.indices[123]])
    assert walk.batch.labels.tolist() == [digits.labels[123]]
    assert "test digit 123" in all_text(at)
    assert labelled(at, "Take this step").disabled


def test_a_part_of_the_batch(visit):
    at = visit(steps=5)
    (count,) = [one for one in at.number_input if one.label == "How many of them"]
    see(count.set_value(3).run())
    assert walk_of(at).num_digits == 3
    assert "3 of the 32 digits" in all_text(at)
    assert "The run itself takes more digits" in all_text(at)
    assert labelled(at, "Take this step").disabled


def hand_over(at, subject):
    """As the button of another page does, in its script."""
    at.session_state[session.WALK_SUBJECT] = subject
    return go(at, "backprop")


def test_a_digit_handed_over(visit, digits):
    at = hand_over(visit(steps=5), Subject(digits.test.images[5], "1", "test digit 5"))
    np.testing.assert_array_equal(walk_of(at).batch.pixels.reshape(28, 28), digits.test.images[5])
    assert walk_of(at).batch.labels.tolist() == [1]
    assert "test digit 5" in all_text(at)


def test_a_second_drawing_takes_the_place_of_the_first(visit, digits):
    at = visit(steps=5)
    for picture in digits.test.images[:2]:
        hand_over(at, Subject(picture, None, "your drawing"))
        np.testing.assert_array_equal(walk_of(at).batch.pixels.reshape(28, 28), picture)


def test_a_digit_of_a_class_that_the_network_does_not_know(visit, digits):
    at = visit({**SMALL, "classes": "1,7,8"}, steps=5)
    hand_over(at, Subject(digits.test.images[8], "5", "test digit 8"))
    (told,) = at.info
    assert "This is a 5, which this network has no class for; its classes are 1, 7, 8" in told.value
    assert walk_of(at).batch.labels.tolist() == [0]
    choose_key(at, "backprop_label_3", 2)
    assert walk_of(at).batch.labels.tolist() == [2]
    hand_over(at, Subject(digits.test.images[8], None, "your drawing"))
    assert "What your drawing is, is not known" in all_text(at)


def test_only_a_prepared_picture_is_taken_over(digits):
    with pytest.raises(ValueError, match="prepared"):
        open_backprop_page(Subject(digits.test.images[0], None, "your picture", prepared=False))


# -- which moment


def test_a_moment_of_the_past_says_what_is_not_kept(visit):
    at = visit({**SMALL, "optimizer": "momentum"}, steps=40)
    (toggle,) = [one for one in at.main.get("toggle") if one.label == "Follow live"]
    see(toggle.set_value(False).run())
    (slider,) = [one for one in at.main.get("select_slider") if one.label == "Moment"]
    see(slider.set_value(8).run())
    trainer, walk = trainer_of(at), walk_of(at)
    assert "**Step 9**" in all_text(at)
    assert "is not kept" in all_text(at)
    np.testing.assert_array_equal(walk.network.parameters, trainer.snapshots.at(8).parameters)
    np.testing.assert_array_equal(walk.batch.pixels, coming_batch(trainer, 8).pixels)
    assert labelled(at, "Take this step").disabled
    (slider,) = [one for one in at.main.get("select_slider") if one.label == "Moment"]
    see(slider.set_value(0).run())
    assert "is not kept" not in all_text(at), "at the start there is nothing to remember"


def test_while_the_run_trains_the_numbers_stand_still(visit, wait_until):
    at = visit({**SMALL, "epochs": "10000"})
    press_key(at, "play")
    walk = walk_of(at)
    wait_until(lambda: trainer_of(at).step_count > 50)
    see(at.run())
    assert walk_of(at) is walk
    assert "the numbers below stay those of step 1" in all_text(at)
    assert labelled(at, "Take this step").disabled
    press(at, "Take a new batch")
    assert at.session_state[session.WALK].step > 40
    press_key(at, "play")  # pause
    for _ in range(100):  # as the page's own look for the end of the run
        if not labelled(see(at.run()), "Take this step").disabled:
            break
    assert at.session_state[session.WALK].step == trainer_of(at).step_count


def test_a_lost_run_says_what_it_shows(visit):
    query = {**SMALL, "hidden_layers": "none", "loss": "mean_squared_error", "learning_rate": "10"}
    at = visit(query, steps=300)
    assert at.error, "the notice of the run itself"
    walk = walk_of(at)
    go_to_stage(at, walk.keys[-1])
    assert walk.stopped in all_text(at)
    for question in ("Is the gradient right?", "Find the fault", "Why p − y?", "Too long a step?"):
        choose_key(at, "backprop_question", question)


def test_a_reset_leaves_no_old_trainer_behind(visit):
    at = go_to_stage(visit(steps=3), "dW1")
    old = weakref.ref(trainer_of(at))
    press_key(at, "reset")
    see(at.run())
    gc.collect()
    assert old() is None
    assert walk_of(at).network.parameters is not None


def test_a_reset_on_another_page_drops_the_walk(visit):
    at = visit(steps=3)
    old = weakref.ref(trainer_of(at))
    go(at, "live")
    press_key(at, "reset")
    see(at.run())
    gc.collect()
    assert session.WALK not in at.session_state
    assert old() is None


# -- questions


def test_the_loss_along_the_step(visit):
    at = visit(steps=5)
    walk = walk_of(at)
    (figure,) = [json.loads(text) for text in data_of(at, "backprop_curve")["figures"]]
    assert figure["data"][1]["text"][0].startswith("chosen")
    assert f"from {walk.loss:.4g} to {walk.loss_after:.4g}" in all_text(at)


def test_the_gradient_check_and_a_fault(visit):
    at = choose_key(visit(steps=5), "backprop_question", "Is the gradient right?")
    assert "All arrays agree" in all_text(at)
    (select,) = [one for one in at.selectbox if one.key == "backprop_bug"]
    see(select.set_value("bias").run())
    choose_key(at, "backprop_place", 1)
    assert "The fault is in output" in all_text(at)
    assert "| db₂ |" in all_text(at)
    select = next(one for one in at.selectbox if one.key == "backprop_bug")
    see(select.set_value("mean").run())
    assert "The fault is in the loss" in all_text(at)
    select = next(one for one in at.selectbox if one.key == "backprop_bug")
    see(select.set_value("mask").run())
    assert "The fault is in hidden 1" in all_text(at)


def test_the_game_keeps_the_score(visit):
    at = choose_key(visit(steps=5), "backprop_question", "Find the fault")
    game = at.session_state[session.WALK_CHECKS].game
    assert "✗" in all_text(at)
    choose_key(at, "backprop_guess", game.bug.layer)
    assert "✓ Right" in all_text(at)
    assert "Found so far: 1 of 1" in all_text(at)
    press(at, "Another one")
    game = at.session_state[session.WALK_CHECKS].game
    choose_key(at, "backprop_guess", (game.bug.layer + 1) % 3)
    assert "✗ Not" in all_text(at)
    assert "Found so far: 1 of 2" in all_text(at)
    press(at, "Another one")
    (hard,) = [one for one in at.main.get("toggle") if one.key == "backprop_hard"]
    see(hard.set_value(True).run())
    assert "relative error |" not in all_text(at)


def test_softmax_and_cross_entropy_together_and_apart(visit):
    at = choose_key(visit(steps=5), "backprop_question", "Why p − y?")
    assert "The largest difference over all 32 digits is" in all_text(at)
    assert "| class | p | y | together | on its own |" in all_text(at)


def test_where_two_ways_agree_exactly_no_rounding_is_blamed(visit, monkeypatch):
    monkeypatch.setattr(analysis_walk, "cross_entropy", lambda logits, labels: (0.0, np.zeros_like(logits)))
    monkeypatch.setattr(analysis_walk.Softmax, "backward", lambda self, dp: np.zeros_like(dp))
    at = choose_key(visit({**SMALL, "batch_size": "1"}), "backprop_question", "Why p − y?")
    assert "The two are the very same numbers for this digit." in all_text(at)
    assert "rounding" not in all_text(at)
    assert "all 1 digit" not in all_text(at)


def test_numbers_have_a_minus_sign_and_thousands_separators(visit):
    at = go_to_stage(visit({**SMALL, "train_size": "2000", "batch_size": "1024"}), "after")
    (words,) = [element.value for element in at.markdown if element.value.startswith("The loss goes from")]
    assert "(−" in words
    assert "-" not in words
    drawing = data_of(at, "backprop_graph")["wide"]
    assert "1,024 × 784" in drawing
    assert "1024" not in drawing


def test_the_derivations_are_there_in_three_ways(visit):
    at = visit()
    assert [box.label for box in at.expander if "derivation" in box.label] == [
        "The derivation, by indices and partial derivatives",
        "The derivation, by differentials and traces",
        "The derivation, as a chain of modules",
    ]
    for words in (r"\operatorname{tr}", r"\frac{\partial L}{\partial W_{ik}}", "| linear |"):
        assert words in all_text(at)
