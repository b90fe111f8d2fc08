"""The history: rows that grow, copies that stand still, and the way into arrays and back."""

import numpy as np
import pytest

from mlp.training import Curve, EpochRecord, History, ValidationCheck


def grown(steps):
    curve = Curve()
    for step in range(steps):
        curve.append(step + 0.5, step / 10_000, 0.1, 2.0 * step)
    return curve


def history(epochs=2):
    found = History(steps=grown(20))
    for epoch in range(1, epochs + 1):
        found.epochs.append(EpochRecord(epoch, 10 * epoch, 1.5, 0.25, 0.5, np.nan, np.nan, 1.25, 0.625, 3.1))
        found.checks.append(ValidationCheck(10 * epoch, 3.1 * epoch, 1.1, 0.7))
    return found


@pytest.mark.parametrize("steps", [0, 1, 1023, 1024, 1025, 5000])
def test_a_curve_holds_every_row_however_long_it_gets(steps):
    curve = grown(steps)
    assert len(curve) == steps
    assert curve.values().shape == (4, steps)
    np.testing.assert_array_equal(curve.column("loss"), np.arange(steps, dtype=np.float32) + 0.5)
    np.testing.assert_array_equal(curve.column("seconds"), 2 * np.arange(steps, dtype=np.float32))
    np.testing.assert_allclose(curve.column("accuracy"), np.arange(steps) / 10_000, rtol=1e-6)


def test_a_growing_curve_seldom_moves_its_rows():
    curve, addresses = Curve(), set()
    for _ in range(5000):
        curve.append(1, 1, 1, 1)
        addresses.add(curve.values().__array_interface__["data"][0])
    assert len(addresses) <= 5


def test_columns_are_views_and_an_unknown_one_is_refused():
    curve = grown(10)
    assert np.shares_memory(curve.column("loss"), curve.values())
    with pytest.raises(ValueError):
        curve.column("lozz")


def test_a_curve_made_from_values_goes_on_by_itself():
    values = grown(3).values()
    curve = Curve(values)
    curve.append(9, 9, 9, 9)
    curve.column("loss")[0] = -1
    assert len(curve) == 4
    assert curve.column("loss")[3] == 9
    np.testing.assert_array_equal(values, grown(3).values())


def test_a_copy_is_not_touched_by_what_comes_later():
    found = history()
    copy = found.copy()
    found.steps.append(7, 7, 7, 7)
    found.steps.column("loss")[0] = 99
    found.epochs.append(found.epochs[0])
    found.checks.clear()
    assert len(copy.steps) == 20
    assert copy.steps.column("loss")[0] == 0.5
    assert len(copy.epochs) == len(copy.checks) == 2


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_history_survives_the_way_through_its_state(epochs):
    found = history(epochs)
    state = found.state()
    assert all(isinstance(array, np.ndarray) for array in state.values())
    back = History.from_state(state)
    np.testing.assert_array_equal(back.steps.values(), found.steps.values())
    assert repr(back.epochs) == repr(found.epochs)  # nan is not equal to itself
    assert back.checks == found.checks
    assert all(isinstance(record.step, int) and isinstance(record.epoch, int) for record in back.epochs)


def test_a_state_is_a_copy():
    found = history()
    state = found.state()
    found.steps.column("loss")[:] = 0
    assert state["steps"][0, 0] == 0.5
