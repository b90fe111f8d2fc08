"""The mistakes page in a browser: cells that filter, digits to press, the way to the drawing page, a phone."""

import csv
import re
from time import sleep

import pytest
from playwright.sync_api import expect

from .live_page import LivePage, until
from .test_inspect import INSIDE_A_DRAWING, chart, charts, go, hold_first, one_epoch
from .test_phone import TOO_WIDE

SMALL = "train_size=2000&validation_size=500&hidden_layers=32,16&epochs=1000"
LONG = 100


def opened(tab: LivePage, query: str = SMALL) -> LivePage:
    """The page of a network after one epoch, once it has looked back at all moments."""
    tab.open(query)
    go(tab, "Mistakes")
    one_epoch(tab)
    settled(tab)
    return tab


def settled(tab: LivePage) -> None:
    """Waits until all moments are known: only then is there something to download, and nothing changes any more."""
    save = tab.page.locator('[data-testid="stDownloadButton"] button:visible')

    def look() -> bool:
        before = captions(tab)
        sleep(0.7)
        return save.count() == 1 and save.is_enabled() and captions(tab) == before

    until(look, bool, "the page to stand still")


def digits(tab: LivePage):
    return tab.page.locator("li button.digit")


def captions(tab: LivePage) -> list[str]:
    return digits(tab).locator("b").all_inner_texts()


def cell(tab: LivePage, words: str):
    return tab.page.locator(f"table button[aria-label^='{words}:']")


def filled_cells(tab: LivePage) -> list[str]:
    """What is taken for what, the most frequent first: "9 taken for 4"."""
    labels = [button.get_attribute("aria-label") for button in tab.page.locator("table button").all()]
    mistakes = [label for label in labels if "taken for" in label and ": 0 digits" not in label]
    mistakes.sort(key=lambda label: -int(re.search(r": ([\d,]+) digit", label)[1].replace(",", "")))
    return [label.split(":")[0] for label in mistakes]


def order(tab: LivePage) -> str:
    return tab.page.locator(".st-key-mistakes_order input").input_value()


def told_about(tab: LivePage) -> str:
    """The digit of the biography: "Test digit 1,247"."""
    found = tab.page.locator("h3").filter(has_text=re.compile("^(Test|Validation) digit"))
    return found.first.inner_text() if found.count() else ""


def number_of(button) -> str:
    return re.search(r"digit ([\d,]+):", button.get_attribute("aria-label"))[1]


@pytest.fixture(scope="module")
def shared(server, shared_visit) -> LivePage:
    return opened(shared_visit(server))


@pytest.fixture
def learned(shared: LivePage):
    """The page of a network after one epoch, which several tests share; afterwards all digits are shown again."""
    yield shared
    chip = shared.page.locator(".st-key-mistakes_chip button:visible")
    if chip.count():
        chip.click()
        until(chip.count, lambda count: not count, "all digits again")


def test_a_pressed_cell_filters_the_digits_and_the_chip_shows_all_again(learned: LivePage):
    tab = learned
    all_captions = captions(tab)
    words = filled_cells(tab)[0]
    truth, answer = words.split(" taken for ")
    cell(tab, words).click()
    wanted = f"✗ {answer}, is {truth}"
    until(lambda: set(captions(tab)), lambda seen: seen == {wanted}, f"only {wanted!r}")
    assert cell(tab, words).get_attribute("aria-pressed") == "true"
    tab.page.locator(".st-key-mistakes_chip button:visible", has_text=words).click()
    until(lambda: captions(tab), lambda seen: seen == all_captions, "all digits again")
    cell(tab, words).click()
    until(lambda: set(captions(tab)), lambda seen: seen == {wanted}, f"only {wanted!r}")
    cell(tab, words).click()
    until(lambda: captions(tab), lambda seen: seen == all_captions, "all digits, as the cell was pressed again")


def test_a_cell_of_right_answers_shows_the_least_sure_of_them(learned: LivePage):
    tab = learned
    cell(tab, "7 answered right").click()
    until(lambda: set(captions(tab)), lambda seen: seen == {"✓ 7"}, "right sevens")
    assert order(tab) == "Least sure, though right"
    words = filled_cells(tab)[0]
    cell(tab, words).click()
    until(lambda: set(captions(tab)), lambda seen: len(seen) == 1 and "✗" in min(seen), "mistakes again")
    assert order(tab) == "Highest loss"


def test_an_empty_cell_cannot_be_pressed(learned: LivePage):
    tab = learned
    before = captions(tab)
    empty = tab.page.locator("table button[aria-disabled=true]").first
    empty.click(force=True)
    sleep(1)
    assert captions(tab) == before
    assert empty.get_attribute("aria-pressed") == "false"


def test_a_cell_is_found_and_pressed_by_keyboard(live: LivePage):
    tab = opened(live)
    stops = tab.page.locator("table button[tabindex='0']")
    assert stops.count() == 1, "one stop for the Tab key, arrow keys for the rest"
    stops.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight", "ArrowUp"):
        tab.page.keyboard.press(key)
    expect(cell(tab, "1 answered right")).to_be_focused()
    tab.page.keyboard.press("Space")
    until(lambda: set(captions(tab)), lambda seen: seen == {"✓ 1"}, "right ones")
    assert not tab.active, "Space belongs to the cell, not to Play"


def test_a_pressed_digit_tells_its_biography(learned: LivePage):
    tab = learned
    assert told_about(tab) == f"Test digit {number_of(digits(tab).first)}"
    for place, press in ((4, lambda digit: digit.click()), (7, lambda digit: digit.press("Space"))):
        digit = digits(tab).nth(place)
        press(digit)
        wanted = f"Test digit {number_of(digit)}"
        until(lambda: told_about(tab), lambda seen, wanted=wanted: seen == wanted, wanted)
        assert digit.get_attribute("aria-pressed") == "true"
        plain = wanted.rsplit(" ", 1)[1].replace(",", "")
        assert chart(tab, f"true class of test digit {plain} over the run")["points"] > 10
    assert not tab.active


def test_the_pencil_opens_the_drawing_page_with_one_press(live: LivePage):
    tab = opened(live)
    tab.page.locator("li button.draw").nth(3).click()
    tab.page.locator("h1", has_text="Draw a digit").wait_for()
    sleep(1)


def test_the_other_corner_opens_the_backpropagation_page_with_one_press(live: LivePage):
    tab = opened(live)
    tab.page.locator("li button.walk").nth(3).click()
    tab.page.locator("h1", has_text="Backpropagation").wait_for()
    tab.page.get_by_text("One test digit").wait_for()


def test_presses_count_while_the_network_trains(live: LivePage):
    tab = opened(live)
    live.play()
    for _ in range(2):
        digits(tab).nth(2).click()  # the list jumps while it trains, so any digit may be under the pointer
        sleep(1.5)
        chosen = told_about(tab)
        sleep(1.5)
        assert told_about(tab) == chosen, "what was pressed stays"
    words = filled_cells(tab)[0]
    cell(tab, words).click()
    until(lambda: cell(tab, words).get_attribute("aria-pressed"), lambda seen: seen == "true", words)
    tab.page.locator(".st-key-mistakes_chip button:visible").wait_for()
    live.pause()


def test_nothing_flickers_while_it_follows(live: LivePage):
    """Tiles and cells are kept and filled anew; an element made anew would lose the focus."""
    tab = opened(live)
    live.play()
    cell(tab, "1 answered right").focus()
    tab.page.evaluate("""() => {
        const found = (selector) => [...document.querySelectorAll("*")].map((one) => one.shadowRoot)
            .filter(Boolean).map((root) => root.querySelector(selector)).find(Boolean);
        window.first = {tile: found("li"), cell: found("table td")};
    }""")
    sleep(3)
    assert tab.page.evaluate("window.first.tile.isConnected && window.first.cell.isConnected")
    expect(cell(tab, "1 answered right")).to_be_focused()
    live.pause()


def test_the_matrix_changes_under_the_time_slider(live: LivePage):
    tab = opened(live)
    right = cell(tab, "1 answered right").inner_text()
    hold_first(tab)
    until(lambda: cell(tab, "1 answered right").inner_text(), lambda seen: seen != right, "another count")
    assert tab.page.get_by_text(re.compile(r"^[89],\d{3} of 10,000 test digits are wrong")).count() == 1


def test_all_predictions_are_saved(learned: LivePage):
    tab = learned
    with tab.page.expect_download() as waiting:
        tab.page.locator('[data-testid="stDownloadButton"] button:visible').click()
    rows = list(csv.DictReader(waiting.value.path().read_text().splitlines()))
    assert len(rows) == 10_000
    wrong = sum(row["true"] != row["predicted"] for row in rows)
    assert tab.page.get_by_text(f"{wrong:,} of 10,000 test digits are wrong").count() == 1


def test_validation_digits_too(live: LivePage):
    tab = opened(live)
    tab.page.get_by_text("Validation · 500").click()
    until(lambda: told_about(tab), lambda seen: seen.startswith("Validation digit"), "a validation digit")
    settled(tab)


def test_it_fits_a_phone(phone: LivePage):
    tab = opened(phone)
    until(lambda: len(charts(tab)), lambda count: count == 2, "biography and calibration")
    too_wide = [found for found in tab.page.evaluate(TOO_WIDE) if not INSIDE_A_DRAWING.match(found)]
    assert too_wide == []
    sizes = tab.page.evaluate("""() => [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean)
        .flatMap((root) => [...root.querySelectorAll("b, small, td button, th div, figcaption, .legend span")])
        .filter((one) => one.textContent).map((one) => parseFloat(getComputedStyle(one).fontSize))""")
    assert len(sizes) > LONG
    assert min(sizes) >= 12
    cut = tab.page.evaluate("""() => [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean)
        .flatMap((root) => [...root.querySelectorAll("td button")])
        .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)""")
    assert cut == [], "numbers that do not fit their cells"
    rows = tab.page.locator("td:first-child", has_text=re.compile(r"^\d$"))
    rows.evaluate_all("(rows) => rows.forEach((row) => { row.textContent = 'T-shirt/top'; })")  # as in Fashion-MNIST
    assert tab.page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth") <= 390
    words = filled_cells(tab)[0]
    cell(tab, words).tap()
    until(lambda: len(set(captions(tab))), lambda kinds: kinds == 1, "the digits of one cell")
    until(lambda: (digits(tab).first.bounding_box() or {"y": -1})["y"], lambda y: 0 < y < 844, "the digits in sight")
