"""A phone held upright, by day and by night; the digits, there and on a desktop."""

import re

import pytest

from .conftest import PHONE
from .live_page import LivePage, until

THUMB_PIXELS = 44
BRIGHTNESS = """property => {
    const paint = document.createElement("canvas").getContext("2d");
    paint.fillStyle = getComputedStyle(document.querySelector('[data-testid="stApp"]'))[property];
    paint.fillRect(0, 0, 1, 1);
    const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}"""
# The page scrolls inside of stMain; what a component cuts off does not even scroll.
TOO_WIDE = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    const own = [...document.querySelectorAll('[data-testid="stBidiComponentRegular"], .mlp-charts')]
        .flatMap((component) => [...component.querySelectorAll("*")].flatMap(
            (element) => [element, ...(element.shadowRoot?.querySelectorAll("*") ?? [])]));
    return [
        ...[document.documentElement, main].filter((box) => box.scrollWidth > innerWidth),
        ...own.filter((element) => element.getBoundingClientRect().right > innerWidth + 1),
    ].map((element) => `${Math.round(element.getBoundingClientRect().right)} ${element.outerHTML.slice(0, 80)}`);
}"""
# What a question mark or the like has around it counts too; a chart's own tools are for a pointer.
TOO_SMALL = """thumb => {
    const parts = (root) => [...root.querySelectorAll("*")].flatMap(
        (element) => [element, ...(element.shadowRoot ? parts(element.shadowRoot) : [])]);
    const targets = `button:not([data-testid="stBaseButton-elementToolbar"]), summary, label:has(input),
        a[data-testid]:not([data-testid="stSkipToContent"]), .tools input, [role="group"]:has([role="combobox"])`;
    return parts(document).filter((element) => element.matches(targets) && element.checkVisibility()).map((element) => {
        const box = element.getBoundingClientRect(), around = getComputedStyle(element, "::after");
        const size = ["width", "height"].map((side) => Math.max(box[side], parseFloat(around[side]) || 0));
        return { box, size, is: element.ariaLabel || element.textContent.trim() || element.outerHTML.slice(0, 80) };
    }).filter(({ box, size }) => box.width && box.left >= 0 && box.right <= innerWidth && Math.min(...size) < thumb)
      .map(({ size, is }) => `${size.map(Math.round).join(" × ")}: ${is}`);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(server, visit, scheme):
    phone = visit(server, **PHONE, color_scheme=scheme).open()
    page = phone.page
    background, text = (page.evaluate(BRIGHTNESS, name) for name in ("backgroundColor", "color"))
    assert (background > 0.8 > 0.4 > text) if scheme == "light" else (background < 0.2 < 0.6 < text)

    phone.play_button.tap()
    until(lambda: phone.active, bool, "a tap on Play to play")
    phone.until_step(100)
    phone.play_button.tap()
    until(lambda: phone.active, lambda active: not active, "a tap on Pause to pause")

    assert page.evaluate("innerWidth") == 390
    assert page.evaluate(TOO_WIDE) == []
    transport = page.locator(".st-key-transport button").all() + page.locator(".st-key-chart_options button").all()
    sizes = {button.inner_text().strip(): button.bounding_box() for button in transport if button.is_visible()}
    sizes.pop("", None)  # the question mark that explains a label
    assert len(sizes) >= 4 + 5 + 3
    for name, box in sizes.items():
        assert box["height"] >= THUMB_PIXELS - 0.1, f"{name!r} is {box['height']:.0f} px high"
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= 390, name


def test_a_thumb_meets_what_it_aims_at(phone: LivePage):
    page = phone.open().page
    for title, last in (
        ("", "How to read this page"),
        ("Weights", "Passport of unit"),
        ("Draw a digit", "How it reads"),
    ):
        if title:
            page.get_by_test_id("stExpandSidebarButton").tap()
            page.get_by_test_id("stSidebarNavLink").get_by_text(title, exact=True).tap()
        page.get_by_text(last).first.wait_for()
        page.get_by_test_id("stExpandSidebarButton").wait_for()
        assert page.evaluate(TOO_SMALL, THUMB_PIXELS - 0.1) == [], title


def check_digits(tab: LivePage) -> None:
    assert tab.tiles.count() == 32
    assert all(tile.is_visible() for tile in tab.tiles.all())
    for tile in tab.tiles.all():
        says, caption, kind = tile.get_attribute("aria-label"), tile.text_content(), tile.get_attribute("class")
        if kind == "right":
            assert re.fullmatch(r"The network says (\d) \((?:[<>] )?\d+\.\d% sure\): right\.", says), says
            assert re.fullmatch(r"✓ \d", caption), caption
        else:
            assert re.fullmatch(r"The network says (\d) \((?:[<>] )?\d+\.\d% sure\): wrong, this is (\d)\.", says), says
            assert re.fullmatch(r"✗ \d, is \d", caption), caption
    ink = tab.tiles.first.locator("canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 3 && _).length"
    )
    assert ink > 20, "the first digit is not drawn"


def test_digits_tell_right_from_wrong_by_signs_and_words(live: LivePage):
    live.open()
    check_digits(live)
    kinds = {tile.get_attribute("class") for tile in live.tiles.all()}
    assert "wrong" in kinds
    live.page.keyboard.press("e")
    epoch = until(lambda: not live.active and live.step, bool, "the end of the epoch")
    live.page.keyboard.press("s")  # the last batch of an epoch may be a smaller one
    live.until_step(epoch + 1)
    until(live.tiles.count, lambda count: count == 32, "a full batch")
    check_digits(live)
    assert sum(caption.startswith("✓") for caption in live.captions()) > 24


def test_a_phone_shows_every_digit_that_is_counted(phone: LivePage):
    phone.open()
    check_digits(phone)
    words = phone.page.get_by_text("of these 32 right").inner_text()
    right, wrong = (
        sum(tile.get_attribute("class") == kind for tile in phone.tiles.all()) for kind in ("right", "wrong")
    )
    assert words.startswith(f"{right} of these 32 right (✓), {wrong} wrong (✗)"), words
