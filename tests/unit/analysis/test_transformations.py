"""Answers to a moved and turned digit, against pictures moved and turned by hand."""

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import answers_under_change


@pytest.fixture(scope="module")
def network():
    return MLP([784, 30, 10], "tanh", rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def four(digits):
    return digits.test.images[4]


def moved(pixels, down, right):
    """By hand, pixel by pixel; black comes in."""
    out = np.zeros_like(pixels)
    for y in range(28):
        for x in range(28):
            if 0 <= y + down < 28 and 0 <= x + right < 28:
                out[y + down, x + right] = pixels[y, x]
    return out


def test_every_place_is_the_answer_to_the_picture_moved_there(network, four):
    found = answers_under_change(network, four)
    assert found.by_shift.shape == (9, 9, 10)
    assert found.shifts.tolist() == list(range(-4, 5))
    for i, down in enumerate(range(-4, 5)):
        for j, right in enumerate(range(-4, 5)):
            expected = network.predict_proba(moved(four, down, right)[None])[0]
            np.testing.assert_allclose(found.by_shift[i, j], expected, atol=1e-6)


def test_no_shift_and_no_angle_give_the_original_answer(network, four):
    found = answers_under_change(network, four)
    (original,) = network.predict_proba(four[None])
    for probabilities in (found.probabilities, found.by_shift[4, 4], found.by_angle[6]):
        np.testing.assert_allclose(probabilities, original, atol=1e-6)
    assert found.answer == original.argmax()


def test_a_positive_angle_turns_counter_clockwise(network, four):
    found = answers_under_change(network, four, angles=[-90, 0, 90, 180])
    for row, turns in enumerate((-1, 0, 1, 2)):
        expected = network.predict_proba(np.rot90(four, turns)[None])[0]
        np.testing.assert_allclose(found.by_angle[row], expected, atol=1e-4)


def test_the_angles_are_every_five_degrees(network, four):
    found = answers_under_change(network, four)
    assert found.by_angle.shape == (13, 10)
    assert found.angles.tolist() == list(range(-30, 31, 5))


def test_the_shares_count_the_changes_that_leave_the_answer(network, four):
    found = answers_under_change(network, four)
    answers = found.by_shift.argmax(axis=2)
    kept = sum(answers[i, j] == found.answer for i in range(9) for j in range(9) if (i, j) != (4, 4))
    assert 0 < kept < 80
    assert found.steady_shifts == kept / 80
    turned = [k for k, angle in zip(found.by_angle.argmax(axis=1), found.angles, strict=True) if angle != 0]
    assert found.steady_angles == np.mean([k == found.answer for k in turned])


def test_a_digit_that_is_always_read_alike_is_steady(four):
    network = MLP([784, 10], weight_init="zeros", rng=np.random.default_rng(0))
    found = answers_under_change(network, four)
    assert (found.steady_shifts, found.steady_angles) == (1, 1)


def test_no_change_at_all_has_no_share(network, four):
    found = answers_under_change(network, four, shifts=[0], angles=[])
    assert found.by_angle.shape == (0, 10)
    assert np.isnan([found.steady_shifts, found.steady_angles]).all()


def test_bad_input_is_refused_in_one_sentence(network, four):
    with pytest.raises(ValueError, match=r"shifts must be numbers in \[-14, 14\], got \[0, 15\]"):
        answers_under_change(network, four, shifts=[0, 15])
    with pytest.raises(ValueError, match=r"angles must be numbers in \[-180, 180\], got \[nan\]"):
        answers_under_change(network, four, angles=[np.nan])
    with pytest.raises(ValueError, match=r"pixels must be \(28, 28\) uint8"):
        answers_under_change(network, four.ravel())
