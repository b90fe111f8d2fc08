"""The drawing page through the front door: what stands on the paper is read, explained, changed and taught."""

import gc
import io
import math
import weakref

import numpy as np
import pytest
from PIL import Image

from mlp.analysis import HiddenDigits, digit_from_strokes, pretrained_network
from mlp.data import load_dataset
from mlp.ui.board import MOST_POINTS, SIDE, Board
from mlp.ui.subject import Subject
from mlp.viz.palette import LIGHT

from .app_page import SMALL, all_text, choose, data_of, go, labelled, press, see, widget

SEVEN = [[(70.0, 62.0), (200.0, 56.0), (172.0, 120.0), (140.0, 180.0), (118.0, 238.0)]]
ONE = [[(146.0, 34.0), (140.0, 140.0), (134.0, 246.0)]]
QUESTIONS = ("Why this answer?", "How sure, if it moves?", "Can it be fooled?", "Teach it")


@pytest.fixture
def visit(open_app):
    """Opens the drawing page, after the start page, with a network of these settings."""

    def open_page(query=SMALL):
        return go(open_app(query), "draw")

    return open_page


def draw(at, strokes):
    """Puts strokes on the paper, as the browser sends them."""
    board = at.session_state["board"]
    board.hear({"strokes": strokes, "pen": 16, "picture": False, "down": False, "edition": board.edition, "stamp": 1})
    return see(at.run())


def answer(at):
    return data_of(at, "drawing_board")["answer"]["name"]


def take(at, number):
    (field,) = [each for each in at.number_input if each.label == "Number"]
    field.set_value(number).run()
    return see(at.run())


def upload(at, name, data):
    (uploader,) = [each for each in at.file_uploader if each.label == "A digit on paper or screen"]
    uploader.set_value(None if name is None else (name, data, "application/octet-stream")).run()
    return see(at.run())


def ask(at, question):
    return choose(at, "button_group", "Question", question)


def put(at, position, class_name=None):
    """Puts a test digit on the paper, as another page hands it over."""
    digits = load_dataset("mnist").test
    name = str(digits.labels[position]) if class_name is None else class_name
    at.session_state["subject"] = Subject(digits.images[position], name, f"test digit {position}")
    return see(at.run())


def undo(at):
    """Undo beyond the strokes, as the browser asks for it."""
    assert data_of(at, "drawing_board")["below"], "Undo is grey"
    board = at.session_state["board"]
    said = {"strokes": [], "pen": 16, "picture": True, "down": False, "back": True}
    board.hear({**said, "edition": board.edition, "stamp": 2})
    return see(at.run())


# -- the board


def test_an_empty_board_says_what_to_do(visit):
    at = visit()
    assert answer(at) == ""
    assert all(bar["words"] == "" and not bar["winner"] for bar in data_of(at, "drawing_board")["bars"])
    for question in QUESTIONS[:3]:
        ask(at, question)
        assert "Draw a digit above" in all_text(at)


def test_the_pretrained_network_reads_a_drawing_before_any_training(visit):
    at = draw(visit(), SEVEN)
    assert answer(at) == "7"
    shares = pretrained_network().predict_proba(digit_from_strokes(SEVEN, (SIDE, SIDE))[None])[0]
    shown = [bar["share"] for bar in data_of(at, "drawing_board")["bars"]]
    np.testing.assert_allclose(shown, shares, atol=1e-4)


def test_its_accuracy_on_the_page_is_counted(visit):
    digits = load_dataset("mnist").test
    accuracy = (pretrained_network().predict_logits(digits.images).argmax(axis=1) == digits.labels).mean()
    assert f"{accuracy:.2%} of the 10,000 test digits" in all_text(visit())


def test_the_drawing_survives_a_page_switch_and_a_reset(visit):
    at = draw(visit(), SEVEN)
    go(at, "live")
    press(at, "Reset")
    go(at, "draw")
    assert data_of(at, "drawing_board")["strokes"] == [[list(point) for point in SEVEN[0]]]
    assert answer(at) == "7"


def test_each_stage_is_shown_and_can_be_switched_off(visit):
    at = draw(visit(), [[(x * 0.3 + 5, y * 0.3 + 190) for x, y in SEVEN[0]]])  # small, in a corner
    assert answer(at) == "7"
    before = data_of(at, "draw_stages")["stages"]
    assert [stage["name"] for stage in before] == ["What you see", "Cropped", "Scaled", "Centred"]
    for label in ("Crop", "Scale", "Centre by mass"):
        choose(at, "toggle", label, False)
    after = data_of(at, "draw_stages")["stages"]
    assert [stage["off"] for stage in after] == [False, True, True, True]
    assert all(stage["words"].startswith("Off: ") for stage in after[1:])
    assert before[-1]["picture"] != after[-1]["picture"]
    assert answer(at) != "7"


def test_a_single_dot_and_a_line_over_the_edge_get_an_answer(visit):
    at = visit()
    for strokes in ([[(140.0, 140.0)]], [[(-50.0, 140.0), (400.0, 150.0)]]):
        draw(at, strokes)
        assert answer(at) in set("0123456789")


def test_a_drawing_outside_the_paper_gets_a_sentence(visit):
    at = draw(visit(), [[(500.0, 500.0), (600.0, 600.0)]])
    assert data_of(at, "drawing_board")["answer"] == {
        "name": "",
        "words": "The drawing is empty: all of it lies outside the canvas.",
    }


def test_what_the_browser_sends_is_checked():
    board = Board()
    good = {"strokes": SEVEN, "pen": 16, "picture": False, "down": True, "edition": 0, "stamp": 5}
    board.hear(good)
    assert (board.strokes, board.down, board.stamp) == (SEVEN, True, 5)
    for bad in (
        None,
        [],
        {},
        {**good, "strokes": 7},
        {**good, "strokes": [[1, 2, 3]]},
        {**good, "strokes": [[("a", "b")]]},
        {**good, "pen": None},
        {**good, "stamp": "x"},
        {**good, "stamp": math.inf},
        {**good, "pen": math.nan},
        {**good, "strokes": [[(10**400, 1)]]},
        {**good, "edition": 3},
    ):
        board.hear(bad if not isinstance(bad, dict) else {**bad, **({"down": False} if bad else {})})
        assert (board.strokes, board.down, board.stamp) == (SEVEN, True, 5)
    board.hear({**good, "strokes": [[(math.nan, 1.0), (2.0, 3.0)], [], [(math.inf, 0.0)]]})
    assert board.strokes == [[(2.0, 3.0)]]
    board.hear({**good, "strokes": [[(1.0, 2.0)] * MOST_POINTS, SEVEN[0]]})
    assert sum(map(len, board.strokes)) == MOST_POINTS


def test_a_picture_from_another_page_can_be_taken_back(visit):
    at = draw(visit(), SEVEN)
    assert not data_of(at, "drawing_board")["below"]
    put(at, 1)  # a 2
    put(at, 2)  # a 1
    draw(at, [[(x, 30.0) for x in (40.0, 240.0)]])  # over it
    go(go(at, "live"), "draw")
    assert "On the paper" not in all_text(at)
    for digit in (2, 1):
        undo(at)
        assert f"On the paper: test digit {digit}" in all_text(at)
    undo(at)
    assert answer(at) == "7"
    assert data_of(at, "drawing_board")["strokes"] == [[list(point) for point in SEVEN[0]]]
    assert not data_of(at, "drawing_board")["below"]


def test_a_picture_put_on_empty_paper_can_be_taken_back(visit):
    at = undo(put(visit(), 0))
    assert answer(at) == ""
    assert not data_of(at, "drawing_board")["picture"]


# -- who answers


def test_the_own_network_answers_at_the_chosen_moment(visit):
    at = draw(visit(), SEVEN)
    trainer = at.session_state["workbench"].trainer
    pixels = digit_from_strokes(SEVEN, (SIDE, SIDE))[None]
    choose(at, "button_group", "Who answers", "own")
    untrained = trainer.network.predict_proba(pixels)[0]
    np.testing.assert_allclose([bar["share"] for bar in data_of(at, "drawing_board")["bars"]], untrained, atol=1e-4)
    assert "answers with its random initial weights" in all_text(at)
    assert all_text(at).count("Nothing has been learnt yet") == 1
    assert "not learned" not in all_text(at)
    trainer.advance(steps=160)
    see(at.run())
    trained = trainer.network.predict_proba(pixels)[0]
    np.testing.assert_allclose([bar["share"] for bar in data_of(at, "drawing_board")["bars"]], trained, atol=1e-4)
    choose(at, "toggle", "Follow live", False)
    choose(at, "select_slider", "Moment", 0)
    np.testing.assert_allclose([bar["share"] for bar in data_of(at, "drawing_board")["bars"]], untrained, atol=1e-4)


def test_a_trained_network_answers_first(visit):
    at = visit()
    go(at, "live")
    at.session_state["workbench"].trainer.advance(steps=16)
    at2 = go(at, "draw")
    assert widget(at2, "button_group", "Who answers").value == "pretrained"  # chosen before, so it stays


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "query", [{**SMALL, "classes": "1,7,8"}, {**SMALL, "hidden_layers": "none"}, {**SMALL, "hidden_layers": "8,8,8"}]
)
def test_every_question_is_answered_for_other_networks(visit, query, question):
    at = put(visit(query), 0)
    choose(at, "button_group", "Who answers", "own")
    ask(at, question)
    assert answer(at) in set("0123456789")
    assert len(data_of(at, "drawing_board")["bars"]) == (3 if "classes" in query else 10)


def test_a_network_that_is_no_longer_finite_says_so(visit):
    at = draw(visit(), SEVEN)
    choose(at, "button_group", "Who answers", "own")
    at.session_state["workbench"].trainer.network.parameters[:] = np.nan
    see(at.run())
    assert "no longer finite" in data_of(at, "drawing_board")["answer"]["words"]
    for question in QUESTIONS[:3]:
        ask(at, question)
        assert "nothing to explain" in all_text(at)


# -- the questions


def test_a_test_digit_comes_prepared_and_is_named(visit):
    at = put(visit(), 0)
    assert answer(at) == "7"
    assert "test digit 0: it is a 7" in all_text(at)
    assert "comes cropped, scaled and centred" in all_text(at)


def test_a_test_digit_is_taken_by_its_number_in_the_file(visit):
    at = visit({**SMALL, "classes": "1,8"})
    take(at, 3)
    assert "test digit 3: it is a 0" in all_text(at)
    choose(at, "button_group", "Who answers", "own")
    take(at, 2)
    assert "test digit 2: it is a 1" in all_text(at)
    take(at, 0)
    assert "Test digit 0 is of a class that this network does not have" in all_text(at)
    assert "On the paper: test digit 2" in all_text(at)
    press(at, "Any of them")
    number = next(each.value for each in at.number_input if each.label == "Number")
    assert f"On the paper: test digit {number:,}: it is a {load_dataset('mnist').test.labels[number]}" in all_text(at)


def test_a_file_that_is_no_picture_gets_one_sentence(visit):
    at = visit()
    upload(at, "digit.png", b"this is no picture")
    assert [found.value for found in at.warning] == [
        "The file must be a picture, JPEG, PNG, WEBP, GIF, BMP, TIFF, but is none of these."
    ]
    assert data_of(at, "drawing_board")["answer"] == {"name": "", "words": ""}
    upload(at, None, None)
    assert not at.warning


def test_a_picture_without_a_digit_stays_on_the_paper_with_a_sentence(visit):
    file = io.BytesIO()
    Image.new("L", (300, 200), 255).save(file, "PNG")
    at = visit()
    upload(at, "white.png", file.getvalue())
    assert data_of(at, "drawing_board")["answer"]["words"].startswith("The picture has nothing on it")
    assert data_of(at, "drawing_board")["picture"]


def test_why_shows_saliency_units_and_neighbours(visit):
    at = put(visit(), 0)
    pictures = data_of(at, "draw_saliency")["stages"]
    assert [picture["name"] for picture in pictures] == ["What it reads", "Saliency", "Input × gradient"]
    assert len({picture["picture"] for picture in pictures}) == 3
    captions = [tile["caption"] for tile in data_of(at, "draw_neighbours")["tiles"]]
    assert len(captions) == 12
    assert captions.count("7") > 6
    choose(at, "button_group", "What speaks for", 3)
    assert "speaks for 3" in all_text(at)
    assert data_of(at, "draw_saliency")["stages"][1]["picture"] != pictures[1]["picture"]


def test_the_training_digits_are_worked_out_once_for_each_moment(visit, monkeypatch):
    asked, digits = [], HiddenDigits._digits
    monkeypatch.setattr(HiddenDigits, "_digits", lambda self, rows: asked.append(len(rows)) or digits(self, rows))

    def read(at):
        """Of how many training digits the activations were worked out just now."""
        count = sum(asked)
        asked.clear()
        return count

    at = visit({**SMALL, "hidden_layers": "1024"})
    choose(at, "button_group", "Who answers", "own")
    put(at, 0)
    assert read(at) > 500
    first = data_of(at, "draw_neighbours")
    put(at, 1)
    assert read(at) < 500  # only the nearest, exactly
    put(at, 0)
    assert data_of(at, "draw_neighbours") == first
    asked.clear()
    at.session_state["workbench"].trainer.advance(steps=1)
    see(at.run())
    assert read(at) > 500
    assert data_of(at, "draw_neighbours") != first


def test_a_training_step_is_walked_with_it(visit):
    at = press(put(visit(), 0), "Walk a training step with it")
    assert at.title[0].value == "Backpropagation"
    assert "est digit 0" in all_text(at)


def test_how_sure_it_is_when_the_digit_moves(visit):
    at = ask(put(visit(), 0), "How sure, if it moves?")
    assert "it stays **7** in " in all_text(at)
    assert len(data_of(at, "draw_change")["figures"]) == 2


def test_a_step_along_the_gradient_does_more_than_noise(visit):
    at = ask(put(visit(), 0), "Can it be fooled?")
    assert "is enough to change the answer" in all_text(at)
    choose(at, "slider", "ε, as a share of the range from black to white", 0.1)
    _, attacked, noisy = data_of(at, "draw_fooled")["stages"]
    assert attacked["name"] == "Along the gradient"
    assert attacked["words"].startswith("✗ now ")
    assert noisy["words"].startswith("✓ still 7")
    choose(at, "slider", "ε, as a share of the range from black to white", 0.0)
    same = data_of(at, "draw_fooled")["stages"]
    assert len({stage["picture"] for stage in same}) == 1


def test_a_lesson_is_learned_and_what_it_costs_is_shown(visit):
    at = ask(put(visit(), 0), "Teach it")
    choose(at, "button_group", "What is it really?", "3")  # a wrong name, so that there is something to learn
    press(at, "Keep this drawing")
    assert [tile["caption"] for tile in data_of(at, "lesson_drawings")["tiles"]] == ["✗ 7, is 3"]
    choose(at, "slider", "Steps", 100)
    assert [bar.proto.text for bar in at.get("progress")] == ["Press Teach to take 100 steps."]
    press(at, "Teach")
    assert [bar.proto.text for bar in at.get("progress")] == ["Press Teach to take 100 steps."]
    assert not labelled(at, "Teach").disabled
    assert "Taught by you" in widget(at, "button_group", "Who answers").options
    assert [tile["caption"] for tile in data_of(at, "lesson_Before")["tiles"]] == ["✗ 7, is 3"]
    assert [tile["caption"] for tile in data_of(at, "lesson_After")["tiles"]] == ["✓ 3"]
    lesson = at.session_state["album"].taught.lesson
    assert lesson.forgotten > lesson.gained
    assert f"**{lesson.forgotten:,} forgotten**" in all_text(at)
    assert f"and {lesson.gained:,} gained" in all_text(at)
    assert answer(at) == "7"
    press(at, "Let the taught network answer above")
    assert answer(at) == "3"
    choose(at, "button_group", "Who answers", "pretrained")
    assert answer(at) == "7"


def test_a_lesson_needs_a_name_and_may_fail_without_harm(visit):
    at = ask(draw(visit(), ONE), "Teach it")
    press(at, "Keep this drawing")
    assert "press its name" in all_text(at)
    choose(at, "button_group", "What is it really?", "1")
    press(at, "Keep this drawing")
    choose(at, "select_slider", "Learning rate", 1.0)
    press(at, "Teach")  # whether it diverges or not, the network that answers is as it was
    assert answer(at) == "1"
    press(at, "All drawings")
    assert at.session_state["album"].drawings == []


def kept(at):
    return [each.class_name for each in at.session_state["album"].drawings]


def test_a_drawing_kept_again_has_its_new_name_alone(visit):
    at = ask(put(visit(), 0), "Teach it")
    press(at, "Keep this drawing")
    choose(at, "button_group", "What is it really?", "3")
    press(at, "Keep this drawing")
    assert kept(at) == ["3"]
    assert "was kept as 7 before: now it is kept as 3" in all_text(at)
    choose(at, "button_group", "What is it really?", "3")
    press(at, "Keep this drawing")
    assert "kept already" in all_text(at)


def test_one_drawing_of_several_can_be_forgotten(visit):
    at = ask(visit(), "Teach it")
    for position in (0, 1, 2):
        press(put(at, position), "Keep this drawing")
    assert kept(at) == ["7", "2", "1"]
    choose(at, "button_group", "One of them", 1)
    assert kept(at) == ["7", "1"]
    assert len(data_of(at, "lesson_drawings")["tiles"]) == 2
    assert widget(at, "button_group", "One of them").value is None


def test_each_class_keeps_its_own_colour_whatever_the_others(visit):
    """Of the classes 1, 7 and 8 a 7 has the colour of a 7, not that of the second class."""
    at = put(visit({**SMALL, "classes": "1,7,8"}), 0)
    choose(at, "button_group", "Who answers", "own")
    number = "178".index(answer(at))
    assert data_of(at, "drawing_board")["colour"] == LIGHT.classes[(1, 7, 8)[number]]


def test_a_name_is_that_of_one_drawing(visit):
    at = ask(put(visit(), 0), "Teach it")
    assert widget(at, "button_group", "What is it really?").value == "7"
    press(at, "Keep this drawing")
    put(at, 1)
    assert widget(at, "button_group", "What is it really?").value == "2"
    press(at, "Keep this drawing")
    draw(at, ONE)
    assert widget(at, "button_group", "What is it really?").value is None
    choose(at, "button_group", "What is it really?", "1")
    press(at, "Keep this drawing")
    press(at, "Keep this drawing")
    assert "press its name" in all_text(at)
    assert [kept.class_name for kept in at.session_state["album"].drawings] == ["7", "2", "1"]


def test_a_reset_lets_go_of_the_network_before(visit, wait_until):
    at = put(visit(), 0)
    choose(at, "button_group", "Who answers", "own")
    for question in QUESTIONS:
        ask(at, question)
    press(at, "Keep this drawing")
    press(at, "Teach")
    old = weakref.ref(at.session_state["workbench"].trainer)
    go(at, "live")
    press(at, "Reset")

    def gone():
        gc.collect()
        return old() is None

    wait_until(gone, timeout=10)
    go(at, "draw")
    assert widget(at, "button_group", "Who answers").value == "own"


def test_drawings_of_classes_that_the_network_lacks_are_left_out(visit):
    at = ask(put(visit({**SMALL, "classes": "1,8"}), 0), "Teach it")
    press(at, "Keep this drawing")
    choose(at, "button_group", "Who answers", "own")
    assert "does not have their class: 1" in all_text(at)
