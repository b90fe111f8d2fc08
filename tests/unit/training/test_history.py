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
    assert len(curve) == 4
    assert curve.column("loss")[3] == 9
    np.testing.assert_array_equal(values, grown(3).values())


def test_a_copy_is_not_touched_by_what_comes_later():
    found = history()
    copy = found.copy()
    found.steps.append(7, 7, 7, 7)
    found.epochs.append(found.epochs[0])
    found.checks.clear()
    assert len(copy.steps) == 20
    assert copy.steps.last("loss") == 19.5
    copy.steps.append(8, 8, 8, 8)
    assert (found.steps.column("loss")[-1], copy.steps.column("loss")[-1]) == (7, 8)
    assert len(copy.epochs) == len(copy.checks) == 2


def test_a_copy_shares_its_rows_which_nobody_can_write_to():
    curve = grown(5000)
    for part in (curve.until(5000), curve.until(700)):
        assert np.shares_memory(part.values(), curve.values())
        for values in (part.values(), part.column("loss"), curve.values(), curve.column("loss")):
            with pytest.raises(ValueError, match="read-only"):
                values[..., 0] = 99


@pytest.mark.parametrize("steps", [0, 1, 15, 16, 17, 18, 32, 33, 34, 1000])
def test_of_a_long_run_every_other_row_goes_again_and_again(steps, monkeypatch):
    monkeypatch.setattr("mlp.training.history.MOST_ROWS", 16)
    curve = grown(steps)
    assert curve.count == steps
    assert len(curve) == curve.values().shape[1] <= 16
    assert len(curve) > 8 or steps <= 8
    np.testing.assert_array_equal(curve.steps(), np.arange(1, steps + 1, curve.stride))
    np.testing.assert_array_equal(curve.column("loss"), curve.steps() - 0.5)
    assert curve.stride == next(s for s in (1, 2, 4, 8, 16, 32, 64) if steps <= 16 * s)
    if steps:
        assert curve.last("loss") == steps - 0.5
        assert curve.last("seconds") == 2 * (steps - 1)


def test_before_the_first_step_there_is_no_last_one():
    with pytest.raises(LookupError):
        grown(0).last("loss")


@pytest.mark.parametrize("step", [-1, 0, 1, 2, 69, 70, 99, 100, 500])
def test_going_back_gives_the_rows_up_to_the_step_of_a_thinned_curve_too(step, monkeypatch):
    monkeypatch.setattr("mlp.training.history.MOST_ROWS", 16)
    curve = grown(100)
    found, before = curve.until(step), curve.values().copy()
    steps = curve.steps()
    assert found.count == min(max(0, step), 100)
    np.testing.assert_array_equal(found.steps(), steps[steps <= step])
    np.testing.assert_array_equal(found.values(), before[:, steps <= step])
    for _ in range(300):  # both go on by themselves
        found.append(-1, -1, -1, -1)
        curve.append(-2, -2, -2, -2)
    assert -1 not in curve.values()
    assert -2 not in found.values()
    np.testing.assert_array_equal(
        curve.column("loss")[: len(steps[:: curve.stride // 8])], before[0, :: curve.stride // 8]
    )


@pytest.mark.parametrize(("epochs", "steps"), [(0, 0), (2, 20), (2, 1000)])
def test_a_history_survives_the_way_through_its_state(epochs, steps, monkeypatch):
    monkeypatch.setattr("mlp.training.history.MOST_ROWS", 16)
    found = history(epochs)
    found.steps = grown(steps)
    state = found.state()
    assert all(isinstance(array, np.ndarray) for array in state.values())
    back = History.from_state(state)
    np.testing.assert_array_equal(back.steps.values(), found.steps.values())
    assert (back.steps.count, back.steps.stride) == (found.steps.count, found.steps.stride)
    for curve in (back.steps, found.steps):
        curve.append(-1, -2, -3, -4)
    np.testing.assert_array_equal(back.steps.steps(), found.steps.steps())
    assert repr(back.epochs) == repr(found.epochs)  # nan is not equal to itself
    assert back.checks == found.checks
    assert all(isinstance(record.step, int) and isinstance(record.epoch, int) for record in back.epochs)


def test_a_state_is_a_copy():
    found = history()
    state = found.state()
    assert not np.shares_memory(state["steps"], found.steps.values())
    state["steps"][:] = 0
    assert found.steps.column("loss")[0] == 0.5
