"""Matrices ready for drawing, and the curve of the loss along a step."""

import numpy as np
import pytest

from mlp.analysis.step_curve import StepCurve
from mlp.viz import DARK, LIGHT
from mlp.viz.walk import MOST_CELLS, grid_of, rounded, shape_text, size_text, step_curve_figure


def test_a_small_matrix_is_drawn_as_it_is():
    values = np.random.default_rng(0).normal(size=(5, 7))
    grid = grid_of(values)
    np.testing.assert_array_equal(grid.cells, values.astype(np.float32))
    assert not grid.in_blocks
    assert grid.entry(values, 3, 4) == (3, 4)
    assert grid.cell_of(3, 4) == (3, 4)
    assert grid.signed
    assert grid.high == -grid.low == pytest.approx(np.abs(values).max())


def test_magnitudes_begin_at_zero():
    grid = grid_of(np.array([[0.0, 2.0, 0.5]]))
    assert (grid.low, grid.high, grid.signed) == (0.0, 2.0, False)
    assert grid_of(np.array([[0.0, 2.0]]), signed=True).low == -2.0
    assert grid_of(np.array([[0.1, 0.2]]), limit=1.0).high == 1.0
    assert grid_of(np.zeros((2, 2))).high == 1.0


def test_a_large_matrix_is_drawn_in_blocks_that_lead_to_their_strongest_number():
    values = np.random.default_rng(1).normal(size=(700, 300))
    grid = grid_of(values)
    assert grid.in_blocks
    assert grid.cells.size <= 1.2 * MOST_CELLS
    for row, column in ((0, 0), (5, 9), (grid.cells.shape[0] - 1, grid.cells.shape[1] - 1)):
        i, j = grid.entry(values, row, column)
        assert values[i, j].astype(np.float32) == grid.cells[row, column]
        assert grid.cell_of(i, j) == (row, column)


def test_numbers_that_are_not_finite_do_not_spoil_the_scale():
    grid = grid_of(np.array([[np.nan, -1.0, np.inf, 3.0]]))
    assert (grid.low, grid.high) == (-3.0, 3.0)
    assert grid_of(np.full((2, 2), np.nan)).high == 1.0


def test_words():
    assert shape_text(1024, 196) == "1,024 × 196"
    assert size_text(np.array([3.0, 4.0, 0.0, 0.0])) == "rms 2.5"
    assert size_text(np.array([1e-9], np.float32)) == "rms 1·10⁻⁹"
    assert size_text(np.array([np.inf])) == "not finite"
    assert (rounded(-0.0918, 3), rounded(0.5, 3, plus=True), rounded(3.919e-11, 4)) == (
        "−0.0918",
        "+0.5",
        "3.919·10⁻¹¹",
    )


def curve(losses, start=2.0):
    rates = 10.0 ** np.linspace(-3, 1, len(losses))
    return StepCurve(rates, np.asarray(losses, float), start, float(rates[len(losses) // 2]))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_curve_marks_the_chosen_the_lowest_and_where_it_overshoots(colours):
    figure = step_curve_figure(curve([1.9, 1.7, 1.5, 1.4, 1.2, 2.5, np.inf]), colours)
    line, marks = figure.data
    assert len(line.x) == 7
    assert np.isnan(line.y[-1])
    assert list(marks.text) == ["chosen", "lowest"]
    assert marks.y[1] == 1.2
    dash, area = figure.layout.shapes
    assert dash.y0 == dash.y1 == 2.0
    assert np.interp(area.x0, line.x, line.y) == pytest.approx(2.0), "where the curve crosses the line before the step"
    assert "overshoots" in [note.text for note in figure.layout.annotations]
    low, high = figure.layout.yaxis.range
    assert low < 1.2 < 2.0 < high


def test_a_step_that_only_helps_has_nothing_to_warn_of():
    figure = step_curve_figure(curve([1.9, 1.7, 1.5]), LIGHT)
    assert len(figure.layout.shapes) == 1
    assert "overshoots" not in [note.text for note in figure.layout.annotations]


def test_a_step_of_the_best_length():
    (_, marks) = step_curve_figure(curve([1.9, 1.2, 1.5]), LIGHT).data
    assert list(marks.text) == ["chosen, the lowest"]
    assert list(marks.y) == [1.2]


def test_a_step_that_only_harms():
    figure = step_curve_figure(curve([2.1, 2.5, np.nan], start=2.0), LIGHT)
    low, high = figure.layout.yaxis.range
    assert low < 2.0 < high
