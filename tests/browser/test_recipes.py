"""Recipes in a browser: one press from the page to a network that learns; every card on a phone."""

from playwright.sync_api import Locator

from .live_page import LivePage, until
from .test_phone import THUMB_PIXELS, TOO_WIDE

STUDY = """() => [...document.querySelectorAll(".mlp-charts > div")].filter(
    (plot) => plot.getAttribute("aria-label")?.includes("for each") && plot.querySelector("svg.main-svg path")
).length"""
# A table that leaves its card is cut off there.
WIDE_TABLES = """() => [...document.querySelectorAll('[data-testid="stExpander"] table')].filter(
    (table) => table.getBoundingClientRect().right > table.closest("details").getBoundingClientRect().right
).map((table) => table.innerText.slice(0, 80))"""


def go(tab: LivePage) -> None:
    """Through the menu, as a person goes; on a phone it has to be opened first."""
    if tab.page.evaluate("innerWidth") < 768:
        tab.page.get_by_test_id("stExpandSidebarButton").click()
    tab.page.get_by_role("link", name="Recipes", exact=True).click()
    tab.page.locator("h1", has_text="Recipes").wait_for()
    until(lambda: card(tab, "100-digits").is_visible(), bool, "the last recipe")


def card(tab: LivePage, key: str) -> Locator:
    return tab.page.locator(f".st-key-recipe_{key}")


def run_button(tab: LivePage, key: str) -> Locator:
    return tab.page.locator(f".st-key-run_{key} button:visible")


def open_card(tab: LivePage, key: str) -> None:
    card(tab, key).locator("summary").click()
    run_button(tab, key).wait_for()


def test_one_press_trains_the_recipe(live: LivePage):
    live.open("train_size=500&validation_size=200&hidden_layers=8")
    go(live)
    open_card(live, "relu-100")
    run_button(live, "relu-100").click()
    live.page.locator("h1", has_text="Watch it learn").wait_for()
    live.until_step(100)
    first = until(lambda: live.figure("Training loss"), bool, "the first loss")
    until(
        lambda: live.figure("Training loss"), lambda loss: loss is not None and loss < 0.8 * first, "the loss to fall"
    )
    assert "784 → 100 → 10" in live.page.locator("body").inner_text()
    live.until_address("batch_size=64")
    assert live.active
    live.pause()


def test_a_network_that_has_learned_is_not_thrown_away_by_one_press(live: LivePage):
    live.open("train_size=500&validation_size=200&hidden_layers=8&epochs=1")
    live.press("epoch")
    until(lambda: not live.active and live.step, bool, "the end of the epoch")
    go(live)
    open_card(live, "100-digits")
    run_button(live, "100-digits").click()
    keep = live.page.get_by_role("button", name="Keep my network")
    keep.wait_for()
    keep.click()
    keep.wait_for(state="detached")
    run_button(live, "100-digits").click()
    replace = live.page.get_by_role("button", name="Replace it and run")
    replace.click()
    live.page.locator("h1", has_text="Watch it learn").wait_for()
    live.until_step(10)
    assert "train_size=100" in live.page.url


def test_a_study_shows_its_chart(live: LivePage):
    live.open()
    go(live)
    open_card(live, "learning-rate")
    until(lambda: live.page.evaluate(STUDY), lambda count: count == 1, "the chart of the study")


def test_nothing_scrolls_sideways_on_a_phone(phone: LivePage):
    phone.open()
    go(phone)
    for key in ("learning-rate", "keras", "relu-10", "deep", "three-digits-tanh", "ours", "wrong-labels"):
        open_card(phone, key)
    until(lambda: phone.page.evaluate(STUDY), lambda count: count == 2, "the charts of the studies")
    assert phone.page.evaluate(TOO_WIDE) == []
    for key in ("softmax", "deep"):
        assert run_button(phone, key).bounding_box()["height"] >= THUMB_PIXELS - 0.1
    assert phone.page.evaluate(WIDE_TABLES) == []
