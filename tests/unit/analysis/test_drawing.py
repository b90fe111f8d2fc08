"""Drawings and pictures become digits as MNIST has them, and the network that ships reads them."""

import re

import numpy as np
import pytest
from PIL import Image

from mlp.analysis import (
    Preparation,
    digit_from_image,
    digit_from_strokes,
    drawing,
    pretrained_network,
    stages_from_image,
    stages_from_strokes,
)
from mlp.analysis.drawing import line_width


def arc(x, y, across, down, start, end, points=24):
    """Part of an ellipse around (x, y); degrees, 0 to the right and 90 downwards."""
    angle = np.radians(np.linspace(start, end, points))
    return np.stack([x + across * np.cos(angle), y + down * np.sin(angle)], axis=1).tolist()


# Strokes in a box 100 high, y downwards, as one would write them.
HAND = {
    0: [arc(35, 50, 32, 50, -90, 270)],
    1: [[(30, 0), (30, 100)]],
    2: [[*arc(35, 28, 30, 28, -170, 40), (5, 98), (70, 98)]],
    3: [[*arc(30, 25, 30, 25, -150, 80), *arc(30, 74, 34, 26, -80, 150)]],
    4: [[(45, 0), (5, 62), (75, 62)], [(55, 30), (52, 100)]],
    5: [[(62, 0), (15, 0), (10, 42), *arc(32, 68, 32, 31, -120, 140)]],
    6: [[(55, 0), (28, 22), (10, 55), *arc(34, 72, 26, 28, 180, -180)]],
    7: [[(0, 3), (62, 3), (25, 100)]],
    8: [[*arc(33, 25, 25, 25, -30, -270), *arc(33, 76, 30, 25, -90, 270), *arc(33, 25, 25, 25, 90, -30)]],
    9: [[*arc(32, 28, 26, 28, -20, -360), (58, 30), (52, 100)]],
}


def written(digit, size=1.6, at=(80, 60)):
    return [np.array(stroke) * size + at for stroke in HAND[digit]]


def read(digit):
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    return int(pretrained_network().predict_logits(digit[None]).argmax())


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize(
    ("size", "at", "canvas"),
    [
        (1.6, (80, 60), (280, 280)),
        (0.15, (3, 260), (280, 280)),
        (2.7, (60, 5), (280, 280)),
        (9.0, (50, 90), (3000, 1000)),
    ],
)
def test_strokes_are_recognised_at_any_size_and_place(digit, size, at, canvas):
    assert read(digit_from_strokes(written(digit, size, at), canvas)) == digit


@pytest.mark.parametrize("digit", range(10))
def test_size_and_place_make_no_difference(digit):
    usual = digit_from_strokes(written(digit)).astype(int)
    for size, at in ((0.8, (10, 20)), (2.4, (33.3, 18.1)), (0.31, (200, 230))):
        other = digit_from_strokes(written(digit, size, at))
        assert np.abs(other - usual).mean() < 2
    wide = digit_from_strokes(written(digit, 1.6, (500, 60)), (1000, 280))
    assert np.abs(wide - usual).mean() < 2


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_is_prepared_as_those_of_mnist(digit):
    found = digit_from_strokes(written(digit))
    rows, columns = (np.flatnonzero(found.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = found / found.sum()
    for axis in (0, 1):
        assert abs(np.arange(28) @ mass.sum(axis=1 - axis) - 14) <= 0.51
    assert 2 < line_width(found) < 3
    assert found.max() == 255


def test_the_grey_levels_are_those_of_mnist(digits):
    drawn = np.array([digit_from_strokes(written(digit)) for digit in range(10)])
    real = digits.test.images[:2000]
    for measure in (np.mean, lambda x: (x > 0).mean(), lambda x: (x > 127).sum() / (x > 0).sum()):
        assert measure(drawn) == pytest.approx(measure(real), rel=0.2)


def test_the_stages_follow_one_another():
    stages = stages_from_strokes(written(7), pen_width=10)
    assert [stage.name for stage in stages] == ["drawing", "cropped", "scaled", "centred"]
    drawing, cropped, scaled, centred = (stage.picture for stage in stages)
    assert all(stage.picture.dtype == np.uint8 for stage in stages)
    assert drawing.shape == (280, 280)
    assert cropped.shape == pytest.approx((155 + 10, 99 + 10), abs=3)
    assert max(scaled.shape) == 20
    assert np.array_equal(centred, digit_from_strokes(written(7)))
    assert centred.sum() == scaled.sum()
    thick = stages_from_strokes(written(7), pen_width=30)
    assert thick[0].picture.sum() > 2 * drawing.sum()
    assert np.array_equal(thick[-1].picture, centred)  # the pen's width is MNIST's, whatever was drawn with


def test_each_stage_can_be_left_out():
    strokes = written(3, 0.8, (10, 20))
    names = ("crop", "scale", "centre")
    made = {off: stages_from_strokes(strokes, preparation=Preparation(**{off: False})) for off in names}
    assert made["crop"][1].picture.shape == (280, 280)
    assert made["crop"][2].picture.shape == (20, 20)
    assert max(made["scale"][2].picture.shape) == pytest.approx(80 * 28 / 280 + 2.5, abs=1)
    lit = np.flatnonzero(made["centre"][3].picture.any(axis=0))
    assert abs((lit[0] + lit[-1]) / 2 - 13.5) <= 1
    shrunk = digit_from_strokes(strokes, preparation=Preparation(crop=False, scale=False, centre=False))
    rows, columns = np.nonzero(shrunk > 127)
    assert rows.mean() == pytest.approx((20 + 40) / 10, abs=1)  # where it was drawn
    assert columns.mean() == pytest.approx((10 + 28) / 10, abs=1)


@pytest.mark.parametrize(
    "strokes",
    [
        [[(140, 140)]],
        [[(140, 140), (140, 140)]],
        [[(0, 0)]],
        [[(280, 280)]],
        [[(10, 100), (270, 100)]],
        [[(100, 3), (100, 277)]],
        [[], [(5, 5), (6, 6)]],
        [[(1e-300, 1e-300), (2e-300, 1e-300)]],
        [[(-1e308, -1e308), (1e308, 1e308)]],
        [[(140, 140)], [(150, 1e9)]],
        np.array([[[10, 10], [20, 30]]]),
    ],
)
@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_odd_drawings_are_drawn(strokes, crop, scale):
    with np.errstate(all="raise", under="ignore"):
        for centre in (True, False):
            stages = stages_from_strokes(strokes, preparation=Preparation(crop, scale, centre))
            assert all(stage.picture.any() for stage in stages)


def test_a_dot_stays_a_dot():
    assert (digit_from_strokes([[(20, 20)]]) > 127).sum() < 12
    assert (digit_from_strokes([[(20, 20), (21, 21)]]) > 127).sum() < 20


def test_what_lies_outside_the_canvas_is_cut_away():
    inside = digit_from_strokes([[(100, 50), (100, 280)], [(60, 100), (0, 100)]])
    across = digit_from_strokes([[(100, 50), (100, 900)], [(60, 100), (-500, 100)], [(400, 5), (500, 9)]])
    assert np.array_equal(inside, across)
    corner = digit_from_strokes([[(-100, 90), (90, -100)], [(-50, 100), (100, -50)]])
    assert np.array_equal(corner, digit_from_strokes([[(0, 50), (50, 0)]]))


@pytest.mark.parametrize(
    "canvas",
    [(1e9, 1e9), (1, 1), (1e-6, 1e-6), (1e6, 3), (3, 1e6), (1e-12, 1e-12), (1e12, 1e12), (1e12, 1e-12), (1e-12, 1e12)],
)
def test_any_canvas_will_do(canvas):
    width, height = canvas
    strokes = [[(width * 0.2, height * 0.3), (width * 0.7, height * 0.8)]]
    with np.errstate(all="raise", under="ignore"):
        for stage in stages_from_strokes(strokes, canvas):
            assert stage.picture.any()
            assert max(stage.picture.shape) <= 280


def test_a_scribble_costs_no_more_than_the_paper_is_large(monkeypatch):
    looked_at, render = [], drawing.rendered
    monkeypatch.setattr(
        drawing, "rendered", lambda points, *more: looked_at.append(len(points)) or render(points, *more)
    )
    for points in (500, 20_000):
        digit_from_strokes([np.random.default_rng(0).uniform(0, 280, (points, 2))])
    assert max(looked_at) <= (28 / drawing.SPACING) ** 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([],), "the drawing is empty: at least one stroke with one point is needed"),
        (([[], []],), "the drawing is empty: at least one stroke with one point is needed"),
        (([[(300, 10), (290, 40)]],), "the drawing is empty: all of it lies outside the canvas"),
        (([[(1, 2), (np.nan, 3)]],), "stroke 0 must be finite numbers, got nan"),
        (([[(1, 2)], [(1, 2, 3)]],), "stroke 1 must be (M, 2) numbers, x and y, got the shape (1, 3)"),
        (([(1, 2), (3, 4)],), "stroke 0 must be (M, 2) numbers, x and y, got the shape (2,)"),
        ((["ab"],), "stroke 0 must be (M, 2) numbers, x and y, got str"),
        (([[(1, 2), (3,)]],), "stroke 0 must be (M, 2) numbers, x and y, got list"),
        (([[(1, 2)]], (0, 280)), "canvas_size must be (width, height) in pixels, each in [1e-12, 1e+12], got (0, 280)"),
        (([[(1, 2)]], (280,)), "canvas_size must be (width, height) in pixels, each in [1e-12, 1e+12], got (280,)"),
        (([[(1, 2)]], None), "canvas_size must be (width, height) in pixels, each in [1e-12, 1e+12], got None"),
        (
            ([[(1, 2)]], (1e-320, 1e-320)),
            "canvas_size must be (width, height) in pixels, each in [1e-12, 1e+12], got (1e-320, 1e-320)",
        ),
        ((None,), "strokes must be a sequence of strokes, (M, 2) each, got None"),
        ((5,), "strokes must be a sequence of strokes, (M, 2) each, got 5"),
        (([[(10**400, 2)]],), "stroke 0 must be (M, 2) numbers, x and y, got list"),
    ],
)
def test_bad_strokes_get_a_sentence(arguments, sentence):
    for make in (digit_from_strokes, stages_from_strokes):
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            make(*arguments)


@pytest.mark.parametrize("width", [0, -1, np.nan, np.inf, "thick", True, [16], np.float32(-1)])
def test_a_bad_pen_gets_a_sentence(width):
    with pytest.raises(ValueError, match=r"^pen_width must be in \(0, 1e\+12\] canvas pixels, got "):
        stages_from_strokes([[(1, 2)]], pen_width=width)


@pytest.mark.parametrize("width", [np.float32(16), np.int64(16)])
def test_a_pen_may_be_a_number_of_numpy(width):
    stages = [stages_from_strokes(written(3), pen_width=pen) for pen in (16, width)]
    for one, same in zip(*stages, strict=True):
        np.testing.assert_array_equal(one.picture, same.picture)


# -- pictures


def test_a_picture_without_a_line_has_no_line_width():
    with pytest.raises(ValueError, match=r"^the picture is all black"):
        line_width(np.zeros((28, 28), np.uint8))


def enlarged(digit, times=10):
    return np.array(Image.fromarray(digit).resize((28 * times, 28 * times), Image.Resampling.BICUBIC))


def on_a_page(digit, times, rng, *, paper=235.0, ink=40.0, noise=8.0, gradient=0.5):
    """(400, 500) uint8: a photograph of a page; the light falls off by the share `gradient` to one corner."""
    page = np.zeros((400, 500))
    row, column = rng.integers(5, 395 - 28 * times), rng.integers(5, 495 - 28 * times)
    page[row : row + 28 * times, column : column + 28 * times] = enlarged(digit, times) / 255
    light = 1 - gradient * np.linspace(0.3, 1, 400)[:, None] * np.linspace(0, 1, 500)
    return np.clip((paper + (ink - paper) * page) * light + rng.normal(0, noise, page.shape), 0, 255).astype(np.uint8)


def share_read(pictures, labels):
    found = np.stack([digit_from_image(picture) for picture in pictures])
    return np.mean(pretrained_network().predict_logits(found).argmax(axis=1) == labels)


def test_mnist_comes_back_as_it_is(digits):
    images, labels = digits.test.images[:1500], digits.test.labels[:1500]
    direct = np.mean(pretrained_network().predict_logits(images).argmax(axis=1) == labels)
    found = np.stack([digit_from_image(image) for image in images[:600]])
    assert np.mean(np.abs(found.astype(int) - images[:600]).mean(axis=(1, 2)) < 1) > 0.85
    assert share_read(images, labels) > direct - 0.003


CHANGES = {
    "inverted": lambda image, rng: 255 - image,
    "enlarged": lambda image, rng: enlarged(image),
    "a clean page": lambda image, rng: on_a_page(image, 10, rng, noise=0, gradient=0),
    "noise and uneven light": lambda image, rng: on_a_page(image, 10, rng),
    "small on the page": lambda image, rng: on_a_page(image, 3, rng),
    "pencil": lambda image, rng: on_a_page(image, 6, rng, paper=200, ink=140, noise=5, gradient=0.3),
    "chalk": lambda image, rng: 255 - on_a_page(image, 8, rng),
}


@pytest.mark.parametrize("change", CHANGES)
def test_digits_are_found_in_pictures(digits, change):
    images, labels = digits.test.images[:80], digits.test.labels[:80]
    rng = np.random.default_rng(0)
    direct = np.mean(pretrained_network().predict_logits(images).argmax(axis=1) == labels)
    assert share_read([CHANGES[change](image, rng) for image in images], labels) >= direct - 0.02


def test_shadows_and_specks_are_left_out(digits):
    rng = np.random.default_rng(0)
    shadow = 1 - 0.4 / (1 + np.exp(-(np.add(*np.indices((400, 500))) - 700) / 10))
    pages = [on_a_page(image, 6, rng, gradient=0.2) * shadow for image in digits.test.images[:60]]
    for page in pages:
        page[3:6, 3:6] = 10
        page[390:393, 250:252] = 10
    assert share_read([page.astype(np.uint8) for page in pages], digits.test.labels[:60]) >= 0.93


@pytest.mark.parametrize("pen", [1, 3, 40])
def test_thin_and_thick_lines_are_brought_to_those_of_mnist(pen):
    for digit in (0, 1, 2, 3, 7):
        drawing = stages_from_strokes(written(digit), pen_width=pen)[0].picture
        found = digit_from_image(drawing)
        assert 1.5 < line_width(found) < 5
        assert read(found) == digit


def test_the_stages_of_a_picture(digits):
    page = on_a_page(digits.test.images[0], 5, np.random.default_rng(0))
    drawing, cropped, scaled, centred = (stage.picture for stage in stages_from_image(page))
    assert drawing.shape == (400, 500)
    assert np.median(drawing) < 20
    assert max(cropped.shape) == pytest.approx(100, abs=12)
    assert max(scaled.shape) == 20
    assert centred.shape == (28, 28)
    shrunk = digit_from_image(page, Preparation(crop=False, scale=False, centre=False))
    assert (shrunk > 60).sum(axis=1).astype(bool).sum() == pytest.approx(100 * 28 / 500, abs=2)


def test_a_tight_crop_and_a_large_picture_are_read(digits):
    image = digits.test.images[0]
    tight = image[image.any(axis=1)][:, image.any(axis=0)]
    assert read(digit_from_image(tight)) == 7
    large = np.kron(image, np.ones((150, 150), np.uint8))
    assert read(digit_from_image(large)) == 7


@pytest.mark.parametrize(
    "blank",
    [
        np.zeros((28, 28), np.uint8),
        np.full((300, 200), 255, np.uint8),
        np.full((1, 1), 7, np.uint8),
        np.clip(np.random.default_rng(0).normal(200, 10, (400, 500)), 0, 255).astype(np.uint8),
        np.tile(np.linspace(90, 250, 500).astype(np.uint8), (400, 1)),
    ],
    ids=["black", "white", "one pixel", "noise", "gradient"],
)
def test_an_empty_picture_gets_a_sentence(blank):
    with pytest.raises(ValueError, match=r"^the picture has nothing on it that stands out from the ground"):
        digit_from_image(blank)


@pytest.mark.parametrize(
    "picture", [np.zeros((0, 5), np.uint8), np.zeros(5, np.uint8), np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8)]
)
def test_what_is_no_grey_picture_gets_a_sentence(picture):
    with pytest.raises(ValueError, match=r"^the picture must be \(H, W\) uint8 grey levels, got "):
        digit_from_image(picture)
