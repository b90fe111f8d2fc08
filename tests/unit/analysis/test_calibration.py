"""Sureness against right answers, by hand and against scikit-learn."""

import numpy as np
import pytest

from mlp.analysis import reliability


def test_by_hand():
    found = reliability(np.array([0.95, 0.91, 0.99, 0.55, 0.6]), np.array([True, True, False, True, False]), bins=10)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
    assert found.confidence[9] == pytest.approx(0.95)
    assert found.accuracy[9] == pytest.approx(2 / 3)
    assert found.accuracy[5] == 0.5
    assert np.isnan(found.accuracy[0])
    assert found.expected_error == pytest.approx(0.6 * (0.95 - 2 / 3) + 0.4 * 0.075)


def test_a_bin_holds_its_upper_edge_and_the_first_one_zero_too():
    assert reliability(np.array([0.0, 0.1, 0.5, 1.0]), np.ones(4, bool), bins=10).counts.tolist() == [
        *(2, 0, 0, 0, 1),
        *(0, 0, 0, 0, 1),
    ]


def test_who_is_as_often_right_as_sure_is_calibrated():
    sure = np.repeat([0.25, 0.75], 4)
    right = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    assert reliability(sure, right).expected_error == pytest.approx(0)


def test_who_is_always_sure_and_never_right_is_all_wrong():
    found = reliability(np.ones(25), np.zeros(25, bool))
    assert found.expected_error == found.largest_gap == 1


def test_the_largest_gap_is_of_a_bin_with_enough_answers():
    """One digit that was 85% sure and wrong does not make a gap of 85 points."""
    sure = np.concatenate([np.full(19, 0.85), np.full(20, 0.95)])
    right = np.concatenate([np.zeros(19, bool), np.arange(20) < 15])
    assert reliability(sure, right).largest_gap == pytest.approx(0.95 - 0.75)
    assert np.isnan(reliability(sure[:19], right[:19]).largest_gap)


def test_without_answers_there_is_no_number():
    for sure in (np.empty(0), np.full(3, np.nan)):
        found = reliability(sure, np.zeros(len(sure), bool))
        assert np.isnan(found.expected_error)
        assert np.isnan(found.largest_gap)
        assert not found.counts.any()


def test_what_is_not_a_number_is_left_out():
    assert reliability(np.array([np.nan, 0.9]), np.array([False, True])).counts.sum() == 1


def test_the_number_of_bins_is_checked():
    with pytest.raises(ValueError, match="got 0"):
        reliability(np.ones(1), np.ones(1, bool), bins=0)


@pytest.mark.parametrize("seed", range(3))
def test_as_scikit_learn_has_it(seed):
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(seed)
    sure = rng.random(3000)
    right = rng.random(3000) < sure**2
    found = reliability(sure, right, bins=15)
    accuracy, confidence = calibration.calibration_curve(right, sure, n_bins=15)
    filled = found.counts > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracy)
    np.testing.assert_allclose(found.confidence[filled], confidence)
    assert found.expected_error == pytest.approx(
        np.average(np.abs(accuracy - confidence), weights=found.counts[filled])
    )
