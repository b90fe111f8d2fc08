"""Digits in the plane and their way through the layers."""

import numpy as np
import pytest

from mlp.viz.activations import activation_strips, class_means_bar, projection_figure, projection_picture
from mlp.viz.palette import DARK, LIGHT, palette, rgb

NAMES = [str(k) for k in range(10)]


@pytest.fixture
def plane():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2000, 2)) * [5, 2], rng.integers(0, 10, 2000)


def test_every_digit_is_a_point_of_its_class(plane):
    coords, labels = plane
    figure = projection_figure(coords, labels, NAMES, LIGHT, title="Hidden 1")
    assert [trace.name for trace in figure.data] == NAMES
    for k, trace in enumerate(figure.data):
        assert trace.type == "scatter"
        assert trace.marker.color == LIGHT.classes[k]
        np.testing.assert_array_equal(trace.customdata, np.nonzero(labels == k)[0])
        np.testing.assert_allclose(np.column_stack([trace.x, trace.y]), coords[trace.customdata], rtol=1e-6)
        assert trace.hovertemplate.startswith(f"{k} · test digit %{{customdata")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_class_keeps_its_colour_in_a_run_on_some_of_them(plane, theme):
    coords, labels = plane
    all_ten, few = palette(theme), palette(theme, (1, 7, 8))
    figure = projection_figure(coords, labels % 3, ["1", "7", "8"], few, title="Hidden 1")
    own = [all_ten.classes[k] for k in (1, 7, 8)]
    assert [trace.marker.color for trace in figure.data] == own
    assert list(class_means_bar([1, 2, 3], ["1", "7", "8"], few).data[0].marker.color) == own
    picture = projection_picture(np.zeros((1, 2)), [2], few, limits=((-1, 1), (-1, 1)), side=21)
    assert tuple(picture[10, 10]) == tuple(rgb(own[2]))


def test_the_points_may_be_any_test_digits(plane):
    coords, labels = plane
    figure = projection_figure(coords[:3], labels[:3], NAMES, LIGHT, title="Hidden 1", indices=[70, 80, 9999])
    assert sorted(int(index) for trace in figure.data for index in trace.customdata) == [70, 80, 9999]


def test_one_unit_is_as_long_on_either_axis_and_limits_hold(plane):
    layout = projection_figure(*plane, NAMES, LIGHT, title="Hidden 1", limits=((-30, 30), (-20, 40))).layout
    assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)
    assert (layout.xaxis.range, layout.yaxis.range) == ((-30, 30), (-20, 40))
    assert layout.xaxis.constrain == layout.yaxis.constrain == "range", "the plane fills the width, under its legend"


def test_without_limits_every_point_lies_inside(plane):
    layout = projection_figure(*plane, NAMES, LIGHT, title="Hidden 1").layout
    for axis, values in zip((layout.xaxis, layout.yaxis), plane[0].T, strict=True):
        assert axis.range[0] < values.min() < values.max() < axis.range[1]
    assert np.ptp(layout.xaxis.range) == pytest.approx(np.ptp(layout.yaxis.range))


def test_the_axes_say_how_much_they_show(plane):
    layout = projection_figure(*plane, NAMES, LIGHT, title="Hidden 1", explained=[0.231, 0.1]).layout
    assert "23% of the spread" in layout.xaxis.title.text
    assert "10% of the spread" in layout.yaxis.title.text


def test_two_thousand_digits_and_none_at_all_make_small_figures(plane):
    assert len(projection_figure(*plane, NAMES, LIGHT, title="Hidden 1").to_json()) < 60_000
    empty = projection_figure(np.empty((0, 2)), np.empty(0, int), NAMES, LIGHT, title="Hidden 1")
    assert all(len(trace.x) == 0 for trace in empty.data)


# -- strips


@pytest.mark.parametrize("units", [1, 10, 64, 65, 196, 1000, 1024])
def test_every_unit_has_a_cell_with_its_number_and_value(units):
    values = np.random.default_rng(0).normal(size=units)
    (trace,) = activation_strips([values], LIGHT, title="One digit").data
    cells, numbers = np.ravel(trace.z), np.ravel(trace.customdata)
    np.testing.assert_allclose(cells[:units], values, rtol=1e-6)
    assert np.isnan(cells[units:]).all()
    np.testing.assert_array_equal(numbers, np.arange(len(cells)))
    assert np.shape(trace.z)[1] <= 64
    assert "unit %{customdata}" in trace.hovertemplate


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_each_layer_has_its_own_scale_centred_on_zero(colours):
    layers = [np.array([0.0, 1, 2]), np.array([-30.0, 5]), np.zeros(4)]
    figure = activation_strips(layers, colours, title="One digit")
    assert [(trace.zmin, trace.zmax) for trace in figure.data] == [(-2, 2), (-30, 30), (-1, 1)]
    assert all(dict(trace.colorscale)[0.5] == colours.background for trace in figure.data)
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert "hidden 1" in texts[0]
    assert "strongest 2" in texts[0]
    assert "strongest -30" in texts[1]


def test_layers_stand_below_one_another_in_order():
    layout = activation_strips([np.ones(1024), np.ones(196), np.ones(10)], LIGHT, title="One digit").layout
    domains = [layout.yaxis.domain, layout.yaxis2.domain, layout.yaxis3.domain]
    assert domains[0][0] > domains[1][1] > domains[1][0] > domains[2][1]
    assert min(high - low for low, high in domains) > 0


def test_the_last_layer_is_named_by_class():
    figure = activation_strips([np.ones(3), np.ones(10)], LIGHT, title="One digit", class_names=NAMES)
    assert list(figure.data[1].x) == NAMES
    assert "%{x}" in figure.data[1].hovertemplate
    assert "%{x}" not in figure.data[0].hovertemplate
    assert figure.layout.xaxis2.showticklabels


def test_values_that_are_not_finite_leave_empty_cells_or_the_end_of_the_scale():
    (trace,) = activation_strips([np.array([np.nan, 1.0, np.inf])], LIGHT, title="One digit").data
    assert np.isfinite([trace.zmin, trace.zmax]).all()


# -- classes


def test_bars_are_the_means_in_the_colours_of_the_classes():
    means = np.linspace(-1, 2, 10)
    (trace,) = class_means_bar(means, NAMES, DARK).data
    np.testing.assert_array_equal(trace.y, means)
    assert list(trace.x) == NAMES
    assert tuple(trace.marker.color) == DARK.classes
