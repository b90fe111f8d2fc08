"""What the pictures of mistakes show, and that it can be read."""

from itertools import pairwise

import numpy as np
import pytest

from mlp.viz.mistakes import (
    biography_figure,
    mistake_colours,
    mistake_places,
    mistake_scale,
    readable_on,
    reliability_figure,
)
from mlp.viz.palette import DARK, LIGHT, rgb

THEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
NAN = np.nan


def luminance(colour):
    channel = rgb(colour) / 255
    linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


# -- the confusion matrix


@THEMES
def test_the_diagonal_and_empty_cells_are_left_to_the_page(colours):
    cells = mistake_colours([[0.98, 0.02, 0], [0, 1, 0], [0.5, 0.1, 0.4]], colours)
    assert [[cell is None for cell in row] for row in cells] == [
        [True, False, True],
        [True, True, True],
        [False, False, True],
    ]


@THEMES
def test_more_mistakes_are_further_from_the_page(colours):
    grounds = [cell[0] for cell in mistake_colours([[0, 0.001, 0.01, 0.1, 1.0]], colours)[0] if cell]
    steps = [contrast(ground, colours.background) for ground in grounds]
    assert steps == sorted(steps)
    assert len(set(grounds)) == 4
    assert min(contrast(a, b) for a, b in pairwise(grounds)) > 1.2, "a decade is not seen"


@THEMES
def test_numbers_in_cells_can_be_read(colours):
    for rate in np.logspace(-3.5, 0, 60):
        ((_, (ground, text)),) = mistake_colours([[0, rate]], colours)
        assert contrast(ground, text) >= 4.5, rate


def test_black_or_white_can_be_read_on_any_grey():
    for shade in range(256):
        ground = np.full(3, shade, np.uint8)
        assert contrast("#" + f"{shade:02X}" * 3, readable_on(ground)) >= 4.5, shade


def test_the_scale_is_logarithmic_and_the_same_whatever_the_matrix():
    places = mistake_places([0.001, 0.01, 0.1, 1.0])
    np.testing.assert_allclose(np.diff(places), np.diff(places)[0])
    assert mistake_places([0.0001])[0] == places[0] > 0
    assert mistake_colours([[0, 0.02], [0.9, 0]], LIGHT)[0][1] == mistake_colours([[0, 0.02], [0, 0]], LIGHT)[0][1]


@THEMES
def test_the_legend_has_the_colours_of_the_cells(colours):
    scale = mistake_scale(colours, 4)
    assert scale == [cell[0] for cell in mistake_colours([[0, 0.001, 0.01, 0.1, 1.0]], colours)[0] if cell]


# -- calibration


def test_bars_reach_as_high_as_the_answers_were_right():
    figure = reliability_figure([0, 40, 0, 60], [NAN, 0.4, NAN, 0.9], [NAN, 0.5, NAN, 0.8], LIGHT)
    right, diagonal, sure, counts = figure.data
    np.testing.assert_allclose(right.x, [0.375, 0.875])
    np.testing.assert_allclose(right.y, [0.5, 0.8])
    np.testing.assert_allclose(sure.y, [0.4, 0.9])
    np.testing.assert_allclose(counts.y, [40, 60])
    assert list(diagonal.x) == list(diagonal.y) == [0, 1]
    assert counts.yaxis == "y2"


def test_bars_of_few_answers_are_faint():
    figure = reliability_figure([0, 19, 20], [NAN, 0.4, 0.9], [NAN, 0.5, 0.8], LIGHT, fewest=20)
    for trace in (figure.data[0], figure.data[2]):
        few, enough = trace.marker.opacity
        assert few < 0.5 < enough == 1


def test_under_the_pointer_stand_the_range_both_shares_and_the_count():
    figure = reliability_figure([10, 20], [0.3, 0.8], [0.2, 0.9], LIGHT, digits="test digits")
    np.testing.assert_allclose(figure.data[0].customdata[1], [0.5, 1, 0.8, 0.9, 20])
    assert "test digits" in figure.data[0].hovertemplate


def test_without_any_answer_the_diagram_is_empty_but_there():
    figure = reliability_figure([0, 0], [NAN, NAN], [NAN, NAN], DARK)
    assert len(figure.data[0].x) == 0
    assert np.isfinite(figure.layout.yaxis2.range).all()


# -- a digit's biography


def test_the_curve_holds_every_moment_and_marks_right_and_wrong():
    figure = biography_figure(
        [0, 10, 20], [0.1, 0.8, 0.4], [False, True, False], LIGHT, title="T", steps_per_epoch=10, cursor=20
    )
    line, right, wrong = figure.data
    np.testing.assert_allclose(line.y, [0.1, 0.8, 0.4])
    assert (list(right.x), list(wrong.x)) == ([10], [0, 20])
    assert right.marker.symbol != wrong.marker.symbol, "by form too"
    assert {shape.x0 for shape in figure.layout.shapes} == {20}
    np.testing.assert_allclose(right.customdata, [[10, 1]])


def test_a_single_moment_is_the_only_one_on_the_axis():
    figure = biography_figure([0], [0.1], [False], LIGHT, title="T", steps_per_epoch=10, cursor=0)
    assert list(figure.layout.xaxis.tickvals) == [0]
    low, high = figure.layout.xaxis.range
    assert low + high == 0


def test_it_runs_over_epochs_too():
    figure = biography_figure(
        [0, 10, 20], [0.1, 0.8, 0.4], [0, 1, 0], LIGHT, title="T", steps_per_epoch=10, x_axis="epoch", cursor=10
    )
    assert list(figure.data[0].x) == [0, 1, 2]
    assert {shape.x0 for shape in figure.layout.shapes} == {1}


@pytest.mark.parametrize("moments", [0, 1])
def test_one_moment_or_none_has_a_figure(moments):
    figure = biography_figure([7] * moments, [NAN] * moments, [False] * moments, DARK, title="T", steps_per_epoch=10)
    assert len(figure.data[0].x) == moments
    figure.to_json()
