"""The confusion matrix and the scores of each class, by hand and against scikit-learn."""

import warnings

import numpy as np
import pytest

from mlp.analysis import class_scores, confusion_matrix, rates

TRUE = np.array([0, 0, 0, 1, 1, 2])
SAID = np.array([0, 0, 1, 1, 1, 0])


def some(seed, K=10, N=2000):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, N)
    return labels, np.where(rng.random(N) < 0.7, labels, rng.integers(0, K, N))


def test_rows_are_true_classes_and_columns_are_answers():
    assert confusion_matrix(TRUE, SAID, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_digits_without_an_answer_are_not_counted():
    assert confusion_matrix(TRUE, np.array([0, -1, 1, 1, -1, 0]), 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_rates_are_shares_of_the_true_class():
    found = rates(np.array([[3, 1], [0, 0]]))
    assert found.tolist() == [[0.75, 0.25], [0, 0]]


def test_scores_by_hand():
    scores = class_scores(TRUE, SAID, 3)
    np.testing.assert_allclose(scores.precision, [2 / 3, 2 / 3, np.nan])
    np.testing.assert_allclose(scores.recall, [2 / 3, 1, 0])
    np.testing.assert_allclose(scores.f1, [2 / 3, 0.8, 0])
    assert scores.support.tolist() == [3, 2, 1]


def test_a_digit_without_an_answer_is_one_that_was_not_found():
    scores = class_scores(np.array([0, 0, 1]), np.array([0, -1, 1]), 2)
    assert scores.recall.tolist() == [0.5, 1]
    assert scores.precision.tolist() == [1, 1]
    assert scores.support.tolist() == [2, 1]


def test_what_cannot_be_said_is_not_a_number_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = class_scores(np.array([0, 0]), np.array([0, 0]), 3)
    assert np.isnan(scores.precision).tolist() == [False, True, True]
    assert np.isnan(scores.recall).tolist() == [False, True, True]
    assert np.isnan(scores.f1).tolist() == [False, True, True]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("K", [2, 10])
def test_as_scikit_learn_has_it(seed, K):
    metrics = pytest.importorskip("sklearn.metrics")
    labels, predicted = some(seed, K)
    np.testing.assert_array_equal(
        confusion_matrix(labels, predicted, K), metrics.confusion_matrix(labels, predicted, labels=range(K))
    )
    wanted = metrics.precision_recall_fscore_support(labels, predicted, labels=range(K))
    scores = class_scores(labels, predicted, K)
    for found, expected in zip((scores.precision, scores.recall, scores.f1, scores.support), wanted, strict=True):
        np.testing.assert_allclose(found, expected)
