"""Layers × time: what is drawn is what was measured, at the moment it was measured."""

import numpy as np
import pytest

from mlp.viz.heatmaps import MAX_COLUMNS, ROW_HEIGHT, layer_heatmap, probe_at, thin_columns
from mlp.viz.layout import log_ticks, power_of_ten
from mlp.viz.palette import DARK, LIGHT

STEPS = np.array([1, 2, 10, 40, 100])
BAND = (1e-4, 1e-2)


def draw(values, steps=STEPS, colours=LIGHT, **options):
    return layer_heatmap(values, steps, colours, **{"title": "Gradient", "steps_per_epoch": 50, **options})


@pytest.fixture
def values():
    return np.random.default_rng(0).random((3, 5))


# -- thinning


@pytest.mark.parametrize("count", [0, 1, 199, 200])
def test_few_probes_are_all_shown(count):
    np.testing.assert_array_equal(thin_columns(np.arange(count)), np.arange(count))


@pytest.mark.parametrize("count", [201, 333, 400, 12_345])
def test_of_many_probes_the_last_of_each_block_is_shown(count):
    kept = thin_columns(np.arange(count))
    assert len(kept) == MAX_COLUMNS
    assert kept[-1] == count - 1
    assert (np.diff(kept) > 0).all()
    assert np.diff(kept, prepend=-1).max() <= -(-count // MAX_COLUMNS)


@pytest.mark.parametrize("step", [1, 2, 3, 777, 1230, 9_999])
def test_the_chosen_moment_is_always_among_them(step):
    steps = np.arange(1, 10_000)
    kept = thin_columns(steps, keep=step)
    assert step in steps[kept]
    assert len(kept) == MAX_COLUMNS
    assert (np.diff(kept) > 0).all()


def test_a_moment_between_two_probes_belongs_to_the_earlier_one():
    assert [probe_at(STEPS, step) for step in (0, 1, 9, 10, 99, 100, 5000)] == [0, 0, 1, 2, 3, 4, 4]


# -- values, places, words


def test_a_linear_scale_shows_the_values_themselves(values):
    (trace,) = draw(values).data
    np.testing.assert_allclose(trace.z, values, rtol=1e-6)
    np.testing.assert_allclose(trace.customdata[..., 2], values, rtol=1e-6)


def test_a_logarithmic_scale_shows_logarithms_and_tells_values(values):
    (trace,) = draw(values, logarithmic=True).data
    np.testing.assert_allclose(trace.z, np.log10(values), rtol=1e-5)
    np.testing.assert_allclose(trace.customdata[..., 2], values, rtol=1e-6)


def test_under_the_pointer_stand_step_epoch_layer_and_value(values):
    figure = draw(values, logarithmic=True)
    (trace,) = figure.data
    for part in ("step %{customdata[0]", "epoch %{customdata[1]", "%{y}", "%{customdata[2]:.2e}"):
        assert part in trace.hovertemplate
    np.testing.assert_allclose(trace.customdata[1, :, 0], STEPS)
    np.testing.assert_allclose(trace.customdata[2, :, 1], STEPS / 50)
    assert list(figure.layout.yaxis.ticktext) == ["hidden 1", "hidden 2", "output"]
    assert list(trace.y) == list(figure.layout.yaxis.tickvals) == [0, 1, 2]


def test_the_first_layer_stands_on_top(values):
    assert list(draw(values).layout.yaxis.range) == [2.5, -0.5]


@pytest.mark.parametrize(("axis", "unit"), [("step", 1), ("epoch", 50)])
def test_columns_meet_halfway_between_two_probes_and_each_holds_its_own(values, axis, unit):
    figure = draw(values, x_axis=axis)
    edges = np.asarray(figure.data[0].x)
    np.testing.assert_allclose(edges[1:-1], (STEPS[1:] + STEPS[:-1]) / 2 / unit)
    assert ((edges[:-1] < STEPS / unit) & (edges[1:] > STEPS / unit)).all()
    np.testing.assert_allclose(figure.layout.xaxis.range, edges[[0, -1]])
    assert axis in figure.layout.xaxis.title.text.lower()


@pytest.mark.parametrize(("axis", "unit"), [("step", 1), ("epoch", 50)])
@pytest.mark.parametrize("count", [1, 5])
def test_the_last_column_reaches_to_the_present(values, axis, unit, count):
    for cursor in (200, 100, 40):
        figure = draw(values[:, :count], STEPS[:count], x_axis=axis, cursor=cursor)
        edges = np.asarray(figure.data[0].x)
        assert edges[-1] >= cursor / unit, "a white gap before the mark"
        assert figure.layout.xaxis.range[1] == pytest.approx(edges[-1])
    edges = np.asarray(draw(values, x_axis=axis, cursor=200).data[0].x)
    assert edges[-1] == 200 / unit, "and no further"


def test_heatmaps_of_one_run_line_up_under_one_another(values):
    figures = [
        draw(values, logarithmic=True),
        draw(values * np.nan),
        draw(values, kind="share", cursor=40),
        draw(values - 0.5, kind="signed", limits=(-1, 1)),
    ]
    assert len({tuple(figure.layout.xaxis.range) for figure in figures}) == 1
    assert len({(figure.layout.margin.l, figure.layout.margin.r) for figure in figures}) == 1


@pytest.mark.parametrize("layers", [1, 2, 7, 12])
def test_every_layer_has_a_row_that_can_be_seen(layers):
    figure = draw(np.ones((layers, 5)))
    margin = figure.layout.margin
    assert (figure.layout.height - margin.t - margin.b) / layers >= ROW_HEIGHT >= 22
    assert len(figure.layout.yaxis.ticktext) == layers


def test_a_long_run_has_at_most_200_columns():
    figure = draw(np.random.default_rng(0).random((2, 999)), np.arange(999), cursor=500)
    (trace,) = figure.data
    assert np.shape(trace.z) == (2, 200)
    assert len(trace.x) == 201
    assert 500 in trace.customdata[0, :, 0]


# -- what has no colour


def test_what_was_not_measured_is_empty(values):
    values[2], values[0, 1] = np.nan, np.inf
    for logarithmic in (False, True):
        (trace,) = draw(values, logarithmic=logarithmic).data
        empty = np.isnan(trace.z)
        assert empty[2].all()
        assert empty[0, 1]
        assert empty.sum() == 6
        assert not trace.hoverongaps


def test_exactly_zero_is_said_and_does_not_break_the_logarithm(values):
    values[1, :2] = 0
    figure = draw(values, logarithmic=True)
    shown, zero = figure.data
    np.testing.assert_array_equal(np.isnan(shown.z), values == 0)
    np.testing.assert_array_equal(np.isfinite(zero.z), values == 0)
    assert "exactly zero" in zero.hovertemplate
    assert {colour for _, colour in zero.colorscale} == {LIGHT.neutral}
    assert "exactly zero" in figure.layout.title.subtitle.text
    assert shown.zmin == pytest.approx(np.log10(values[values > 0].min()))
    assert len(draw(values).data) == 1  # a linear scale has a place for zero


def test_a_layer_that_stands_still_and_a_net_of_zeros_are_drawn():
    (still,) = draw(np.full((1, 5), 1e-3), logarithmic=True).data
    assert still.zmin < -3 < still.zmax
    (zero,) = draw(np.zeros((2, 5)), logarithmic=True).data
    assert "exactly zero" in zero.hovertemplate


@pytest.mark.parametrize("values", [np.full((2, 5), np.nan), np.empty((2, 0))])
def test_without_any_value_the_figure_says_so_and_keeps_its_rows(values):
    figure = draw(values, STEPS[: values.shape[1]], logarithmic=True, cursor=10)
    assert not figure.data
    assert "Nothing to show" in figure.layout.title.subtitle.text
    assert len(figure.layout.yaxis.ticktext) == 2


def test_values_below_zero_have_no_logarithm():
    with pytest.raises(ValueError, match=r"0 or more on a logarithmic scale, got -0\.5"):
        draw(np.full((1, 5), -0.5), logarithmic=True)


def test_names_and_layers_must_be_as_many(values):
    with pytest.raises(ValueError, match="layer_names must be 3 names"):
        draw(values, layer_names=["one", "two"])


# -- colours


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_signed_values_are_centred_on_zero(values, colours):
    (trace,) = draw(values - 0.2, colours=colours, kind="signed").data
    assert trace.zmin == -trace.zmax
    assert dict(trace.colorscale)[0.5] == colours.background


def test_shares_go_from_none_to_all(values):
    (trace,) = draw(values, kind="share").data
    assert (trace.zmin, trace.zmax) == (0, 1)
    assert trace.colorbar.tickformat.endswith("%")
    assert "customdata[2]:.1%" in trace.hovertemplate


@pytest.mark.parametrize("level", [1e-7, 1e-3, 0.5])
def test_the_band_has_a_colour_of_its_own_wherever_the_values_lie(level):
    (trace,) = draw(np.full((2, 5), level), logarithmic=True, band=BAND).data
    low, high = trace.zmin, trace.zmax
    assert low - 1e-9 <= np.log10(level) <= high + 1e-9
    plateau = [low + place * (high - low) for place, _ in trace.colorscale][2:4]
    np.testing.assert_allclose(10 ** np.array(plateau), BAND)
    assert low < plateau[0] < plateau[1] < high, "there is a colour below and above"
    assert -3 in trace.colorbar.tickvals


def test_given_limits_are_where_the_colours_end(values):
    (trace,) = draw(values, logarithmic=True, limits=(1e-5, 10)).data
    assert (trace.zmin, trace.zmax) == pytest.approx((-5, 1))


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (-3, 0, ["10⁻³", "10⁻²", "10⁻¹", "10⁰"]),
        (-3.4, -0.9, ["10⁻³", "10⁻²", "10⁻¹"]),
        (-10, 2, ["10⁻⁹", "10⁻⁶", "10⁻³", "10⁰"]),
        (-3.2, -2.5, ["10⁻³", "2·10⁻³"]),
        (-0.8, -0.2, ["2·10⁻¹", "5·10⁻¹"]),
    ],
)
def test_ticks_of_a_logarithmic_scale_are_round_numbers(low, high, texts):
    ticks, found = log_ticks(low, high)
    assert found == texts
    assert all(low - 1e-6 <= tick <= high + 1e-6 for tick in ticks)


def test_each_tick_stands_where_its_text_says():
    for low, high in ((-4.2, 1.1), (-0.3, 0.6), (-12, 5)):
        ticks, texts = log_ticks(low, high)
        for tick, text in zip(ticks, texts, strict=True):
            factor, _, power = text.rpartition("·")
            exponent = round(tick - (np.log10(int(factor)) if factor else 0))
            assert power == power_of_ten(exponent)
            assert tick == pytest.approx(exponent + (np.log10(int(factor)) if factor else 0))


# -- the chosen moment


@pytest.mark.parametrize(("axis", "x"), [("step", 40), ("epoch", 0.8)])
def test_a_line_stands_at_the_chosen_step(values, axis, x):
    shapes = draw(values, x_axis=axis, cursor=40).layout.shapes
    assert {(shape.x0, shape.x1) for shape in shapes} == {(x, x)}
    assert [shape.line.color for shape in shapes] == [LIGHT.background, LIGHT.text]
    assert not draw(values).layout.shapes


def test_the_figure_is_small():
    rng = np.random.default_rng(0)
    figure = draw(rng.random((7, 400)), np.arange(1, 401), logarithmic=True, cursor=7)
    assert len(figure.to_json()) < 45_000
