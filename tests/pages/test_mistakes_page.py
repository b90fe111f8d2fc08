"""The mistakes page through the front door: every count, list and curve is that of the chosen moment's network."""

import base64
import csv
import gc
import io
import re
import weakref

import numpy as np
import pytest
import streamlit as st

from mlp.analysis import Biographies, classify, confusion_matrix, forgetting_events, order_digits, predictions_csv
from mlp.data import Dataset
from mlp.training import RunConfig, Trainer
from mlp.ui import mistake_answers, mistakes

from .app_page import (
    DIVERGES,
    SMALL,
    all_text,
    choose,
    data_of,
    figure,
    go,
    hold,
    network_at,
    numbers,
    press,
    see,
    train,
    trainer_of,
    widget,
)


@pytest.fixture
def visit(open_app):
    """Opens the mistakes page with a network of these settings, or with a trainer in hand."""

    def open_page(query=SMALL, trainer=None):
        at = open_app(query)
        if trainer is not None:
            at.session_state["workbench"].trainer = trainer
        return go(at, "mistakes")

    return open_page


def main_text(at):
    """Every word of the page without the sidebar's."""
    return all_text(at.main)


def press_with(at, words):
    """Presses the only button whose label has these words in it."""
    (button,) = [one for one in at.button if words in one.label]
    return see(button.click().run())


# -- seeing and pressing


def tiles(at):
    return data_of(at, "mistakes_tiles")["tiles"]


def listed(at):
    return [tile["number"] for tile in tiles(at)]


def grid(at):
    return [[cell["text"] for cell in row] for row in data_of(at, "mistakes_confusion")["cells"]]


def count_of(text):
    return int(text.replace(",", "") or 0)


def filter_to(at, truth, answer):
    """As a press on a cell does (tests/browser presses it)."""
    at.session_state["mistakes_cell"] = truth, answer
    return see(at.run())


def choose_digit(at, index, split="test"):
    at.session_state["mistakes_digit"] = trainer_of(at).dataset.name, split, index
    return see(at.run())


def answers_at(at, step=None, split="test"):
    network = trainer_of(at).network if step is None else network_at(at, step)
    return classify(network, getattr(trainer_of(at).dataset, split))


def biographies(at, split="test"):
    """Of all moments that were kept, worked out apart."""
    trainer = trainer_of(at)
    digits = getattr(trainer.dataset, split)
    found, twin = Biographies(len(digits)), trainer.network.copy()
    steps = sorted({*trainer.snapshots.steps, trainer.step_count})
    found.choose(steps)
    for step in steps:
        twin.parameters[:] = (
            trainer.network.parameters if step == trainer.step_count else trainer.snapshots.at(step).parameters
        )
        found.add(step, classify(twin, digits))
    return found


# -- the count and the list


def test_it_leads_with_the_count(visit):
    at = train(visit(), 40)
    answers = answers_at(at)
    wrong = int((~answers.right).sum())
    assert f"{wrong:,} of 10,000 test digits are wrong: accuracy {1 - wrong / 10_000:.2%}" in main_text(at)


def test_before_the_first_step_the_mistakes_of_the_initial_weights_are_shown(visit):
    at = visit()
    assert "Nothing has been learnt yet" in at.info[0].value
    assert len(tiles(at)) == 20
    assert re.search(r"[89],\d{3} of 10,000 test digits are wrong", main_text(at))
    assert "Its biography appears here as the network trains" in main_text(at)
    assert "1 moments" not in main_text(at)


@pytest.mark.parametrize("by", ["loss", "confident", "unsure", "forgotten"])
def test_each_order_lists_its_digits(visit, by):
    at = choose(train(visit(), 60), "selectbox", "Which first", by)
    answers = answers_at(at)
    forgotten = forgetting_events(biographies(at).right)
    wanted = order_digits(answers, by, forgotten)[:20]
    assert listed(at) == wanted.tolist()
    if by == "forgotten":
        assert tiles(at)[0]["notes"][0].startswith(f"forgotten {forgotten[wanted[0]]}×")


def test_a_tile_tells_class_answer_loss_index_and_all_probabilities(visit):
    at = train(visit(), 40)
    answers, first = answers_at(at), tiles(at)[0]
    position = first["number"]
    truth, answer = int(answers.labels[position]), int(answers.predicted[position])
    assert first["caption"] == f"✗ {answer}, is {truth}"
    assert (first["truth"], first["answer"]) == (truth, answer)
    assert first["notes"] == [f"loss {answers.losses[position]:#.3g}", f"no. {position:,}"]
    np.testing.assert_allclose(first["probabilities"], answers.probabilities[position], atol=1e-4)
    for part in (f"{position:,}", f"answered {answer}", f"it is {truth}", f"{answers.losses[position]:#.3g}"):
        assert part in first["description"]
    pixels = base64.b64decode(data_of(at, "mistakes_tiles")["pixels"])
    assert pixels[:784] == trainer_of(at).dataset.test.images[position].tobytes()


@pytest.mark.parametrize("count", [5, 100])
def test_as_many_are_shown_as_asked_for(visit, count):
    at = choose(train(visit(), 10), "slider", "How many", count)
    assert len(tiles(at)) == count


def test_validation_digits_have_the_numbers_of_the_training_file(visit):
    at = choose(train(visit(), 40), "button_group", "Digits", "validation")
    answers, digits = answers_at(at, split="validation"), trainer_of(at).dataset.validation
    assert f"{int((~answers.right).sum())} of 200 validation digits are wrong" in main_text(at)
    assert listed(at) == digits.indices[order_digits(answers)[:20]].tolist()
    assert sum(count_of(text) for row in grid(at) for text in row) == 200


def test_everything_is_of_the_chosen_moment(visit):
    at = hold(train(visit(), 60), 8)
    answers = answers_at(at, 8)
    assert f"{int((~answers.right).sum()):,} of 10,000" in main_text(at)
    assert listed(at) == order_digits(answers)[:20].tolist()
    wanted = confusion_matrix(answers.labels, answers.predicted, 10)
    assert [[count_of(text) for text in row] for row in grid(at)] == wanted.tolist()
    assert {shape["x0"] for shape in figure(at, "biography")["layout"]["shapes"]} == {8}


# -- the confusion matrix as a filter


def test_a_cell_filters_the_list_and_the_chip_clears_it(visit):
    at = train(visit(), 40)
    answers = answers_at(at)
    matrix = confusion_matrix(answers.labels, answers.predicted, 10)
    truth, answer = np.unravel_index(np.argmax(matrix - np.diag(matrix.diagonal())), matrix.shape)
    at = filter_to(at, str(truth), str(answer))
    assert {(tile["truth"], tile["answer"]) for tile in tiles(at)} == {(truth, answer)}
    assert data_of(at, "mistakes_confusion")["chosen"] == [truth, answer]
    assert any(f"{truth} taken for {answer} · {matrix[truth, answer]} digits" in one.label for one in at.button)
    at = press_with(at, "taken for")
    assert len({(tile["truth"], tile["answer"]) for tile in tiles(at)}) > 1
    assert data_of(at, "mistakes_confusion")["chosen"] is None


def test_a_cell_that_is_empty_at_another_moment_says_so_and_can_be_cleared(visit):
    at = train(visit(), 60)
    answers = answers_at(at, 0)
    matrix = confusion_matrix(answers.labels, answers.predicted, 10)
    truth, answer = np.argwhere((matrix == 0) & ~np.eye(10, dtype=bool))[0]
    at = hold(filter_to(at, str(truth), str(answer)), 0)
    assert any(f"No digit is “{truth} taken for {answer}”" in notice.value for notice in at.info)
    assert tiles(at) == []
    at = press_with(at, f"{truth} taken for {answer} · 0 digits")
    assert len(tiles(at)) == 20


def test_an_order_without_any_digit_of_the_cell_says_so(visit):
    at = filter_to(choose(train(visit(), 40), "selectbox", "Which first", "unsure"), "4", "9")
    assert any("no digit in common" in notice.value for notice in at.info)


def test_rates_are_percentages_of_the_true_class(visit):
    at = choose(train(visit(), 40), "button_group", "Confusion matrix", True)
    answers = answers_at(at)
    matrix = confusion_matrix(answers.labels, answers.predicted, 10)
    wanted = 100 * matrix / matrix.sum(axis=1, keepdims=True)
    np.testing.assert_allclose([[float(text or 0) for text in row] for row in grid(at)], wanted, atol=0.051)


def test_the_diagonal_and_empty_cells_have_no_colour_and_mistakes_have(visit):
    at = train(visit(), 40)
    for row, cells in enumerate(data_of(at, "mistakes_confusion")["cells"]):
        for column, cell in enumerate(cells):
            assert (cell["colours"] is None) == (row == column or cell["text"] == "")


# -- one digit


def test_the_first_of_the_list_is_told_about_until_another_is_chosen(visit):
    at = train(visit(), 40)
    assert f"Test digit {listed(at)[0]:,}" in main_text(at)
    at = choose_digit(at, 1234)
    assert "Test digit 1,234" in main_text(at)
    at = train(at, 40)
    assert "Test digit 1,234" in main_text(at), "it stays while the list changes"


def test_the_biography_is_that_of_the_networks_of_before(visit):
    at = choose_digit(train(visit(), 60), 77)
    found = biographies(at)
    probabilities, right = found.of(77)
    line, hits, misses = figure(at, "biography")["data"]
    assert numbers(line["x"]).tolist() == found.steps
    np.testing.assert_allclose(numbers(line["y"]), probabilities, atol=2e-3)
    assert numbers(hits["x"]).tolist() == np.array(found.steps)[right].tolist()
    assert numbers(misses["x"]).tolist() == np.array(found.steps)[~right].tolist()


@pytest.mark.parametrize("kind", ["never right", "never forgotten", "forgotten once", "forgotten twice"])
def test_its_life_is_told_in_words(visit, kind):
    at = train(visit(), 60)
    found = biographies(at)
    forgotten, ever = forgetting_events(found.right), found.right.any(axis=0)
    which = {
        "never right": ~ever,
        "never forgotten": ever & (forgotten == 0),
        "forgotten once": forgotten == 1,
        "forgotten twice": forgotten == 2,
    }[kind]
    digit = int(np.flatnonzero(which)[0])
    text = main_text(choose_digit(at, digit))
    assert kind in text
    if ever[digit]:
        step = found.steps[int(found.right[:, digit].argmax())]
        assert ("with the initial weights" if step == 0 else f"First right at step {step:,}") in text
        assert f"right at {int(found.right[:, digit].sum())} of {len(found.steps)} moments" in text


def test_looking_back_goes_on_by_itself_a_little_at_each_redraw(visit, monkeypatch):
    monkeypatch.setattr(mistake_answers, "LOOK_BACK_SECONDS", 0.0)  # a single network each time
    asked, told = [], []
    classify_, caption = mistake_answers.classify, st.caption
    monkeypatch.setattr(mistake_answers, "classify", lambda *given: asked.append(1) or classify_(*given))
    monkeypatch.setattr(st, "caption", lambda text, **more: told.append(text) or caption(text, **more))
    at = train(visit(), 61)
    assert numbers(figure(at, "biography")["data"][0]["x"]).tolist() == [*trainer_of(at).snapshots.steps, 61]
    progress = [text for text in told if text.startswith("Looked back at")]
    total = len(trainer_of(at).snapshots.steps) + 1
    assert f"Looked back at 2 of {total} moments so far." in progress
    assert len(set(progress)) > 3
    asked.clear()
    see(at.run())
    assert not asked, "what is known is not asked again"


def test_the_digit_opens_on_the_drawing_page(visit):
    at = press(choose_digit(train(visit(), 10), 4321), "Open on the drawing page")
    assert at.title[0].value == "Draw a digit"


def test_the_digit_opens_on_the_backpropagation_page(visit):
    at = press(choose_digit(train(visit(), 10), 4321), "Open on the backpropagation page")
    assert at.title[0].value == "Backpropagation"
    assert "est digit 4,321" in main_text(at)


def test_there_the_network_answers_whose_mistake_it_is(visit):
    at = train(visit(), 10)
    go(at, "draw")
    choose(at, "button_group", "Who answers", "pretrained")
    go(at, "mistakes")
    at = press(choose_digit(at, 4321), "Open on the drawing page")
    assert widget(at, "button_group", "Who answers").value == "own"
    assert "On the paper: test digit 4,321" in main_text(at)


def test_what_was_handed_to_the_drawing_page_is_the_digit(visit, monkeypatch):
    handed = []
    monkeypatch.setattr(mistakes, "open_drawing_page", handed.append)
    at = press(choose_digit(train(visit({**SMALL, "classes": "1,7,8"}), 10), 5642), "Open on the drawing page")
    (subject,) = handed
    digits = trainer_of(at).dataset.test
    np.testing.assert_array_equal(subject.pixels, digits.source[5642])
    assert (subject.class_name, subject.title) == ("1", "test digit 5,642")


# -- classes and calibration


def test_class_by_class_stands_in_a_table(visit):
    at = train(visit(), 40)
    answers = answers_at(at)
    (table,) = [text.value for text in at.markdown if text.value.startswith("| Class")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert [row[0] for row in rows] == [str(k) for k in range(10)]
    for k, row in enumerate(rows):
        hits = np.count_nonzero(answers.right & (answers.labels == k))
        assert row[4] == f"{np.count_nonzero(answers.labels == k):,}"
        assert row[2] == f"{hits / np.count_nonzero(answers.labels == k):.1%}"
        said = np.count_nonzero(answers.predicted == k)
        assert row[1] == (f"{hits / said:.1%}" if said else "–")


def test_a_class_that_is_never_answered_has_a_dash(visit):
    at = visit()
    trainer_of(at).network.parameters[:] = 0  # all logits alike: every digit is taken for a 0
    del at.session_state["mistakes_biographies"]
    see(at.run())
    (table,) = [text.value for text in at.markdown if text.value.startswith("| Class")]
    for k in range(1, 10):
        assert re.match(rf"\| {k} \| – \| 0\.0% \|", table.splitlines()[2 + k])


def test_calibration_is_that_of_the_answers(visit):
    at = train(visit(), 40)
    answers = answers_at(at)
    gap = 0.0
    for low in np.linspace(0, 0.9, 10):
        own = (answers.confidence > low) & (answers.confidence <= low + 0.1)
        if own.any():
            gap += own.mean() * abs(answers.right[own].mean() - answers.confidence[own].mean())
    words = figure(at, "calibration")["layout"]["title"]["subtitle"]["text"]
    assert words.startswith(f"On average {100 * gap:.1f} percentage points off, ")
    assert "expected calibration error" in main_text(at)
    assert "Faint bars are of fewer" in main_text(at)


# -- files


def test_predictions_are_saved_as_a_table(visit):
    at = train(visit({**SMALL, "classes": "1,7,8"}), 40)
    answers, indices = answers_at(at), trainer_of(at).dataset.test.indices
    rows = list(csv.reader(io.StringIO(predictions_csv(answers, indices, ("1", "7", "8")).decode())))
    assert rows[0] == ["index", "true", "predicted", "loss", "probability 1", "probability 7", "probability 8"]
    assert len(rows) == 1 + len(indices)
    for row, position in ((rows[1], 0), (rows[-1], len(indices) - 1)):
        assert row[0] == str(indices[position])
        assert row[1] == "178"[answers.labels[position]]
        assert row[2] == "178"[answers.predicted[position]]
        assert float(row[3]) == pytest.approx(answers.losses[position], rel=1e-4)
        np.testing.assert_allclose([float(p) for p in row[4:]], answers.probabilities[position], rtol=1e-4)
    (button,) = at.get("download_button")
    assert button.proto.label == "Predictions"
    assert not button.proto.disabled


# -- at the edges


def test_classes_of_a_subset_keep_their_names_and_numbers(visit):
    at = train(visit({**SMALL, "classes": "4,9"}), 30)
    assert data_of(at, "mistakes_confusion")["names"] == ["4", "9"]
    digits, answers = trainer_of(at).dataset.test, answers_at(at)
    assert listed(at) == digits.indices[order_digits(answers)[:20]].tolist()
    assert all(len(tile["probabilities"]) == 2 for tile in tiles(at))


def test_without_validation_digits_the_choice_is_closed_and_says_why(visit):
    at = train(visit({**SMALL, "validation_size": "0"}), 10)
    control = widget(at, "button_group", "Digits")
    assert control.proto.disabled
    assert "no validation digits" in control.proto.help
    assert "test digits are wrong" in main_text(at)


def test_validation_chosen_before_does_not_break_a_run_without(visit):
    at = choose(train(visit(), 10), "button_group", "Digits", "validation")
    at.session_state["workbench"].trainer = Trainer(RunConfig(train_size=100, validation_size=0, hidden_layers=(8,)))
    assert "test digits are wrong" in main_text(see(at.run()))


def test_a_network_without_hidden_layer(visit):
    at = train(visit({**SMALL, "hidden_layers": "none"}), 40)
    assert listed(at) == order_digits(answers_at(at))[:20].tolist()


def test_a_run_that_diverged_shows_its_last_good_weights(visit):
    at = train(visit(DIVERGES), 400)
    assert trainer_of(at).diverged
    assert "learning rate 10" in at.error[0].value
    assert "test digits are wrong" in main_text(at)
    hold(at, 0)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_where_outputs_are_not_finite_a_sentence_says_so(visit, share):
    at = train(visit(), 5)
    network = trainer_of(at).network
    if share == 1:
        network.linears[-1].b[0] = np.inf  # no digit has an answer
    else:
        network.linears[0].W[28 * 7 + 10 : 28 * 7 + 18] = 3e38  # strokes through the upper middle overflow
    del at.session_state["mistakes_biographies"]
    see(at.run())
    unanswered = int((~answers_at(at).answered).sum())
    assert unanswered == 10_000 if share == 1 else 0 < unanswered < 10_000
    (warning,) = at.warning
    assert "not finite" in warning.value
    if share == 1:
        assert "All 10,000 test digits are wrong: accuracy 0.00%" in main_text(at)
    else:
        assert f"{unanswered:,} of them" in warning.value
        assert sum(count_of(text) for row in grid(at) for text in row) == 10_000 - unanswered
        assert "there is no answer at this moment" in main_text(
            choose_digit(at, int(np.flatnonzero(~answers_at(at).answered)[0]))
        )


def in_hand(size=28, *, answers="right", test=30, names=None):
    """A trainer whose network answers all digits of two kinds right, or all wrong."""
    rng = np.random.default_rng(0)
    images, labels = np.zeros((60, size, size), np.uint8), np.arange(60) % 2
    images[labels == 1, size // 2] = 255
    images += rng.integers(0, 5, images.shape).astype(np.uint8)
    dataset = Dataset.from_arrays(images, labels, images[:test], labels[:test], class_names=names)
    trainer = Trainer(RunConfig(hidden_layers=(8,), batch_size=10, epochs=60), dataset)
    trainer.advance(steps=trainer.total_steps)
    if answers == "wrong":
        trainer.network.linears[-1].W[...] *= -1
        trainer.network.linears[-1].b[...] *= -1
    return trainer


def test_with_nothing_wrong_there_is_no_list_but_a_sentence(visit):
    at = visit(trainer=in_hand())
    assert "None of 30 test digits is wrong: accuracy 100.00%" in main_text(at)
    assert any("no mistake to show" in notice.value for notice in at.info)
    assert tiles(at) == []
    at = choose(at, "selectbox", "Which first", "unsure")
    assert len(tiles(at)) == 20


def test_with_everything_wrong_none_is_right(visit):
    at = choose(visit(trainer=in_hand(answers="wrong")), "selectbox", "Which first", "unsure")
    assert "All 30 test digits are wrong" in main_text(at)
    assert any("None of them is right yet" in notice.value for notice in at.info)


def test_digits_of_another_size_and_names_with_signs_are_shown_too(visit):
    at = visit(trainer=in_hand(8, answers="wrong", names=("a|b *c*", "$d$ [e]")))
    data = data_of(at, "mistakes_tiles")
    assert (data["width"], data["height"], data["readable"]) == (8, 8, False)
    assert not [one for one in at.button if "drawing" in one.label], "the drawing page reads 28 by 28 pixels"
    assert r"a\|b \*c\*" in main_text(at)
    assert data_of(at, "mistakes_confusion")["names"] == ["a|b *c*", "$d$ [e]"]


def test_arrays_without_test_digits_say_so(visit):
    at = visit(trainer=in_hand(test=0))
    assert any("no digits to test" in notice.value for notice in at.info)


def test_what_was_chosen_of_another_dataset_does_not_break_this_one(visit):
    at = choose_digit(filter_to(train(visit(), 10), "4", "9"), 9999)
    at.session_state["workbench"].trainer = in_hand(names=("yes", "no"))
    see(at.run())
    assert data_of(at, "mistakes_confusion")["chosen"] is None
    assert "9,999" not in main_text(at)


def test_a_slow_network_is_asked_now_and_then_while_it_trains(visit, monkeypatch):
    monkeypatch.setattr(mistake_answers, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(mistake_answers, "REST", 1e6)
    at = train(visit(), 20)
    monkeypatch.setattr(mistake_answers, "stands_still", lambda run: False)
    at = train(at, 20)
    assert "These are the answers of step 20" in main_text(at)
    assert f"{int((~answers_at(at, 20).right).sum()):,} of 10,000" in main_text(at)
    monkeypatch.undo()
    assert f"{int((~answers_at(at).right).sum()):,} of 10,000" in main_text(see(at.run()))


def test_choices_are_still_there_after_another_page(visit):
    at = train(visit(), 20)
    choose(at, "selectbox", "Which first", "unsure")
    choose(at, "slider", "How many", 50)
    choose(at, "button_group", "Digits", "validation")
    at = filter_to(choose_digit(at, 5), "3", "3")
    at = go(go(at, "weights"), "mistakes")
    assert widget(at, "selectbox", "Which first").value == "unsure"
    assert widget(at, "slider", "How many").value == 50
    assert "validation digits are wrong" in main_text(at)
    assert data_of(at, "mistakes_confusion")["chosen"] == [3, 3]


def test_a_reset_lets_go_of_the_network_before(visit, wait_until):
    at = choose_digit(train(visit(), 30), 3)
    old = weakref.ref(trainer_of(at))
    press(at, "Reset")

    def gone():
        gc.collect()
        return old() is None

    wait_until(gone, timeout=10)
