"""Weights as pictures: each unit where it should be, in the colours its weights ask for."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mlp.viz.export import enlarge, to_gif, to_png
from mlp.viz.palette import DARK, LIGHT, lookup, rgb
from mlp.viz.weights import (
    MAX_CELLS,
    ink_picture,
    matrix_heatmap,
    strongest_blocks,
    weight_limit,
    weight_tiles,
)


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def colours(request):
    return request.param


def patterns(units, seed=0):
    return np.random.default_rng(seed).normal(size=(units, 784)).astype(np.float32)


def tile(picture, unit, columns, gap=1):
    """(28, 28, 3) the pixels of one unit."""
    row, column = divmod(unit, columns)
    top, left = row * (28 + gap), column * (28 + gap)
    return picture[top : top + 28, left : left + 28]


def expected_tile(pattern, limit, colours):
    """(28, 28, 3): colours by the definition, one weight at a time."""
    table = lookup(colours.diverging, 253)
    places = [round(float(np.clip(w / limit, -1, 1)) * 126) + 126 for w in pattern.astype(np.float64)]
    return table[places].reshape(28, 28, 3)


# -- tiles


@pytest.mark.parametrize(("units", "columns", "gap"), [(1, 1, 1), (7, 3, 1), (12, 4, 0), (5, 8, 3)])
def test_every_unit_stands_in_its_place_with_its_colours(units, columns, gap, colours):
    given = patterns(units)
    picture = weight_tiles(given, colours, columns=columns, gap=gap)
    rows = -(-units // columns)
    assert picture.shape == (rows * (28 + gap) - gap, columns * (28 + gap) - gap, 3)
    assert picture.dtype == np.uint8
    for unit in range(units):
        difference = tile(picture, unit, columns, gap).astype(int) - expected_tile(
            given[unit], weight_limit(given), colours
        )
        assert np.abs(difference).max() <= 3  # one shade: float32 may round a half the other way


def test_zero_is_exactly_the_page(colours):
    given = patterns(4)
    given[2] = 0
    picture = weight_tiles(given, colours, columns=2)
    np.testing.assert_array_equal(tile(picture, 2, 2), np.broadcast_to(rgb(colours.background), (28, 28, 3)))
    nothing = weight_tiles(np.zeros((1, 784)), colours, columns=1)
    assert (nothing == rgb(colours.background)).all()


def test_the_ends_of_the_scale_are_the_largest_weight_of_either_sign(colours):
    for sign, end in ((1, -1), (-1, 0)):
        given = np.zeros((1, 784))
        given[0, 0] = 0.3 * sign
        assert (weight_tiles(given, colours, columns=1)[0, 0] == rgb(colours.diverging[end][1])).all()


def test_a_common_scale_compares_units_and_an_own_scale_shows_each_fully(colours):
    given = np.zeros((2, 784))
    given[0, 0], given[1, 0] = 1.0, 0.1
    common = weight_tiles(given, colours, columns=2)
    own = weight_tiles(given, colours, columns=2, own_scale=True)
    assert (common[0, 0] != common[0, 29]).any()
    np.testing.assert_array_equal(own[0, 0], own[0, 29])
    np.testing.assert_array_equal(own[0, 0], common[0, 0])


def test_a_given_limit_holds_from_moment_to_moment(colours):
    given = patterns(3)
    np.testing.assert_array_equal(
        weight_tiles(given / 2, colours, columns=3, limit=4), weight_tiles(given, colours, columns=3, limit=8)
    )


def test_weights_beyond_the_limit_and_not_finite_ones_do_not_break_the_picture(colours):
    given = np.zeros((1, 784))
    given[0, :5] = np.inf, -np.inf, np.nan, 3, 1
    for own in (False, True):
        pixels = weight_tiles(given, colours, columns=1, own_scale=own)[0]
        low, *_, high = [rgb(colour) for _, colour in colours.diverging]
        for place, colour in ((0, high), (1, low), (2, rgb(colours.background)), (3, high)):
            assert (pixels[place] == colour).all()
    assert (weight_tiles(given, colours, columns=1, limit=1)[0, 4] == rgb(colours.diverging[-1][1])).all()


def test_lines_stand_between_the_tiles_and_empty_places_are_the_page(colours):
    picture = weight_tiles(patterns(3), colours, columns=2)
    assert (picture[28] == rgb(colours.neutral)).all()
    assert (picture[:, 28] == rgb(colours.neutral)).all()
    assert (tile(picture, 3, 2) == rgb(colours.background)).all()


def test_without_units_the_picture_is_the_page(colours):
    assert weight_tiles(np.empty((0, 784)), colours, columns=2, gap=0).shape == (28, 56, 3)


# -- digits


def test_a_digit_is_ink_on_the_page(colours):
    digit = np.zeros((20, 28), np.uint8)
    digit[4, 5] = 255
    picture = ink_picture(digit, colours)
    assert picture.shape == (20, 28, 3)
    ink = (picture != rgb(colours.background)).any(axis=2)
    assert list(zip(*np.nonzero(ink), strict=True)) == [(4, 5)]
    np.testing.assert_array_equal(picture[4, 5], rgb(colours.text))


# -- later layers


def test_a_matrix_is_drawn_weight_by_weight(colours):
    W = np.random.default_rng(0).normal(size=(196, 10)).astype(np.float32)
    figure = matrix_heatmap(W, colours, title="Weights", to_names=[f"class {k}" for k in range(10)])
    (trace,) = figure.data
    np.testing.assert_array_equal(trace.z, W.T)
    assert trace.zmax == -trace.zmin == np.abs(W).max()
    assert list(trace.y) == [f"class {k}" for k in range(10)]
    assert trace.hovertemplate.startswith("from unit %{x} to %{y}: %{z:.3g}")
    assert dict(trace.colorscale)[0.5] == colours.background
    assert figure.layout.yaxis.autorange == "reversed"


@pytest.mark.parametrize("shape", [(1024, 1024), (1024, 256), (256, 1024), (1, 1024), (1024, 1)])
def test_large_matrices_show_the_strongest_weight_of_each_block(shape):
    W = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    blocks, columns, rows = strongest_blocks(W)
    assert blocks.size <= MAX_CELLS
    D, K = shape
    ends = [*columns[1:], D], [*rows[1:], K]
    for i in range(0, len(columns), 17):
        for j in range(0, len(rows), 13):
            block = W[columns[i] : ends[0][i], rows[j] : ends[1][j]].ravel()
            assert blocks[i, j] == block[np.abs(block).argmax()]
    figure = matrix_heatmap(W, LIGHT, title="Weights")
    np.testing.assert_array_equal(figure.data[0].z, blocks.T)
    assert len(figure.to_json()) < 300_000


def test_blocks_are_named_by_their_units():
    figure = matrix_heatmap(np.ones((1024, 256)), LIGHT, title="Weights", subtitle="After step 5")
    (trace,) = figure.data
    covered = [unit for span in trace.x for unit in range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)]
    assert covered == list(range(1024))
    assert "from units %{x} to units %{y}: strongest %{z" in trace.hovertemplate
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "category"
    assert figure.layout.title.subtitle.text == "After step 5 · Each cell: the strongest weight of a block of units"


# -- files


@pytest.mark.parametrize("scale", [1, 3])
def test_a_png_holds_the_picture_with_hard_pixels(scale, colours):
    picture = weight_tiles(patterns(2), colours, columns=2)
    read = np.asarray(Image.open(BytesIO(to_png(picture, scale))).convert("RGB"))
    np.testing.assert_array_equal(read, enlarge(picture, scale))
    np.testing.assert_array_equal(read[::scale, ::scale], picture)


def test_a_gif_holds_every_frame_its_time_and_its_colours(colours):
    frames = [weight_tiles(patterns(4, seed), colours, columns=2, limit=3) for seed in range(6)]
    file = Image.open(BytesIO(to_gif(frames, 150)))
    assert file.n_frames == 6
    assert file.info["loop"] == 0
    for index, frame in enumerate(frames):
        file.seek(index)
        assert file.info["duration"] == 150
        np.testing.assert_array_equal(np.asarray(file.convert("RGB")), frame)


def test_a_gif_of_too_many_colours_comes_close_and_keeps_the_page():
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(3)]
    for frame in frames:
        frame[:20] = rgb(DARK.background)
    file = Image.open(BytesIO(to_gif(frames, 100)))
    for index, frame in enumerate(frames):
        file.seek(index)
        read = np.asarray(file.convert("RGB")).astype(int)
        np.testing.assert_array_equal(read[:20], frame[:20])
        assert np.abs(read - frame).mean() < 16


@pytest.mark.parametrize(
    ("frames", "milliseconds", "message"),
    [
        ([], 100, "at least one picture"),
        ([np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)], 100, "one size"),
        ([np.zeros((2, 2, 3), np.uint8)], 5, "at least 20, got 5"),
    ],
)
def test_what_cannot_be_a_gif_is_refused_in_words(frames, milliseconds, message):
    with pytest.raises(ValueError, match=message):
        to_gif(frames, milliseconds)
