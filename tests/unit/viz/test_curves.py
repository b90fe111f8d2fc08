"""Learning curves: what is drawn is what was measured; colours that can be read and told apart."""

import itertools
import tomllib
from dataclasses import asdict

import numpy as np
import pytest
from scipy.signal import lfilter

from mlp.training import EpochRecord, History, ValidationCheck
from mlp.viz import DARK, LIGHT, learning_curve, palette, smooth, thin

STEPS_PER_EPOCH = 50


@pytest.fixture
def history():
    """120 steps of 50 an epoch, with a validation check every 30."""
    rng = np.random.default_rng(0)
    found = History()
    for step in range(1, 121):
        found.steps.append(2 / step + 0.1 * rng.random(), 1 - 1 / step, 0.1, 0.25 * step)
        if step % 30 == 0:
            found.checks.append(ValidationCheck(step, 0.25 * step, 2.5 / step, 0.9 - 1 / step))
    found.epochs.append(EpochRecord(1, 50, 1, 0.1, 0.5, 1, 0.5, 1, 0.5, 12.5))
    return found


def draw(history, measure="loss", colours=LIGHT, **options):
    return learning_curve(history, measure, colours, **{"steps_per_epoch": STEPS_PER_EPOCH, **options})


def line(figure, name):
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


# -- smoothing and thinning


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9, 0.99])
def test_smoothing_is_the_moving_average_written_as_a_loop(weight):
    values = np.random.default_rng(1).normal(3, 1, 400)
    expected, s = [], 0.0
    for t, v in enumerate(values, start=1):
        s = weight * s + (1 - weight) * v
        expected.append(s / (1 - weight**t))
    np.testing.assert_allclose(smooth(values, weight), expected, rtol=1e-9)


@pytest.mark.parametrize("weight", [0.03, 0.9, 0.99])
def test_the_pull_towards_zero_is_removed_in_a_long_run_too(weight):
    values = np.random.default_rng(1).normal(3, 1, 10_000)
    averaged = lfilter([1 - weight], [1, -weight], values)
    np.testing.assert_allclose(smooth(values, weight), averaged / (1 - weight ** np.arange(1, 10_001)), rtol=1e-12)


def test_smoothing_starts_at_the_first_value_and_leaves_a_level_line_level():
    assert smooth(np.array([5.0, 1, 1]), 0.9)[0] == pytest.approx(5)
    np.testing.assert_allclose(smooth(np.full(300, 7.0, np.float32), 0.97), 7)


def test_without_smoothing_values_stay_as_they_are():
    values = np.random.default_rng(1).random(50).astype(np.float32)
    np.testing.assert_array_equal(smooth(values, 0), values)
    assert smooth(np.empty(0, np.float32), 0.9).shape == (0,)


@pytest.mark.parametrize("count", [0, 1, 2, 499, 500])
def test_few_points_are_all_drawn(count):
    np.testing.assert_array_equal(thin(np.random.default_rng(0).random(count)), np.arange(count))


@pytest.mark.parametrize("limit", [10, 80, 500])
@pytest.mark.parametrize("count", [501, 777, 10_000, 54_321])
def test_of_many_points_the_limit_is_kept_sorted_without_doubles_and_with_both_ends_of_the_range(count, limit):
    values = np.random.default_rng(count).normal(size=count)
    kept = thin(values, limit)
    assert len(kept) <= limit
    assert (np.diff(kept) > 0).all()
    assert kept[-1] == count - 1
    assert values[kept].min() == values.min()
    assert values[kept].max() == values.max()


def test_no_spike_is_lost_wherever_it_stands():
    for place in (0, 1, 700, 4999, 9998, 9999):
        for height in (50.0, -50.0):
            values = np.random.default_rng(0).random(10_000)
            values[place] = height
            assert place in thin(values)


def test_thinned_points_are_spread_over_the_whole_run():
    kept = thin(np.random.default_rng(0).random(100_000))
    assert np.diff(kept).max() < 1200
    assert len(kept) > 400


# -- the figure


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_the_lines_are_the_history(history, measure):
    figure = draw(history, measure)
    training, validation = line(figure, "Training"), line(figure, "Validation")
    np.testing.assert_allclose(training.y, history.steps.column(measure), rtol=1e-6)
    np.testing.assert_array_equal(training.x, np.arange(1, 121))
    np.testing.assert_allclose(validation.y, [getattr(check, measure) for check in history.checks])
    np.testing.assert_array_equal(validation.x, [30, 60, 90, 120])
    assert measure.capitalize() in figure.layout.title.text


def test_the_raw_line_stands_faintly_behind_the_smoothed_one_only(history):
    assert [trace.name for trace in draw(history).data] == ["Training", "Validation"]
    smoothed = draw(history, smoothing=0.5)
    assert [trace.name for trace in smoothed.data] == ["Training, raw", "Training", "Validation"]
    raw, training = line(smoothed, "Training, raw"), line(smoothed, "Training")
    np.testing.assert_allclose(raw.y, history.steps.column("loss"), rtol=1e-6)
    np.testing.assert_allclose(training.y, smooth(history.steps.column("loss"), 0.5))
    assert raw.opacity < 0.5 < training.opacity
    assert raw.line.color == training.line.color
    assert not raw.showlegend


def test_early_in_a_run_the_smoothed_line_does_not_hang_on_to_the_first_steps():
    early = History()
    for step in range(1, 21):
        early.steps.append(2 / step, 0.5, 0.1, step)
    drawn = line(draw(early, smoothing=0.99), "Training").y
    losses = early.steps.column("loss")
    assert drawn[-1] < losses[5:].mean()
    assert smooth(losses, 0.99)[-1] > losses[5:].mean()  # as it would be if the slider were taken at its word


def test_validation_points_are_never_smoothed(history):
    np.testing.assert_array_equal(
        line(draw(history), "Validation").y, line(draw(history, smoothing=0.9), "Validation").y
    )


@pytest.mark.parametrize(
    ("axis", "training", "validation"),
    [
        ("step", np.arange(1, 121), [30, 60, 90, 120]),
        ("epoch", np.arange(1, 121) / 50, [0.6, 1.2, 1.8, 2.4]),
        ("seconds", np.arange(1, 121) * 0.25, [7.5, 15, 22.5, 30]),
    ],
)
def test_along_the_bottom_stand_steps_epochs_or_seconds(history, axis, training, validation):
    figure = draw(history, x_axis=axis)
    np.testing.assert_allclose(line(figure, "Training").x, training)
    np.testing.assert_allclose(line(figure, "Validation").x, validation)
    assert axis in figure.layout.xaxis.title.text.lower()


def test_a_loss_may_stand_on_a_logarithmic_axis(history):
    assert draw(history).layout.yaxis.type == "linear"
    figure = draw(history, logarithmic=True)
    assert figure.layout.yaxis.type == "log"
    np.testing.assert_array_equal(line(figure, "Training").y, line(draw(history), "Training").y)


@pytest.mark.parametrize("axis", ["step", "epoch", "seconds"])
def test_under_the_pointer_stand_step_epoch_and_value(history, axis):
    for name in ("Training", "Validation"):
        trace = line(draw(history, x_axis=axis, smoothing=0.5), name)
        template = trace.hovertemplate
        assert "step %{customdata[0]" in template
        assert "epoch %{customdata[1]" in template
        assert "%{y" in template
        assert name in template
        np.testing.assert_allclose(trace.customdata[:, 0] / STEPS_PER_EPOCH, trace.customdata[:, 1])
    np.testing.assert_array_equal(line(draw(history, x_axis=axis), "Training").customdata[:, 0], np.arange(1, 121))


def test_zoom_stays_while_points_arrive_and_goes_when_the_axes_change_their_meaning(history):
    before = draw(history).layout.uirevision
    history.steps.append(0.1, 0.9, 0.1, 31)
    assert draw(history).layout.uirevision == before
    assert draw(history, smoothing=0.9).layout.uirevision == before
    others = [draw(history, x_axis="epoch"), draw(history, x_axis="seconds"), draw(history, logarithmic=True)]
    assert len({before, *(figure.layout.uirevision for figure in others)}) == 4


def test_a_long_run_is_drawn_with_500_points_a_line_at_most():
    long = History()
    for step in range(1, 3001):
        long.steps.append(1 / step, 0.5, 0.1, step)
        long.checks.append(ValidationCheck(step, step, 1 / step, 0.5))
    figure = draw(long, smoothing=0.9)
    for trace in figure.data:
        assert 100 < len(trace.x) <= 500
        assert len(trace.x) == len(trace.y) == len(trace.customdata)
        assert trace.x[-1] == 3000


def test_of_a_thinned_history_each_point_stands_at_its_own_step(monkeypatch):
    monkeypatch.setattr("mlp.training.history.MOST_ROWS", 64)
    long = History()
    for step in range(1, 201):
        long.steps.append(1 / step, 0.5, 0.1, step)
    training = line(draw(long, x_axis="step"), "Training")
    assert len(training.x) == 50
    np.testing.assert_allclose(training.y, 1 / training.x)
    np.testing.assert_array_equal(training.x, line(draw(long, x_axis="seconds"), "Training").x)


def test_without_validation_there_is_no_such_line(history):
    history.checks.clear()
    assert [trace.name for trace in draw(history).data] == ["Training"]


def test_a_history_without_any_step_is_an_empty_figure():
    assert all(len(trace.x) == 0 for trace in draw(History(), smoothing=0.9).data)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_figure_wears_the_palette_and_no_colour_of_its_own(history, colours):
    figure = draw(history, colours=colours)
    assert line(figure, "Training").line.color == colours.train
    assert line(figure, "Validation").line.color == colours.validation
    assert figure.layout.font.color == colours.text
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


# -- colours


def luminance(colour):
    """Relative luminance of "#rrggbb", WCAG 2.2."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=["light", "dark"])
def page(request, repository):
    """The palette and the backgrounds of the pages in this theme."""
    theme = tomllib.loads((repository / ".streamlit/config.toml").read_text())["theme"][request.param]
    return palette(request.param), [theme["backgroundColor"], theme["secondaryBackgroundColor"]]


def test_the_contrast_formula_knows_black_and_white():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


def test_text_can_be_read_on_every_page_and_lines_can_be_seen(page):
    colours, backgrounds = page
    for name in ("text", "muted"):
        assert contrast(getattr(colours, name), backgrounds[0]) >= 4.5, name
    for name in ("train", "validation", "test", "wrong"):
        assert contrast(getattr(colours, name), backgrounds[0]) >= 2, name
    assert contrast(colours.text, backgrounds[1]) >= 4.5


def test_what_is_measured_in_different_ways_has_different_colours(page):
    colours, backgrounds = page
    found = [value for value in asdict(colours).values() if value] + [backgrounds[0]]
    assert len({colour.lower() for colour in found}) == len(found)
    lines = [colours.train, colours.validation, colours.test, colours.wrong]
    for one, other in itertools.combinations(lines, 2):
        distance = np.abs([int(one[i : i + 2], 16) - int(other[i : i + 2], 16) for i in (1, 3, 5)]).max()
        assert distance > 40, (one, other)


def test_light_and_dark_pages_have_palettes_of_their_own():
    light, dark = asdict(LIGHT), asdict(DARK)
    assert all(light[name] != dark[name] for name in light if name != "kept")
    assert palette("dark") is DARK
    assert palette("light") is palette(None) is LIGHT
