"""The chart of a study: a point for each run, a tick at each value, and no small difference made large."""

import numpy as np
import pytest

from mlp.viz import LIGHT, StudyLine, study_figure


def figure(*lines):
    return study_figure(lines, LIGHT, title="What came out", subtitle="Test accuracy", setting="Learning rate")


def test_every_run_is_a_point_over_its_setting():
    rates, shares = [1e-5, 1e-3, 10.0], [0.1, 0.9, 0.5]
    (trace,) = figure(StudyLine("test", rates, shares, LIGHT.test)).data
    assert np.array_equal(trace.x, rates)
    assert np.array_equal(trace.y, shares)
    assert trace.line.color == LIGHT.test
    assert "learning rate %{x}" in trace.hovertemplate


def test_the_axis_is_logarithmic_with_a_tick_at_each_value():
    axis = figure(
        StudyLine("a", [1e-5, 0.1], [0.1, 0.9], LIGHT.test), StudyLine("b", [2e-5, 10], [0, 1], "#000")
    ).layout.xaxis
    assert axis.type == "log"
    assert list(axis.tickvals) == [1e-5, 2e-5, 0.1, 10]
    assert list(axis.ticktext) == ["10⁻⁵", "2e-05", "0.1", "10"]


def test_lines_of_one_colour_differ_by_their_dashes():
    traces = figure(*(StudyLine(name, [1, 2], [0.5, 0.6], LIGHT.test) for name in "ab")).data
    assert [trace.line.dash for trace in traces] == ["solid", "dash"]
    traces = figure(*(StudyLine("", [1, 2], [0.5, 0.6], colour) for colour in (LIGHT.test, LIGHT.train))).data
    assert [trace.line.dash for trace in traces] == ["solid", "solid"]


@pytest.mark.parametrize(("shares", "expected"), [([0.981, 0.985], (0.953, 1)), ([0.1, 0.9], (0.052, 0.948))])
def test_a_difference_of_a_few_in_a_thousand_looks_small(shares, expected):
    assert tuple(figure(StudyLine("", [1, 2], shares, LIGHT.test)).layout.yaxis.range) == pytest.approx(expected)
