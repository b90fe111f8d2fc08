"""Walking a step in a browser: by button, by key, on the graph; numbers to press; nothing wider than a phone."""

from __future__ import annotations

import re

import pytest

from .conftest import PHONE
from .live_page import LivePage, until
from .test_inspect import chart, go
from .test_phone import TOO_WIDE

SMALL = "train_size=2000&validation_size=500&hidden_layers=32&epochs=10000"
DEEP = (
    "train_size=2000&validation_size=500&hidden_layers=64,48,32,24,16,12&dropout=0.1&activation=gelu&optimizer=adamw"
    "&weight_decay=0.01&learning_rate=0.001&gradient_clip=1"
)
# All that would have to be scrolled sideways: formulas, tables, code, or the page itself.
SCROLLS = """() => [...document.querySelectorAll('[data-testid="stMain"] *')].filter((element) => {
    const style = getComputedStyle(element);
    return element.clientWidth && element.scrollWidth > element.clientWidth + 1
        && ["auto", "scroll"].includes(style.overflowX) && style.visibility !== "hidden";
}).map((element) => `${element.scrollWidth} > ${element.clientWidth}: ${element.textContent.slice(0, 60)}`)"""


class Walk:
    """The backpropagation page in a tab."""

    def __init__(self, tab: LivePage, query: str = SMALL) -> None:
        self.tab, self.page = tab, tab.page
        tab.open(query)
        go(tab, "Backpropagation")
        self.graph.first.wait_for()

    @property
    def graph(self):
        return self.page.locator(".graph svg:visible")

    def lit(self) -> list[str]:
        """The letters of the boxes that are lit."""
        return self.graph.locator(".node.lit .name").all_text_contents()

    def stage(self) -> int:
        found = re.search(r"Stage (\d+) of", self.page.locator(".st-key-backprop_stepper").inner_text())
        return int(found[1]) if found else 0

    def until_stage(self, number: int, *lit: str) -> None:
        until(self.stage, lambda seen: seen == number, f"stage {number}")
        if lit:
            until(self.lit, lambda seen: seen == list(lit), f"{lit} to be lit")

    def press(self, key: str) -> None:
        self.page.locator(f".st-key-{key} button:visible").first.click()

    def go_to(self, stage: str) -> None:
        self.graph.locator(f"[data-stage={stage}]").click()

    def says(self, words: str) -> None:
        until(lambda: words in self.page.locator("[data-testid=stMain]").inner_text(), bool, repr(words))

    def grid(self, key: str):
        return self.page.locator(f".st-key-{key} canvas:visible")


@pytest.fixture
def walk(live: LivePage) -> Walk:
    return Walk(live)


def test_through_the_stages_by_button_by_key_and_on_the_graph(walk: Walk):
    walk.until_stage(1, "x")
    walk.press("next")
    walk.until_stage(2, "z₁")
    walk.page.keyboard.press("n")
    walk.until_stage(3, "a₁")
    walk.page.keyboard.press("b")
    walk.until_stage(2, "z₁")
    walk.go_to("dW1")
    walk.until_stage(12, "dW₁")
    box = walk.graph.locator(".lit")
    box.focus()
    box.press("ArrowLeft")
    walk.until_stage(11, "dz₁")
    walk.page.keyboard.press("ArrowRight")  # the focus went with the light
    walk.until_stage(12, "dW₁")
    walk.graph.locator("[data-stage=loss]").focus()
    walk.page.keyboard.press("Space")
    walk.until_stage(6, "loss")
    assert not walk.tab.active, "Space belongs to the box, it does not play"
    slider = walk.page.locator(".st-key-backprop_stepper input[type=range]")
    slider.focus()
    slider.press("End")
    walk.until_stage(15, "loss after")


def test_a_number_is_pressed_by_mouse_and_by_keyboard(walk: Walk):
    walk.go_to("logits")
    walk.until_stage(4, "logits")
    canvas = walk.grid("backprop_numbers")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    wide, high = (box["width"] - 40) / 10, (box["height"] - 18) / 32
    place = {"x": 40 + 3.5 * wide, "y": 18 + 5.5 * high}
    canvas.hover(position=place)
    words = walk.page.locator(".st-key-backprop_numbers .words")
    until(words.inner_text, lambda seen: seen.startswith("digit 5, class 3: "), "the number under the pointer")
    canvas.click(position=place)
    walk.says("logits[5, 3], term by term")
    canvas.focus()
    canvas.press("ArrowDown")
    canvas.press("ArrowRight")
    until(words.inner_text, lambda seen: seen.startswith("digit 6, class 4: "), "the number under the cursor")
    canvas.press("Enter")
    walk.says("logits[6, 4], term by term")
    canvas.press("Space")
    assert not walk.tab.active
    walk.go_to("dW1")
    walk.until_stage(12)
    walk.page.locator(".st-key-backprop_units button").nth(2).click()
    picture = walk.grid("backprop_picture")
    side = picture.bounding_box()["width"] / 28
    picture.click(position={"x": 10.5 * side, "y": 12.5 * side})
    walk.says(f"dW₁[{12 * 28 + 10}, ")


def test_the_walked_step_is_taken(walk: Walk):
    walk.tab.press("step")
    walk.says("Step 2 · epoch")
    walk.page.get_by_role("button", name="Take this step").click()
    walk.says("Step 2 is taken")
    walk.says("are as foretold, to the last bit")
    walk.says("Step 3 · epoch")


def test_while_it_trains_the_numbers_stand_still(walk: Walk):
    walk.go_to("z1")
    walk.until_stage(2)
    words = walk.page.locator(".st-key-backprop_numbers .words")
    before = until(words.inner_text, lambda seen: seen.startswith("digit 0"), "the numbers")
    walk.tab.play()
    walk.says("the numbers below stay those of step 1")
    assert words.inner_text() == before
    walk.page.get_by_role("button", name="Take a new batch").click()
    until(
        lambda: "stay those of step 1," in walk.page.locator("body").inner_text(),
        lambda there: not there,
        "a new batch",
    )
    until(words.inner_text, lambda seen: seen.startswith("digit 0") and seen != before, "other numbers")
    walk.tab.pause()
    until(lambda: walk.page.get_by_role("button", name="Take this step").is_enabled(), bool, "the run's own next step")


def test_the_questions(walk: Walk):
    curve = chart(walk.tab, "over the learning rate of this step")
    assert "scatter" in curve["kinds"]
    walk.page.get_by_text("Is the gradient right?").click()
    walk.says("All arrays agree")
    walk.page.get_by_text("Find the fault", exact=True).click()
    walk.says("Where is it?")
    walk.page.locator(".st-key-backprop_guess button").first.click()
    walk.says("Found so far:")
    walk.page.get_by_text("Why p − y?").click()
    walk.says("rounding in float64")


@pytest.mark.parametrize(("query", "scheme"), [(SMALL, "light"), (DEEP, "dark")])
def test_nothing_scrolls_sideways_on_a_phone(server, visit, query, scheme):
    walk = Walk(visit(server, **PHONE, color_scheme=scheme), query)
    page = walk.page
    folded = page.locator("[data-testid=stExpander] details:not([open]) summary")
    while folded.count():
        folded.first.click()
        page.wait_for_timeout(100)
    stages = int(re.search(r"of (\d+)", page.locator(".st-key-backprop_stepper").inner_text())[1])
    for number in range(1, stages + 1):
        walk.until_stage(number)
        page.wait_for_timeout(50)
        assert page.evaluate(TOO_WIDE) == [], f"stage {number}"
        assert page.evaluate(SCROLLS) == [], f"stage {number}"
        if number < stages:
            walk.press("next")
    for question in ("Is the gradient right?", "Find the fault", "Why p − y?"):
        page.get_by_text(question, exact=True).click()
        walk.says({"I": "Analytic", "F": "Where is it?", "W": "on its own"}[question[0]])
        assert page.evaluate(TOO_WIDE) == [], question
        assert page.evaluate(SCROLLS) == [], question
    assert walk.graph.locator("text.name").first.evaluate("text => text.getBoundingClientRect().height") > 12
