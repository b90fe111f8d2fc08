"""Answers and their orders, against plain loops and hand-made digits."""

import csv

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import Answers, answers_from, classify, order_digits, predictions_csv
from mlp.analysis.mistakes import CHUNK
from mlp.data import Split


def answers(logits, labels):
    return answers_from(np.asarray(logits, np.float32), np.asarray(labels, np.int64))


def four_digits():
    """Two wrong, two right: 0 hesitates, 1 is badly wrong, 2 is sure and right, 3 is right but only just."""
    return answers([[1, 1.2, 0], [0, 9, 0], [9, 0, 0], [0, 0.1, 0]], [0, 2, 0, 1])


# -- answers


def test_the_answers_are_those_of_the_network(digits):
    network = MLP([784, 12, 10], rng=np.random.default_rng(0))
    found = classify(network, digits.test)
    wanted = network.predict_proba(digits.test.images)
    np.testing.assert_allclose(found.probabilities, wanted, rtol=1e-5)
    np.testing.assert_array_equal(found.predicted, wanted.argmax(axis=1))
    np.testing.assert_array_equal(found.right, wanted.argmax(axis=1) == digits.test.labels)
    np.testing.assert_allclose(found.losses, -np.log(wanted[np.arange(10_000), digits.test.labels]), rtol=1e-3)
    np.testing.assert_allclose(found.confidence, wanted.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.true_probabilities, wanted[np.arange(10_000), digits.test.labels], rtol=1e-5)
    assert found.accuracy == pytest.approx(np.mean(found.right))


@pytest.mark.parametrize("count", [1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_every_number_of_digits_is_answered_to_the_last(digits, count):
    split = Split(digits.test.source, digits.test.indices[-count:], digits.test.labels[-count:], digits.test.labels)
    network = MLP([784, 10], rng=np.random.default_rng(0))
    np.testing.assert_allclose(
        classify(network, split).probabilities, network.predict_proba(split.images), rtol=1e-5, atol=1e-7
    )


def test_only_a_chunk_is_ever_there_as_numbers(digits, monkeypatch):
    network, rows = MLP([784, 10], rng=np.random.default_rng(0)), []
    predict = network.predict_logits
    monkeypatch.setattr(network, "predict_logits", lambda images: rows.append(len(images)) or predict(images))
    classify(network, digits.test)
    assert max(rows) <= CHUNK
    assert sum(rows) == 10_000


def test_without_digits_there_is_nothing_and_no_warning(digits):
    empty = Split(digits.test.source, *(array[:0] for array in (digits.test.indices, *2 * (digits.test.labels,))))
    found = classify(MLP([784, 10], rng=np.random.default_rng(0)), empty)
    assert len(found) == 0
    assert np.isnan(found.accuracy)
    assert len(order_digits(found)) == 0


def test_the_loss_is_finite_however_sure_the_network_is():
    found = answers([[1e30, 0], [-1e5, 1e5]], [1, 0])
    np.testing.assert_allclose(found.losses, [1e30, 2e5], rtol=1e-6)
    assert found.probabilities[0, 1] == 0, "the probability itself underflows"


def test_where_a_logit_is_not_finite_there_is_no_answer():
    found = answers([[np.nan, 1], [np.inf, 0], [2, 1]], [1, 0, 0])
    assert found.predicted.tolist() == [-1, -1, 0]
    assert found.right.tolist() == [False, False, True]
    assert found.answered.tolist() == [False, False, True]
    assert np.isnan(found.losses[:2]).all()
    assert np.isnan(found.probabilities[:2]).all()
    for by in ("loss", "confident", "unsure", "forgotten"):
        assert not {0, 1} & set(order_digits(found, by, np.ones(3, int)).tolist()), by


# -- orders


def test_by_loss_the_worst_mistake_comes_first():
    assert order_digits(four_digits(), "loss").tolist() == [1, 0]


def test_confidence_and_loss_are_not_the_same():
    sure_of_it = answers([[0, 3, 0], [0, 2.9, -9]], [0, 2])
    assert order_digits(sure_of_it, "loss").tolist() == [1, 0]
    assert order_digits(sure_of_it, "confident").tolist() == [1, 0]
    torn = answers([[0, 1, -9], [3, 3.5, 0]], [2, 0])
    assert order_digits(torn, "loss").tolist() == [0, 1]
    both = answers([[0, 1.0, 0.9], [0, 3, 0]], [0, 2])
    assert order_digits(both, "confident").tolist() == [1, 0]
    split_in_two = answers([[5, 5.1, -5], [0, 1, -0.5]], [2, 2])
    assert order_digits(split_in_two, "loss").tolist() == [0, 1]
    assert order_digits(split_in_two, "confident").tolist() == [1, 0]


def test_the_least_sure_of_the_right_ones_comes_first():
    assert order_digits(four_digits(), "unsure").tolist() == [3, 2]


def test_the_most_often_forgotten_comes_first_and_the_worse_of_two_alike():
    assert order_digits(four_digits(), "forgotten", np.array([2, 2, 0, 5])).tolist() == [3, 1, 0]


@pytest.mark.parametrize("by", ["loss", "confident", "unsure"])
def test_an_order_holds_just_the_digits_of_its_kind_in_order(digits, by):
    found = classify(MLP([784, 12, 10], rng=np.random.default_rng(0)), digits.test)
    positions = order_digits(found, by)
    kind = np.flatnonzero(found.right if by == "unsure" else ~found.right)
    assert sorted(positions) == kind.tolist()
    values = {"loss": found.losses, "confident": found.confidence, "unsure": -found.confidence}[by][positions]
    assert (np.diff(values) <= 0).all()


def test_of_nothing_wrong_the_list_is_empty():
    assert len(order_digits(answers(np.eye(3), [0, 1, 2]), "loss")) == 0


def test_an_order_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="got 'worst'"):
        order_digits(four_digits(), "worst")
    with pytest.raises(ValueError, match="how often"):
        order_digits(four_digits(), "forgotten")


def test_a_table_of_predictions_leaves_empty_what_is_not_a_number():
    found = answers([[np.nan, 1], [0, 1]], [1, 0])
    text = predictions_csv(found, np.array([7, 9]), ["a, b", "c"]).decode()
    sigmoid = 1 / (1 + np.exp(-1))
    head, first, second = csv.reader(text.splitlines())
    assert head == ["index", "true", "predicted", "loss", "probability a, b", "probability c"]
    assert first == ["7", "c", "", "", "", ""]
    assert second[:3] == ["9", "a, b", "c"]
    np.testing.assert_allclose([float(cell) for cell in second[3:]], [-np.log(1 - sigmoid), 1 - sigmoid, sigmoid], 1e-5)


def test_answers_are_counted():
    found = four_digits()
    assert isinstance(found, Answers)
    assert len(found) == 4
    assert found.accuracy == 0.5
