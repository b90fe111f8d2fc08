"""Classes can be told apart by everyone, scales keep their meaning, and zero is the page itself."""

import itertools
import tomllib

import numpy as np
import pytest

from mlp.viz.palette import DARK, LIGHT, lookup, rgb

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB
COLOUR_VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# OKLab (Ottosson, 2020): two colours that are 0.02 apart can just be told apart side by side
TO_LMS = np.array(
    [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.6806995, 0.10739696], [0.08830246, 0.28171884, 0.6299787]]
)
TO_LAB = np.array(
    [
        [0.21045426, 0.79361779, -0.00407205],
        [1.97799850, -2.42859221, 0.45059371],
        [0.02590404, 0.78277177, -0.80867577],
    ]
)


def linear(colours):
    """(n, 3) linear RGB of "#rrggbb" colours."""
    channels = np.array([rgb(colour) for colour in colours]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def seen(colours, vision="usual"):
    """(n, 3) OKLab of the colours as such eyes see them."""
    light = np.clip(linear(colours) @ np.array(COLOUR_VISION[vision]).T, 0, 1)
    return np.cbrt(light @ TO_LMS.T) @ TO_LAB.T


def luminance(colours):
    return linear(colours) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted(luminance([one, other]))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def colours(request):
    return request.param


def test_the_background_is_that_of_the_pages(colours, repository):
    theme = tomllib.loads((repository / ".streamlit/config.toml").read_text())["theme"][colours.theme]
    assert colours.background == theme["backgroundColor"]


@pytest.mark.parametrize(("vision", "floor"), [("usual", 0.12), *((v, 0.06) for v in list(COLOUR_VISION)[1:])])
def test_any_two_classes_can_be_told_apart(colours, vision, floor):
    places = seen(colours.classes, vision)
    for one, other in itertools.combinations(range(10), 2):
        distance = np.linalg.norm(places[one] - places[other])
        assert distance > floor, f"{one} and {other}, {vision}: {distance:.3f}"


def test_classes_stand_out_from_the_page(colours):
    assert len(set(colours.classes)) == 10
    for colour in colours.classes:
        assert contrast(colour, colours.background) >= 3, colour


def test_a_class_has_the_same_hue_on_light_and_dark_pages():
    light, dark = seen(LIGHT.classes), seen(DARK.classes)
    for k in range(10):
        hues = [np.arctan2(place[k, 2], place[k, 1]) for place in (light, dark)]
        strength = min(np.hypot(*place[k, 1:]) for place in (light, dark))
        turned = np.degrees(abs((hues[0] - hues[1] + np.pi) % (2 * np.pi) - np.pi))
        assert turned < 35 or strength < 0.03, f"class {k}"  # greys have no hue


def test_zero_is_the_page_and_equal_sizes_are_equally_far_from_it(colours):
    assert dict(colours.diverging)[0.5] == colours.background
    table = lookup(colours.diverging, 255)
    np.testing.assert_array_equal(table[127], rgb(colours.background))
    shades = [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in table]
    lightness = seen(shades)[:, 0]
    np.testing.assert_allclose(lightness, lightness[::-1], atol=0.06)
    away = np.abs(lightness - lightness[127])
    assert (np.diff(away[127:]) >= -1e-3).all()
    assert (np.diff(away[:128]) <= 1e-3).all()


@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_below_and_above_zero_look_different_to_everyone(colours, vision):
    below, above = seen([colours.negative, colours.positive], vision)
    assert np.linalg.norm(below - above) > 0.1


def test_magnitudes_grow_lighter_all_the_way(colours):
    shades = [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in lookup(colours.sequential, 64)]
    assert (np.diff(seen(shades)[:, 0]) > 0).all()


def test_the_neutral_grey_is_on_no_scale_and_not_the_page(colours):
    (grey,) = seen([colours.neutral])
    assert np.hypot(*grey[1:]) < 0.03
    for scale in (colours.sequential, colours.diverging, colours.aim(0.4, 0.6)):
        shades = [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in lookup(scale, 128)]
        assert np.linalg.norm(seen(shades) - grey, axis=1).min() > 0.03
    assert contrast(colours.neutral, colours.background) > 1.8


def test_where_values_ought_to_lie_the_scale_is_level_and_its_edges_are_hard(colours):
    scale = colours.aim(0.4, 0.6)
    inside = {colour for place, colour in scale if 0.4 <= place <= 0.6}
    places = [place for place, _ in scale]
    assert places == sorted(places) == [0, 0.4, 0.4, 0.6, 0.6, 1]
    assert scale[2][1] == scale[3][1]
    assert scale[1][1] == colours.negative
    assert scale[4][1] == colours.positive
    assert len(inside) == 3


def test_a_lookup_passes_through_every_stop_of_a_scale():
    np.testing.assert_array_equal(
        lookup([(0, "#000000"), (0.5, "#FF0000"), (1, "#FFFFFF")], 5),
        [[0, 0, 0], [128, 0, 0], [255, 0, 0], [255, 128, 128], [255, 255, 255]],
    )
