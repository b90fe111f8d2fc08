"""Histograms and percentile bands: every bar and every line is what was counted."""

import numpy as np
import pytest

from mlp.viz.distributions import histogram_figure, percentile_bands_figure
from mlp.viz.palette import DARK, LIGHT

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


@pytest.fixture
def layers():
    """The edges and counts of three layers with bins of their own."""
    rng = np.random.default_rng(0)
    found = [
        np.histogram(rng.normal(0, scale, 5000), np.linspace(-3 * scale, 3 * scale, 31)) for scale in (1e-4, 0.1, 2)
    ]
    return [edges for _, edges in found], [counts for counts, _ in found]


@pytest.fixture
def bands():
    rng = np.random.default_rng(1)
    steps = np.array([0, 10, 20, 50, 90])
    return steps, np.stack([np.percentile(rng.normal(0, 1 + step, 1000), PERCENTILES) for step in steps])


def draw_bands(bands, **options):
    return percentile_bands_figure(*bands, PERCENTILES, LIGHT, **{"title": "Spread", "steps_per_epoch": 20, **options})


# -- histograms


@pytest.mark.parametrize("logarithmic", [False, True])
def test_bars_are_the_counts_and_stand_between_their_edges(layers, logarithmic):
    edges, counts = layers
    figure = histogram_figure(edges, counts, LIGHT, title="Weights", logarithmic=logarithmic)
    assert [trace.name for trace in figure.data] == ["hidden 1", "hidden 2", "output"]
    for trace, e, n in zip(figure.data, edges, counts, strict=True):
        np.testing.assert_array_equal(trace.y, n)
        np.testing.assert_allclose(trace.x - trace.width / 2, e[:-1], atol=1e-5 * np.ptp(e))
        np.testing.assert_allclose(trace.x + trace.width / 2, e[1:], atol=1e-5 * np.ptp(e))
        np.testing.assert_allclose(
            trace.customdata, np.column_stack([e[:-1], e[1:], n / n.sum()]), rtol=1e-5, atol=1e-9
        )
    assert figure.layout.yaxis2.type == ("log" if logarithmic else None)


def test_bars_are_coloured_by_sign(layers):
    for trace in histogram_figure(*layers, DARK, title="Weights").data:
        expected = [DARK.negative if x < 0 else DARK.positive for x in trace.x]
        assert list(trace.marker.color) == expected


def test_the_words_name_layer_quantity_and_range(layers):
    figure = histogram_figure(*layers, LIGHT, title="Gradients", quantity="gradient")
    small, large = figure.data[0].hovertemplate, figure.data[2].hovertemplate
    assert "hidden 1 · %{y:,} gradients" in small
    assert "customdata[0]:.2e" in small
    assert "customdata[0]:.3g" in large
    assert "gradient" in figure.layout.xaxis3.title.text


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_panels_do_not_overlap(layers, columns):
    layout = histogram_figure(*layers, LIGHT, title="Weights", columns=columns).layout
    axes = [(layout.xaxis, layout.yaxis), (layout.xaxis2, layout.yaxis2), (layout.xaxis3, layout.yaxis3)]
    boxes = [(*x.domain, *y.domain) for x, y in axes]
    for index, (left, right, low, high) in enumerate(boxes):
        assert 0 <= left < right <= 1
        assert 0 <= low < high <= 1
        for other in boxes[index + 1 :]:
            assert right < other[0] or other[1] < left or low > other[3] or high < other[2]


def test_limits_keep_the_axes_still(layers):
    figure = histogram_figure(*layers, LIGHT, title="Weights", limits=[(-1, 1), (-2, 2), (-3, 3)])
    assert figure.layout.xaxis2.range == (-2, 2)


def test_a_layer_with_nothing_to_count_is_named():
    figure = histogram_figure([np.linspace(0, 1, 4)], [np.zeros(3)], LIGHT, title="Weights", logarithmic=True)
    assert "nothing to count" in figure.layout.annotations[0].text


# -- bands


def test_the_lines_are_the_percentiles(bands):
    steps, values = bands
    figure = draw_bands(bands)
    drawn = {tuple(np.asarray(trace.y)) for trace in figure.data}
    assert drawn == {tuple(column) for column in values.T.astype(np.float32)}
    median = figure.data[-1]
    assert median.name == "Median"
    np.testing.assert_allclose(median.y, values[:, 3], rtol=1e-6)
    np.testing.assert_allclose(median.customdata, np.column_stack([steps, steps / 20, values]), rtol=1e-6)


def test_each_band_lies_between_the_lines_it_is_named_for(bands):
    _, values = bands
    traces = draw_bands(bands).data
    for place, share in ((1, 98), (3, 90), (5, 50)):
        assert traces[place].name == f"{share}% of all"
        assert traces[place].fill == "tonexty"
        low, high = (100 - share) / 2, (100 + share) / 2
        np.testing.assert_allclose(traces[place - 1].y, values[:, PERCENTILES.index(low)], rtol=1e-6)
        np.testing.assert_allclose(traces[place].y, values[:, PERCENTILES.index(high)], rtol=1e-6)
    fills = [traces[place].fillcolor for place in (1, 3, 5)]
    assert len(set(fills)) == 3


def test_moments_that_are_not_finite_are_left_out(bands):
    steps, values = bands
    values[2, 0], values[4] = np.inf, np.nan
    np.testing.assert_allclose(draw_bands((steps, values)).data[-1].x, [0, 10, 50])


@pytest.mark.parametrize(("axis", "x"), [("step", 50), ("epoch", 2.5)])
def test_the_chosen_moment_is_marked(bands, axis, x):
    figure = draw_bands(bands, x_axis=axis, cursor=50)
    assert {shape.x0 for shape in figure.layout.shapes} == {x}
    assert axis in figure.layout.xaxis.title.text.lower()


@pytest.mark.parametrize("wrong", [(5, 50, 90), (25, 75), (50, 75, 95)])
def test_percentiles_must_be_symmetric(wrong):
    with pytest.raises(ValueError, match="symmetric around 50"):
        percentile_bands_figure([1], [wrong], wrong, LIGHT, title="Spread", steps_per_epoch=1)


def test_a_single_moment_and_none_at_all_can_be_drawn(bands):
    steps, values = bands
    assert draw_bands((steps[:1], values[:1])).data[-1].mode == "markers"
    assert len(draw_bands((steps[:0], values[:0])).data[-1].x) == 0


def test_the_figures_are_small(layers):
    rng = np.random.default_rng(0)
    steps = np.arange(1000)
    assert len(draw_bands((steps, rng.normal(size=(1000, 7))), cursor=3).to_json()) < 60_000
    assert len(histogram_figure(*layers, LIGHT, title="Weights").to_json()) < 30_000
