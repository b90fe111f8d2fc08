"""First right, forgotten, never learnt: by hand; and the moments that are looked at."""

import numpy as np
import pytest

from mlp.analysis import Biographies, answers_from, first_right, forgetting_events
from mlp.analysis.biographies import MOST_MOMENTS

RIGHT = np.array(
    # never, always, late, forgotten twice, forgotten at the end
    [
        [0, 1, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 1, 1, 1, 1],
        [0, 1, 1, 0, 0],
    ],
    bool,
)


def answers(*right):
    """Of digits of class 0, answered 0 where right and 1 where wrong."""
    logits = np.where(np.array(right, bool)[:, None], [1.0, 0.0], [0.0, 1.0]).astype(np.float32)
    return answers_from(logits, np.zeros(len(right), np.int64))


def test_first_right():
    assert first_right(RIGHT).tolist() == [-1, 0, 2, 0, 1]


def test_forgetting_is_from_right_to_wrong():
    assert forgetting_events(RIGHT).tolist() == [0, 0, 0, 2, 1]


@pytest.mark.parametrize("moments", [0, 1])
def test_nothing_is_forgotten_at_a_single_moment(moments):
    right = np.ones((moments, 3), bool)
    assert forgetting_events(right).tolist() == [0, 0, 0]
    assert first_right(right).tolist() == [0 if moments else -1] * 3


def test_moments_are_gathered_in_any_order():
    found = Biographies(2)
    found.choose([0, 5, 9])
    assert found.missing == [0, 5, 9]
    assert found.right.shape == (0, 2)
    found.add(9, answers(1, 0))
    found.add(0, answers(0, 0))
    assert (found.missing, found.steps, found.moments) == ([5], [0, 9], 3)
    assert found.right.tolist() == [[False, False], [True, False]]
    probabilities, right = found.of(0)
    sigmoid = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(probabilities, [1 - sigmoid, sigmoid], atol=1e-3)
    assert right.tolist() == [False, True]


def test_what_was_not_asked_for_is_not_kept():
    found = Biographies(1)
    found.choose([0, 5])
    found.add(7, answers(1))
    assert found.steps == []


def test_moments_that_are_gone_are_forgotten_and_those_known_stay():
    found = Biographies(1)
    found.choose([0, 5, 9])
    for step in (0, 5, 9):
        found.add(step, answers(1))
    found.choose([0, 9, 12])
    assert (found.steps, found.missing) == ([0, 9], [12])


def test_a_moment_that_cannot_be_had_is_not_waited_for():
    found = Biographies(1)
    found.choose([0, 5])
    found.give_up(5)
    assert found.missing == [0]


def test_of_many_moments_an_even_choice_is_looked_at_with_both_ends():
    found, steps = Biographies(1), list(range(0, 50_000, 10))
    found.choose(steps)
    assert len(found.missing) <= MOST_MOMENTS
    assert found.missing[0] == 0
    assert found.missing[-1] == steps[-1]
    assert np.diff(found.missing).max() <= 3 * len(steps) / MOST_MOMENTS * 10


def test_the_first_steps_stay_however_long_the_run():
    found, early = Biographies(1), [0, 1, 2, 4, 8, 16, 32, 64]
    for last in range(100, 60_000, 100):
        found.choose([*early, *range(100, last + 1, 100)])
    assert set(early) <= set(found.missing)
    assert np.diff(found.missing).max() <= 3 * 60_000 / MOST_MOMENTS


def test_as_a_run_grows_few_moments_are_looked_at_anew():
    """A choice that moved with each snapshot would ask all networks of before again and again."""
    found, asked = Biographies(1), 0
    for count in range(1, 1000):
        found.choose(range(count))
        for step in found.missing:
            found.add(step, answers(1))
            asked += 1
    assert len(found.steps) <= MOST_MOMENTS
    assert asked < 4 * 1000, f"{asked} answers for 1,000 snapshots"


def test_the_memory_of_a_run_is_bounded():
    found = Biographies(10_000)
    found.choose(range(5000))
    probabilities, right = found.of(0)
    assert probabilities.size == right.size == 0
    found.add(0, answers(*[1] * 10_000))
    kept = sum(array.nbytes for row in found._kept.values() for array in row)
    assert kept * MOST_MOMENTS <= 3_000_000
