"""Seeing inside: the heatmap while it grows, units to press, the film of a run, files to keep; on a phone too."""

import io
import re
from time import sleep

from PIL import Image

from .live_page import LivePage, until
from .test_phone import TOO_WIDE

SMALL = "train_size=2000&validation_size=500&hidden_layers=32,16&epochs=1000"
EPOCH = 63  # steps
HEATMAP = "for each layer over the run"
INSIDE_A_DRAWING = re.compile(r"-?\d+ <(g|path|image|text|rect)\b")  # what plotly draws past its frame is cut off
CHARTS = """() => [...document.querySelectorAll(".mlp-charts > div")].map((plot) => ({
    what: plot.getAttribute("aria-label"),
    kinds: [...new Set((plot._fullData ?? []).map((trace) => trace.type))],
    rows: plot._fullData?.[0]?.z?.length ?? 0,
    points: (plot._fullData ?? []).reduce((sum, trace) => sum + (trace.x?.length ?? 0), 0),
    cursor: plot.layout?.shapes?.[0]?.x0 ?? null,
    drawn: plot.querySelectorAll("svg.main-svg :is(image, path)").length,
}))"""


def go(tab: LivePage, title: str) -> None:
    """Through the menu, as a person goes; on a phone it has to be opened first."""
    menu = tab.page.get_by_test_id("stSidebar")
    phone = tab.page.evaluate("innerWidth") < 768
    if phone:
        tab.page.get_by_test_id("stExpandSidebarButton").click()
    tab.page.get_by_role("link", name=title, exact=True).click()
    tab.page.locator("h1", has_text=title).wait_for()
    until(lambda: tab.play_button.is_visible(), bool, "the Play button")
    if phone:  # the menu lay over the page, and puts itself away
        until(lambda: menu.get_attribute("data-collapsed"), lambda closed: closed == "true", "the menu to close")


def charts(tab: LivePage) -> list[dict]:
    return tab.page.evaluate(CHARTS)


def chart(tab: LivePage, words: str) -> dict:
    """The chart whose description holds these words, once it is drawn."""
    found = until(
        lambda: [one for one in charts(tab) if words in (one["what"] or "") and one["drawn"]],
        lambda found: len(found) == 1,
        f"the chart {words!r}",
    )
    return found[0]


def moment(tab: LivePage) -> int:
    """The step on the time slider, or on the line in its place while the run is followed; -1 while there is none."""
    words = tab.page.evaluate(
        """() => {
            const strip = document.querySelector(".st-key-moment_strip");
            const slider = strip?.querySelector("input[type=range]");
            return slider?.ariaValueText ?? strip?.querySelector("[data-testid=stProgress]")?.innerText ?? "";
        }"""
    )
    found = re.match(r"step ([\d,]+)", words.strip())
    return int(found[1].replace(",", "")) if found else -1


def one_epoch(tab: LivePage) -> int:
    """Trains to the end of the epoch; the step where it stands then."""
    before = moment(tab)
    tab.press("epoch")
    return until(lambda: moment(tab), lambda step: step > max(before, 0) and step % EPOCH == 0, "the end of the epoch")


def hold_first(tab: LivePage) -> None:
    """Switches off “Follow live” and goes back to the initial weights, by keyboard."""
    tab.page.locator(".st-key-moment_strip").get_by_text("Follow live").click()
    slider = tab.page.locator(".st-key-moment_strip input[type=range]")
    until(slider.is_enabled, bool, "the slider to be moved")
    slider.focus()
    slider.press("Home")
    until(lambda: moment(tab), lambda step: step == 0, "step 0")


def saved(tab: LivePage, label: str) -> Image.Image:
    button = tab.page.locator(".st-key-weights_exports button:visible", has_text=label).first
    until(button.is_enabled, bool, f"{label} to be enabled")
    with tab.page.expect_download() as waiting:
        button.click()
    return Image.open(io.BytesIO(waiting.value.path().read_bytes()))


def test_the_heatmap_has_a_row_for_each_layer_follows_and_can_be_held(live: LivePage):
    live.open(SMALL)
    go(live, "Gradients")
    assert live.page.get_by_text("Nothing has been learnt yet").is_visible()
    live.play()
    heatmap = chart(live, HEATMAP)
    assert heatmap["kinds"] == ["heatmap"]
    assert heatmap["rows"] == 3
    until(lambda: len(charts(live)), lambda count: count == 5, "two histograms and two bands")
    start = chart(live, HEATMAP)["cursor"]
    later = until(lambda: chart(live, HEATMAP)["cursor"], lambda x: x > start + 50, "a later cursor")
    assert later > 0
    hold_first(live)
    until(lambda: chart(live, HEATMAP)["cursor"], lambda x: x == 0, "the cursor at step 0")
    for _ in range(5):
        sleep(0.3)
        assert moment(live) == 0
        assert chart(live, HEATMAP)["cursor"] == 0
    live.page.locator(".st-key-moment_strip").get_by_text("Follow live").click()
    until(lambda: moment(live), lambda step: step > later, "it to follow again")
    live.pause()


def test_the_moment_followed_is_never_that_of_the_start(live: LivePage):
    """A slider whose list of moments grew showed step 0 at every third look."""
    live.open("epochs=1000")
    live.play()
    live.until_step(200)
    for title in ("Weights", "Activations"):
        go(live, title)
        first = until(lambda: moment(live), lambda step: step >= 0, "the moment")
        assert first >= 200
        for _ in range(6):
            sleep(0.3)
            assert moment(live) >= first
    before = live.page.locator(".st-key-moment_strip").bounding_box()
    live.page.locator(".st-key-moment_strip").get_by_text("Follow live").click()
    live.page.locator(".st-key-moment_strip input[type=range]").wait_for()
    held = until(lambda: moment(live), lambda step: step > 0, "the held moment")
    assert live.page.locator(".st-key-moment_strip").bounding_box() == before, "the page moves with the toggle"
    for title in ("Weights", "Activations"):
        go(live, title)
        until(lambda: moment(live), lambda step: step == held, "the held moment on the next page")
    live.pause()


def test_a_remedy_tries_itself_on_the_start_page_and_among_the_gradients(live: LivePage):
    remedy = live.page.get_by_role("button", name="Try learning rate: 0.1").first  # of several findings
    for page in (None, "Gradients"):
        live.open(f"{SMALL}&learning_rate=10")
        live.press("step")
        live.until_step(1)
        until(lambda: live.active, lambda active: not active, "a pause after the step")
        live.page.evaluate("document.querySelector('.mlp-charts').marked = true")
        top = live.page.locator(".mlp-charts").bounding_box()["y"]
        live.play()
        if page:
            go(live, page)
        if not page:
            live.page.get_by_role("button", name="The learning rate is too high").click()
            unfolded = live.page.get_by_test_id("stPopoverBody")
            unfolded.wait_for()
            remedy.wait_for()
            assert live.page.evaluate("document.querySelector('.mlp-charts').marked"), "the charts were drawn anew"
            assert live.page.locator(".mlp-charts").bounding_box()["y"] == top, "the charts moved"
        remedy.click()
        remedy.wait_for(state="hidden")
        if not page:
            unfolded.wait_for(state="hidden")  # it would lie over the new curves
        until(lambda: live.active, bool, "the new network to train")
        live.page.wait_for_function("!location.href.includes('learning_rate')")
        live.pause()


def test_a_unit_is_pressed_by_mouse_and_by_keyboard(live: LivePage):
    live.open(SMALL)
    go(live, "Weights")
    trained = one_epoch(live)
    sleep(1.5)  # until the page stands still
    units = live.page.locator("button[aria-label^='Unit ']")
    assert until(units.count, bool, "the units") == 32

    def passport() -> tuple[str | None, str, bool]:
        number = live.page.get_by_label("Unit", exact=True).first.input_value()
        chosen = live.page.locator("button[aria-pressed=true][aria-label^='Unit ']")
        label = chosen.get_attribute("aria-label") if chosen.count() == 1 else ""
        caption = live.page.get_by_text(f"What unit {number} looks for").count() == 1
        return number, re.findall(r"\d+", label or "?")[:1][0] if label else "", caption

    for place, press in ((5, lambda unit: unit.click()), (9, lambda unit: unit.press("Enter"))):
        number = re.findall(r"\d+", units.nth(place).get_attribute("aria-label"))[0]
        press(units.nth(place))
        until(passport, lambda seen, number=number: seen == (number, number, True), f"the passport of unit {number}")
    assert moment(live) == trained


def test_a_unit_can_be_pressed_while_the_network_trains(live: LivePage):
    live.open(SMALL)
    go(live, "Weights")
    live.play()
    for number in range(1, 20, 2):
        unit = live.page.locator(f"button[aria-label^='Unit {number},']")
        unit.click()
        sleep(1)
        assert unit.get_attribute("aria-pressed") == "true", f"the press on unit {number} was lost"


def test_space_on_a_unit_presses_the_unit(live: LivePage):
    live.open(SMALL)
    go(live, "Weights")
    unit = live.page.locator("button[aria-label^='Unit ']").nth(9)
    unit.focus()
    live.page.keyboard.press("Space")
    until(lambda: unit.get_attribute("aria-pressed"), lambda pressed: pressed == "true", "the unit", seconds=2)
    assert not live.active


def test_a_run_is_played_back_stopped_and_saved(live: LivePage):
    live.open(SMALL)
    go(live, "Weights")
    last = one_epoch(live)
    strip = live.page.locator(".st-key-moment_strip")
    seen: list[int] = []

    def look() -> list[int]:
        seen.append(moment(live))
        return seen

    strip.get_by_role("button", name="Play back").click()
    until(look, lambda seen: bool(set(seen) - {last}), "a moment of the film")
    strip.get_by_role("button", name="Stop").click()
    strip.get_by_role("button", name="Play back").wait_for()
    sleep(0.5)
    stopped = moment(live)
    assert stopped < last
    sleep(1)
    assert moment(live) == stopped

    assert saved(live, "Picture").format == "PNG"
    animation = saved(live, "Animation")
    assert animation.format == "GIF"
    assert animation.n_frames > 1
    frames = []
    for number in range(animation.n_frames):
        animation.seek(number)
        frames.append(animation.convert("RGB").tobytes())
    assert frames[0] != frames[-1]

    seen.clear()
    strip.get_by_role("button", name="Play back").click()
    until(look, lambda seen: seen[-1] == last, "the end of the film")
    strip.get_by_role("button", name="Play back").wait_for()
    film = [step for step, before in zip(seen, [None, *seen], strict=False) if step not in (before, stopped)]
    assert film == sorted(film)
    assert len(film) >= 4


def test_two_thousand_digits_in_the_plane_and_one_in_strips(live: LivePage):
    live.open(SMALL)
    go(live, "Activations")
    one_epoch(live)
    plane = chart(live, "plane of hidden 2")
    assert (plane["kinds"], plane["points"]) == (["scatter"], 2000)
    live.page.get_by_text("Hidden 1", exact=True).click()
    assert chart(live, "plane of hidden 1")["points"] == 2000
    digit = live.page.get_by_label("Test digit", exact=True).first
    digit.fill("77")
    digit.press("Enter")
    assert chart(live, "layer for test digit 77")["kinds"] == ["heatmap"]


def test_every_inspect_page_fits_a_phone(phone: LivePage):
    phone.open(SMALL)
    for title, shown in (
        ("Gradients", "at the end"),
        ("Weights", "for each class"),
        ("Activations", "plane"),
    ):
        go(phone, title)
        if title == "Gradients":
            one_epoch(phone)
        chart(phone, shown)
        sleep(0.5)
        assert phone.page.evaluate("innerWidth") == 390
        too_wide = [found for found in phone.page.evaluate(TOO_WIDE) if not INSIDE_A_DRAWING.match(found)]
        assert too_wide == [], title


def test_the_very_first_visitor_may_come_by_a_link_to_an_inspect_page(one_run_server, browser):
    page = browser.new_context().new_page()
    try:
        page.goto(f"{one_run_server.url}/gradients")
        page.locator("h1", has_text="Gradients").wait_for()
        sleep(1)
        assert page.get_by_role("dialog").count() == 0
    finally:
        page.context.close()
