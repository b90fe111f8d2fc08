"""Explanations as pictures and figures: every value where it should be, and what matters made to stand out."""

import itertools

import numpy as np
import pytest

from mlp.viz.explanations import (
    angle_strip,
    contribution_bars,
    epsilon_curve,
    forgetting_bars,
    shift_map,
    signed_picture,
)
from mlp.viz.export import enlarge
from mlp.viz.palette import DARK, LIGHT, palette, rgb
from mlp.viz.weights import weight_tiles

NAMES = [str(k) for k in range(10)]
CLOTHES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
SHIFTS, ANGLES = np.arange(-4, 5), np.arange(-30, 31, 5)


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def colours(request):
    return request.param


@pytest.fixture
def answers():
    """(9, 9, 10) probabilities of many kinds of answers."""
    return np.random.default_rng(0).dirichlet(np.full(10, 0.3), (9, 9))


def distance(colour, other):
    return float(np.linalg.norm(rgb(colour).astype(float) - rgb(other)))


def contrast(colour, other):
    """WCAG 2.1, from 1 to 21."""
    lights = []
    for one in (colour, other):
        c = rgb(one) / 255
        lights.append(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def fill(heatmap, number):
    """The colour of a cell, as plotly looks it up in the scale."""
    place = (number - heatmap.zmin) / (heatmap.zmax - heatmap.zmin)
    scale = heatmap.colorscale
    (found,) = {one[1] for one, two in itertools.pairwise(scale) if one[0] < place < two[0]}
    return found


# -- pictures


@pytest.mark.parametrize("limit", [None, 2.0])
def test_values_are_tiles_of_the_common_scale_with_hard_pixels(colours, limit):
    values = np.random.default_rng(0).normal(size=(28, 28))
    picture = signed_picture(values, colours, scale=5, limit=limit)
    expected = weight_tiles(values.reshape(1, 784), colours, columns=1, limit=limit)
    np.testing.assert_array_equal(picture, enlarge(expected, 5))
    assert picture.dtype == np.uint8
    assert (signed_picture(np.zeros((28, 28)), colours) == rgb(colours.background)).all()


def test_the_outline_runs_along_the_borders_of_the_ink(colours):
    digit = np.zeros((28, 28), np.uint8)
    digit[5:7, 9] = 200
    digit[20, 20] = 100  # too faint to count
    digit[0, 0] = 255
    scale = 8
    drawn = (signed_picture(np.zeros((28, 28)), colours, digit=digit, scale=scale) == rgb(colours.muted)).all(axis=2)
    expected = np.zeros((28 * scale, 28 * scale), bool)
    for top, bottom, left, right in ((5, 7, 9, 10), (0, 1, 0, 1)):
        top, bottom, left, right = (scale * edge for edge in (top, bottom, left, right))
        around = slice(max(0, top - 1), bottom + 1), slice(max(0, left - 1), right + 1)
        box = np.zeros_like(expected)
        box[around] = True
        box[top + 1 : bottom - 1, left + 1 : right - 1] = False
        expected |= box
    corners = np.count_nonzero(drawn != expected)
    assert corners <= 8, "the line may leave out or round its corners"


# -- probabilities


# -- moved and turned


@pytest.mark.parametrize("names", [NAMES, CLOTHES], ids=["digits", "clothes"])
def test_every_place_says_what_is_answered_there(answers, names, colours):
    heatmap = shift_map(answers, SHIFTS, names, colours, answer=3).data[0]
    assert (list(heatmap.x), list(heatmap.y)) == (SHIFTS.tolist(), SHIFTS.tolist())
    for i, j in ((0, 0), (4, 4), (2, 7), (8, 1)):
        k = answers[i, j].argmax()
        said = f": says {names[k]} ({answers[i, j, k]:.0%})"
        assert heatmap.text[i][j].endswith(said)
    assert heatmap.text[2][7].startswith("moved 3 right, 2 up:")
    assert heatmap.text[8][1].startswith("moved 3 left, 4 down:")
    assert heatmap.text[4][6].startswith("moved 2 right:")
    assert heatmap.text[4][4].startswith("as it is:")


def test_where_the_answer_breaks_is_strong_and_where_it_holds_is_pale(answers, colours):
    heatmap = shift_map(answers, SHIFTS, NAMES, colours, answer=3).data[0]
    for number, p in enumerate(answers.reshape(81, 10)):
        k, found = p.argmax(), fill(heatmap, number)
        share = distance(found, colours.background) / distance(colours.classes[k], colours.background)
        wanted = 0.05 + 0.15 * p.max() if k == 3 else 0.45 + 0.55 * p.max()
        assert share == pytest.approx(wanted, abs=0.03)


def test_a_class_keeps_its_colour_in_a_run_on_some_of_them(answers, colours):
    few = palette(colours.theme, (1, 7, 8))
    heatmap = shift_map(answers[..., :3], SHIFTS, ["1", "7", "8"], few, answer=-1).data[0]
    for number, p in enumerate(answers[..., :3].reshape(81, 3)):
        own = colours.classes[(1, 7, 8)[p.argmax()]]
        share = distance(fill(heatmap, number), colours.background) / distance(own, colours.background)
        assert share == pytest.approx(0.45 + 0.55 * p.max(), abs=0.03)


def test_short_names_stand_in_the_cells_and_can_be_read(answers, colours):
    heatmap, letters = shift_map(answers, SHIFTS, NAMES, colours, answer=3).data
    for number, p in enumerate(answers.reshape(81, 10)):
        k = p.argmax()
        assert letters.text[number] == (NAMES[k] if k == 3 else f"<b>{NAMES[k]}</b>")
        assert (letters.x[number], letters.y[number]) == (SHIFTS[number % 9], SHIFTS[number // 9])
        assert contrast(letters.textfont.color[number], fill(heatmap, number)) >= 4.5


def test_long_names_stand_in_a_legend(answers, colours):
    answers[..., 4:7] = 0
    figure = shift_map(answers, SHIFTS, CLOTHES, colours, answer=3)
    _, *keys = figure.data
    present = np.unique(answers.argmax(axis=2))
    assert [key.name for key in keys] == [CLOTHES[k] for k in present]
    assert [key.marker.color for key in keys] == [colours.classes[k] for k in present]
    assert figure.layout.showlegend
    assert figure.layout.margin.b > shift_map(answers, SHIFTS, NAMES, colours, answer=3).layout.margin.b


def test_up_is_up_and_cells_are_squares(answers):
    layout = shift_map(answers, SHIFTS, NAMES, LIGHT, answer=3).layout
    assert layout.yaxis.range == (4.5, -4.5)
    assert layout.xaxis.range == (-4.5, 4.5)
    assert layout.yaxis.ticktext == ("4 up", "2 up", "0", "2 down", "4 down")
    assert layout.xaxis.ticktext == ("4 left", "2 left", "0", "2 right", "4 right")
    assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)
    (frame,) = layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.5, 0.5, -0.5, 0.5)


def test_a_turned_digit_leans_the_way_it_is_shown(answers, colours):
    p = np.concatenate([answers[0], answers[1, :4]])
    figure = angle_strip(p, ANGLES, NAMES, colours, answer=3)
    heatmap, letters = figure.data
    assert figure.layout.xaxis.range == (32.5, -32.5), "counter-clockwise on the left"
    assert figure.layout.xaxis.ticktext == ("30° ↻", "15° ↻", "0°", "15° ↺", "30° ↺")
    assert heatmap.text[0][0].startswith("turned 30° clockwise: says")
    assert heatmap.text[0][12].startswith("turned 30° counter-clockwise: says")
    assert heatmap.text[0][6].startswith("as it is: says")
    assert [text.strip("<b>/") for text in letters.text] == [NAMES[k] for k in p.argmax(axis=1)]


def test_one_place_and_one_angle_make_a_figure(answers):
    assert shift_map(answers[:1, :1], [0], NAMES, LIGHT, answer=3).layout.xaxis.ticktext == ("0",)
    assert angle_strip(answers[0, :1], [0], NAMES, LIGHT, answer=3).layout.xaxis.range == (5, -5)
    assert angle_strip(answers[0, :2], [0, 90], CLOTHES, LIGHT, answer=3).layout.xaxis.range == (135, -45)


def test_answers_that_are_not_numbers_make_a_figure():
    shift_map(np.full((9, 9, 10), np.nan), SHIFTS, NAMES, LIGHT, answer=3)


# -- epsilon


def test_two_curves_and_the_chosen_epsilon_on_both(colours):
    epsilons = np.linspace(0, 0.3, 31)
    attack, noise = np.exp(-20 * epsilons), np.exp(-epsilons)
    figure = epsilon_curve(epsilons, attack, noise, colours, class_name="7", chosen=0.103)
    one, two, *dots = figure.data
    np.testing.assert_allclose(one.y, attack, rtol=1e-6)
    np.testing.assert_allclose(two.y, noise, rtol=1e-6)
    np.testing.assert_array_equal(one.x, epsilons)
    assert one.customdata[10] == 26
    assert one.line.color != two.line.color
    assert one.line.dash != two.line.dash, "not by colour alone"
    assert [(dot.x[0], dot.y[0]) for dot in dots] == [(epsilons[10], attack[10]), (epsilons[10], noise[10])]
    assert figure.layout.shapes[0].x0 == epsilons[10]
    assert figure.layout.yaxis.title.text == "Probability of 7"


def test_without_a_chosen_epsilon_nothing_is_marked():
    figure = epsilon_curve([0, 0.1], [1, 0.5], [1, 0.9], LIGHT, class_name="7")
    assert len(figure.data) == 2
    assert not figure.layout.shapes


# -- lessons


def test_bars_run_from_before_to_after(colours):
    before, after = np.linspace(0.9, 0.99, 10), np.linspace(0.35, 1.0, 10)
    figure = forgetting_bars(before, after, CLOTHES, colours)
    bars, rings, dots = figure.data
    np.testing.assert_array_equal(bars.base, before)
    np.testing.assert_allclose(np.add(bars.base, bars.x), after)
    np.testing.assert_array_equal(rings.x, before)
    np.testing.assert_array_equal(dots.x, after)
    assert [colour == colours.wrong for colour in dots.marker.color] == (after < before).tolist()
    assert bars.hovertext[0] == "T-shirt/top · before 90.0%, after 35.0% (−55.0 points)"
    low, high = figure.layout.xaxis.range
    assert low < 0.3 < 0.35 < 1 < high


def test_small_losses_are_seen_and_classes_without_digits_do_no_harm():
    before = np.array([0.99, 0.98, np.nan])
    figure = forgetting_bars(before, before - 0.005, NAMES[:3], LIGHT)
    assert 0.85 < figure.layout.xaxis.range[0] < 0.9
    assert forgetting_bars(np.full(3, np.nan), np.full(3, np.nan), NAMES[:3], LIGHT).layout.xaxis.range[1] > 1
    assert forgetting_bars(np.zeros(3), np.ones(3), NAMES[:3], LIGHT).layout.xaxis.range[0] == pytest.approx(-0.03)


# -- units


def test_units_speak_for_and_against_and_the_others_are_told(colours):
    figure = contribution_bars([4, 17], [1.5, 2.0], [3.0, -1.25], colours, class_name="7", rest=-0.5)
    (bars,) = figure.data
    assert list(bars.x) == [3.0, -1.25, -0.5]
    assert list(bars.marker.color) == [colours.positive, colours.negative, colours.neutral]
    assert list(figure.layout.yaxis.ticktext) == ["unit 4", "unit 17", "all others"]
    assert list(bars.text) == ["+3", "−1.25", "−0.5"]
    assert bars.hovertext[1] == "unit 17 · activation 2 · contribution −1.25"
    low, high = figure.layout.xaxis.range
    assert low < -1.25 < 3 < high
    assert figure.layout.xaxis.title.text == "Contribution to the logit of 7"


def test_no_units_and_silent_ones_make_a_figure():
    contribution_bars([], [], [], LIGHT, class_name="7")
    low, high = contribution_bars([1], [0.0], [0.0], LIGHT, class_name="7").layout.xaxis.range
    assert low < high
    assert np.isfinite(contribution_bars([1], [np.inf], [np.inf], LIGHT, class_name="7").layout.xaxis.range).all()


# -- all of them


def test_every_figure_is_small_has_few_ticks_and_letters_that_can_be_read(answers, colours):
    figures = [
        shift_map(answers, SHIFTS, CLOTHES, colours, answer=3),
        shift_map(answers, SHIFTS, NAMES, colours, answer=3),
        angle_strip(answers[0], ANGLES[:9], NAMES, colours, answer=3),
        epsilon_curve(np.linspace(0, 1, 256), np.ones(256), np.ones(256), colours, class_name="7", chosen=0.1),
        forgetting_bars(answers[0, 0], answers[0, 1], CLOTHES, colours),
        contribution_bars(range(8), np.ones(8), np.ones(8), colours, class_name="7", rest=1.0),
    ]

    def sizes(part):
        if isinstance(part, dict):
            yield from (value for key, value in part.items() if key == "size" and not isinstance(value, dict))
            for key, value in part.items():
                if key != "marker":
                    yield from sizes(value)
        elif isinstance(part, list | tuple):
            for value in part:
                yield from sizes(value)

    for figure in figures:
        assert len(figure.to_json()) < 20_000
        assert min(sizes(figure.to_plotly_json())) >= 12
        assert figure.layout.height <= 500
        x = figure.layout.xaxis
        assert len(x.tickvals or range(x.nticks)) <= 5
        assert x.title.text
