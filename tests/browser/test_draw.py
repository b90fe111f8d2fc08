"""Drawing with mouse and finger: the answer follows the pen, the page stays where it is, the drawing is kept."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from time import sleep

import pytest
from PIL import Image, ImageDraw

from .live_page import LivePage, until
from .test_inspect import go
from .test_phone import TOO_WIDE

SMALL = "train_size=2000&validation_size=500&hidden_layers=32&epochs=1000"
Points = Sequence[tuple[float, float]]  # x and y as shares of the paper
SEVEN: list[Points] = [[(0.25, 0.22), (0.72, 0.2), (0.62, 0.42), (0.5, 0.65), (0.42, 0.85)]]
ONE: list[Points] = [[(0.52, 0.12), (0.5, 0.5), (0.48, 0.88)]]
ZERO: list[Points] = [
    [(0.5, 0.15), (0.3, 0.25), (0.22, 0.5), (0.3, 0.78), (0.5, 0.86), (0.7, 0.75), (0.78, 0.5), (0.7, 0.24), (0.5, 0.1)]
]
# When the pen is lifted, and when its last message has been answered on the page, in milliseconds.
CLOCK = """() => {
    const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector(".board"));
    const root = roots.find(Boolean);
    const clock = window.clock = {lifted: 0, answered: [], down: 0};
    const canvas = root.querySelector("canvas");
    canvas.addEventListener("pointerdown", () => { clock.down = performance.now(); clock.answered = []; });
    canvas.addEventListener("pointerup", () => { clock.lifted = performance.now(); });
    new MutationObserver(() => clock.answered.push(
        [performance.now(), root.dataset.answered === root.dataset.sent]
    )).observe(root, {attributes: true, attributeFilter: ["data-answered"]});
}"""


class DrawPage:
    """The drawing page in a tab."""

    def __init__(self, tab: LivePage, query: str = "") -> None:
        self.tab, self.page = tab, tab.page
        tab.open(query)
        self.come_back()

    def come_back(self) -> None:
        go_to_drawing(self.tab)
        self.paper.wait_for()

    @property
    def paper(self):
        return self.page.locator(".board canvas")

    def answer(self) -> str:
        return self.page.locator(".board .answer strong").inner_text()

    def sureness(self) -> str:
        return self.page.locator(".board .answer span").inner_text()

    def bars(self) -> list[str]:
        return self.page.locator(".board .bars .share").all_inner_texts()

    def until_answer(self, name: str) -> None:
        until(self.answer, lambda seen: seen == name, f"the answer {name!r}")

    def ink(self) -> int:
        """How many pixels of the paper are drawn on."""
        return self.paper.evaluate(
            """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
                .reduce((sum, value, index) => sum + (index % 4 === 3 && value > 0), 0)"""
        )

    def places(self, stroke: Points, steps: int) -> list[tuple[float, float]]:
        self.paper.scroll_into_view_if_needed()
        box = self.paper.bounding_box()
        corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        between = [
            (a[0] + (b[0] - a[0]) * i / steps, a[1] + (b[1] - a[1]) * i / steps)
            for a, b in pairwise(corners)
            for i in range(steps)
        ]
        return [*between, corners[-1]]

    def draw(self, strokes: Sequence[Points], *, steps: int = 6, pause: float = 0.0, lift: bool = True) -> None:
        """With the mouse."""
        for stroke in strokes:
            first, *rest = self.places(stroke, steps)
            self.page.mouse.move(*first)
            self.page.mouse.down()
            for place in rest:
                self.page.mouse.move(*place)
                sleep(pause)
            if lift:
                self.page.mouse.up()

    def draw_by_touch(self, strokes: Sequence[Points], *, steps: int = 6) -> None:
        """With a finger, as the browser itself would report it."""
        finger = self.page.context.new_cdp_session(self.page)

        def send(kind: str, places: list[tuple[float, float]]) -> None:
            points = [{"x": x, "y": y} for x, y in places]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        for stroke in strokes:
            first, *rest = self.places(stroke, steps)
            send("touchStart", [first])
            for place in rest:
                send("touchMove", [place])
            send("touchEnd", [])

    def take_test_digit(self, number: int) -> None:
        self.page.get_by_role("button", name="Take a test digit").click()
        self.page.get_by_label("Number", exact=True).fill(str(number))
        self.page.keyboard.press("Enter")
        self.page.get_by_text(f"On the paper: test digit {number:,}").wait_for()
        self.page.keyboard.press("Escape")

    def covered(self) -> list[list[float]]:
        """Places on the paper, as shares of it, where something else is seen, or nothing."""
        return self.paper.evaluate(
            """(canvas) => {
                const {left, top, width, height} = canvas.getBoundingClientRect();
                const shares = [0.02, 0.25, 0.5, 0.75, 0.98];
                const seen = (x, y) => document.elementFromPoint(left + x * width, top + y * height)?.shadowRoot;
                return shares.flatMap((x) => shares.map((y) => [x, y])).filter(
                    ([x, y]) => seen(x, y) !== canvas.getRootNode());
            }"""
        )

    def press(self, name: str) -> None:
        self.page.locator(f".board .{name}").click()

    def scrolled(self) -> float:
        return self.page.evaluate("""() => document.querySelector('[data-testid="stMain"]').scrollTop""")


def go_to_drawing(tab: LivePage) -> None:
    """Through the menu. On this page the Play button comes only with the session's own network."""
    phone = tab.page.evaluate("innerWidth") < 768
    if phone:
        tab.page.get_by_test_id("stExpandSidebarButton").click()
    tab.page.get_by_role("link", name="Draw a digit", exact=True).click()
    tab.page.locator("h1", has_text="Draw a digit").wait_for()
    if phone:
        menu = tab.page.get_by_test_id("stSidebar")
        until(lambda: menu.get_attribute("data-collapsed"), lambda closed: closed == "true", "the menu to close")


def test_a_digit_drawn_with_the_mouse_is_recognised_before_any_training(live: LivePage):
    board = DrawPage(live)
    assert board.answer() == ""
    assert live.page.get_by_text("Draw a digit here").is_visible()
    board.draw(SEVEN)
    board.until_answer("7")
    assert re.fullmatch(r"(> )?\d+\.\d% sure", board.sureness())
    assert len(board.bars()) == 10
    assert not live.page.get_by_text("Draw a digit here").is_visible()
    assert live.page.get_by_alt_text("Centred").is_visible()


def test_the_answer_follows_while_the_pen_is_still_down(live: LivePage):
    board = DrawPage(live)
    board.draw(ONE, lift=False)
    board.until_answer("1")
    live.page.mouse.up()
    board.until_answer("1")


def test_undo_and_clear(live: LivePage):
    board = DrawPage(live)
    board.draw(ONE)
    board.until_answer("1")
    ink = board.ink()
    board.draw([[(0.1, 0.1), (0.9, 0.1)]])
    until(board.ink, lambda seen: seen > ink, "more ink")
    board.press("undo")
    until(board.ink, lambda seen: seen == ink, "the stroke to be gone")
    board.until_answer("1")
    board.press("clear")
    until(board.ink, lambda seen: seen == 0, "empty paper")
    board.until_answer("")
    live.page.keyboard.press("Control+z")
    board.until_answer("1")


def test_a_drawing_survives_a_page_switch(live: LivePage):
    board = DrawPage(live)
    board.draw(ZERO)
    board.until_answer("0")
    ink = board.ink()
    go(live, "Gradients")
    board.come_back()
    until(board.ink, lambda seen: abs(seen - ink) < 0.02 * ink, "the same drawing")
    board.until_answer("0")
    board.draw([[(0.1, 0.5), (0.9, 0.5)]])  # it can be gone on with
    until(board.ink, lambda seen: seen > 1.1 * ink, "more ink")


def test_an_undo_during_a_stroke_leaves_the_pen_its_line(live: LivePage):
    board = DrawPage(live)
    board.draw(ONE, lift=False)
    live.page.keyboard.press("Control+z")
    for place in board.places(ONE[0][::-1], 6)[1:]:
        live.page.mouse.move(*place)
    live.page.mouse.up()
    board.until_answer("1")  # and at the end of the test, no error in the console
    live.page.keyboard.press("Control+Shift+Z")
    assert board.ink() > 0


def test_a_stroke_goes_on_while_words_above_it_come_and_go(live: LivePage):
    board = DrawPage(live, SMALL)
    live.page.get_by_text("Yours", exact=True).click()
    live.page.get_by_text("answers with its random initial weights").wait_for()
    until(live.play_button.is_visible, bool, "the Play button")
    sleep(1)  # until the board stands in its new place
    board.draw([SEVEN[0][:2]], lift=False)
    half = board.ink()
    live.page.keyboard.press("s")  # one step of training
    live.page.get_by_text("answers with its random initial weights").wait_for(state="detached")
    for place in board.places(SEVEN[0][1:], 6):
        live.page.mouse.move(*place)
    live.page.mouse.up()
    until(board.ink, lambda seen: seen > 1.5 * half, "the rest of the stroke")


def test_a_palm_beside_the_pen_draws_nothing(live: LivePage):
    board = DrawPage(live)
    board.paper.evaluate(
        """(canvas) => {
            const box = canvas.getBoundingClientRect();
            canvas.setPointerCapture = () => {}; // these pointers are not the browser's own
            const report = (type, pointerId, x, y) => canvas.dispatchEvent(new PointerEvent("pointer" + type, {
                pointerId, pointerType: pointerId === 1 ? "pen" : "touch", isPrimary: true, bubbles: true,
                button: type === "move" ? -1 : 0, clientX: box.left + x * box.width, clientY: box.top + y * box.height,
            }));
            report("down", 1, 0.5, 0.15);
            report("move", 1, 0.5, 0.3);
            report("down", 2, 0.95, 0.95);
            report("move", 1, 0.5, 0.5);
            report("move", 2, 0.9, 0.9);
            report("up", 2, 0.9, 0.9);
            report("move", 1, 0.5, 0.85);
            report("up", 1, 0.5, 0.85);
        }"""
    )
    board.until_answer("1")


def test_a_full_paper_says_so_and_can_be_cleared(live: LivePage):
    board = DrawPage(live)
    board.paper.evaluate(
        """(canvas) => {
            const box = canvas.getBoundingClientRect();
            canvas.setPointerCapture = () => {};
            const report = (type, at) => canvas.dispatchEvent(new PointerEvent("pointer" + type, {
                pointerId: 1, isPrimary: true, bubbles: true, button: type === "move" ? -1 : 0,
                clientX: box.left + box.width * (at % 2 ? 0.2 : 0.8), clientY: box.top + box.height * 0.5,
            }));
            report("down", 0);
            for (let i = 1; i < 10000; i++) report("move", i);
            report("up", 0);
        }"""
    )
    live.page.get_by_text("The paper is full: undo or clear").wait_for()
    board.press("clear")
    board.draw(ONE)
    board.until_answer("1")


def test_a_drawing_that_a_test_digit_replaced_comes_back(live: LivePage):
    board = DrawPage(live)
    board.draw([*ONE, [(0.1, 0.5), (0.9, 0.5)]])
    until(lambda: len(board.bars()[0]), bool, "an answer")
    ink = board.ink()
    board.take_test_digit(0)
    go(live, "Gradients")  # the page remembers what lay there
    board.come_back()
    board.until_answer("7")
    board.press("undo")
    until(board.ink, lambda seen: abs(seen - ink) < 0.02 * ink, "the same drawing")
    board.press("undo")  # and then stroke by stroke
    until(board.ink, lambda seen: 0 < seen < 0.9 * ink, "the first stroke alone")
    board.until_answer("1")


def test_a_finger_draws_and_the_page_stays_where_it_is(phone: LivePage):
    board = DrawPage(phone)
    board.paper.scroll_into_view_if_needed()
    before = board.scrolled()
    board.draw_by_touch(SEVEN)
    board.until_answer("7")
    assert board.scrolled() == before
    assert phone.page.evaluate(TOO_WIDE) == []
    paper = board.paper.bounding_box()
    answer = phone.page.locator(".board .answer").bounding_box()
    assert 0 <= answer["y"] < paper["y"]  # the answer is in sight while one draws
    assert paper["y"] + paper["height"] <= 844


def test_a_test_digit_is_taken_by_keyboard(live: LivePage):
    board = DrawPage(live)
    live.page.get_by_role("button", name="Take a test digit").press("Enter")
    number = live.page.get_by_label("Number", exact=True)
    number.fill("0")
    number.press("Enter")
    board.until_answer("7")  # the first of the 10,000
    assert live.page.get_by_text("test digit 0: it is a 7").is_visible()
    live.page.keyboard.press("Escape")
    board.draw(ZERO)  # a drawing takes its place
    board.until_answer("0")
    board.press("undo")
    board.until_answer("7")


@pytest.mark.parametrize(("screen", "dark_on_light"), [("live", True), ("phone", False)])
def test_an_uploaded_picture_is_read_and_seen(request: pytest.FixtureRequest, screen: str, dark_on_light: bool):
    tab = request.getfixturevalue(screen)
    board = DrawPage(tab)
    paper, ink = ("#f4f1e8", "#20242c") if dark_on_light else ("#101014", "#f0f0f0")
    image = Image.new("RGB", (600, 800), paper)
    points = [(x * 300 + 150, y * 400 + 120) for x, y in SEVEN[0]]
    ImageDraw.Draw(image).line(points, fill=ink, width=24, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    tab.page.get_by_role("button", name="Upload a picture").click()
    tab.page.locator("input[type=file]").set_input_files(
        {"name": "seven.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    board.until_answer("7")
    until(board.covered, lambda places: places == [], "the whole paper to be seen")
    assert tab.page.locator(".board .answer").bounding_box()["y"] >= 0


def test_a_file_that_is_no_picture_gets_a_sentence(live: LivePage):
    board = DrawPage(live)
    board.draw(ONE)
    board.until_answer("1")
    live.page.get_by_role("button", name="Upload a picture").click()
    live.page.locator("input[type=file]").set_input_files(
        {"name": "digit.png", "mimeType": "image/png", "buffer": b"this is no picture"}
    )
    live.page.locator('[data-testid="stAlertContentWarning"]').wait_for()
    assert board.answer() == "1"  # the drawing is still there


def test_a_lesson_tells_how_far_it_is(live: LivePage):
    board = DrawPage(live)
    board.take_test_digit(0)
    live.page.get_by_text("Teach it", exact=True).click()
    live.page.get_by_role("button", name="Keep this drawing").click()
    live.page.get_by_role("slider", name="Steps").press("End")
    live.page.get_by_text("Press Teach to take 500 steps.").wait_for()
    # The words on the line and where the button above them and the words below them stand, many times a second.
    live.page.evaluate(
        """() => {
            const y = (selector) => document.querySelector(selector).getBoundingClientRect().y;
            window.seen = [];
            window.sampler = setInterval(() => window.seen.push([
                document.querySelector('[data-testid="stProgress"]').innerText.trim(),
                y(".st-key-lesson_controls"), y('[data-testid="stExpander"]'),
            ]), 20);
        }"""
    )
    live.page.get_by_role("button", name="Teach", exact=True).click()
    live.page.get_by_text("Before and after the lesson").wait_for()
    seen = live.page.evaluate("() => { clearInterval(window.sampler); return window.seen; }")
    during = [each for each in seen if "Press Teach" not in each[0]]
    steps = [int(found[1]) for words, *_ in during if (found := re.fullmatch(r"Step (\d+) of 500", words))]
    assert len(set(steps)) > 2
    assert steps == sorted(steps)
    assert len({(above, below) for _, above, below in during}) == 1


def test_the_page_says_that_it_is_working_and_stays_in_place(live: LivePage):
    board = DrawPage(live, "train_size=20000&validation_size=500&hidden_layers=1024,1024,1024,1024")
    live.page.get_by_text("Yours", exact=True).click()
    live.page.get_by_text("answers with its random initial weights").first.wait_for()
    board.take_test_digit(0)
    questions = live.page.get_by_test_id("stButtonGroup").filter(has_text="Can it be fooled?")
    working = live.page.get_by_text("Working it out …")
    working.wait_for()
    during = questions.bounding_box()
    working.wait_for(state="detached")
    assert questions.bounding_box() == during
    live.page.get_by_text("training digits nearest to it").wait_for()


def test_how_quickly_it_answers(live: LivePage, capsys: pytest.CaptureFixture[str]):
    """Prints figures; the only thing asserted is that there are answers during the stroke."""
    board = DrawPage(live, SMALL.replace("train_size=2000", "train_size=20000"))  # trains for as long as it is drawn on
    figures = [_measured(board, "no training")]
    live.page.get_by_text("Yours", exact=True).click()
    until(lambda: live.play_button.is_visible(), bool, "the Play button")
    live.play()
    sleep(1)
    figures.append(_measured(board, "training"))
    live.pause()
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(figures) + "\n")


def _measured(board: DrawPage, name: str, strokes: int = 4) -> str:
    board.page.evaluate(CLOCK)
    waited, rates = [], []
    for _ in range(strokes):
        if board.ink():
            board.press("clear")
            sleep(0.3)
        board.draw(ZERO, steps=4, pause=0.016)
        clock = until(
            lambda: board.page.evaluate("window.clock"),
            lambda clock: any(last and at > clock["lifted"] for at, last in clock["answered"]),
            "the answer to the whole stroke",
        )
        answered = next(at for at, last in clock["answered"] if last and at > clock["lifted"])
        waited.append(answered - clock["lifted"])
        during = [at for at, _ in clock["answered"] if at < clock["lifted"]]
        rates.append(len(during) / (clock["lifted"] - clock["down"]) * 1000)
        assert during, "no answer while the pen was down"
    return (
        f"pen up to answer, {name}: {median(waited):.0f} ms median, {max(waited):.0f} at most; "
        f"answers during a stroke: {median(rates):.1f} a second"
    )
