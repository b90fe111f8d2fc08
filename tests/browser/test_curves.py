"""The curves while new points arrive: no flicker, and a zoom stays."""

import pytest

from .live_page import LivePage, until

LONG = "epochs=1000"
WATCH = """async (milliseconds) => {
    const plots = () => [...document.querySelectorAll(".mlp-charts > div")];
    const first = plots();
    const frames = [];
    const end = performance.now() + milliseconds;
    await new Promise((done, fail) => {
        const look = () => { try {
            frames.push(plots().map((plot, index) => ({
                same: plot === first[index],
                lines: [...plot.querySelectorAll(".scatterlayer path.js-line")]
                    .filter((path) => (path.getAttribute("d") ?? "").length > 10).length,
                width: plot.clientWidth,
                height: plot.clientHeight,
                svg: plot.querySelector("svg.main-svg")?.getBoundingClientRect().width ?? 0,
                last: Math.max(...(plot._fullData ?? []).map((line) => line.x[line.x.length - 1])),
                range: [...(plot._fullLayout?.xaxis?.range ?? [])],
            })));
            performance.now() < end ? requestAnimationFrame(look) : done();
        } catch (error) { fail(error); } };
        look();
    });
    return frames;
}"""


@pytest.fixture
def playing(live: LivePage) -> LivePage:
    live.open(LONG)
    live.play()
    live.until_step(200)
    until(lambda: len(live.lines()), lambda count: count == 3, "three lines in the chart of the loss")
    return live


def test_curves_grow_without_flicker(playing: LivePage):
    frames = playing.page.evaluate(WATCH, 3000)
    assert len(frames) >= 10
    for chart in (0, 1):
        seen = [frame[chart] for frame in frames if len(frame) == 2]
        assert len(seen) == len(frames), "a chart was missing in some frame"
        assert all(look["same"] for look in seen), "the chart was mounted anew"
        blank = sum(look["lines"] < 2 for look in seen)
        assert blank == 0, f"blank in {blank} of {len(seen)} frames"
        assert len({(look["width"], look["height"], look["svg"]) for look in seen}) == 1, "its size changed"
        assert seen[-1]["last"] > seen[0]["last"], "no new points arrived"
    assert playing.active


def test_a_zoom_stays_while_points_arrive(playing: LivePage):
    page = playing.page
    box = page.locator(".mlp-charts > div").first.locator(".nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.7 * box["height"], steps=8)
    page.mouse.up()
    page.mouse.move(5, 5)
    page.wait_for_function("document.querySelector('.mlp-charts > div')._fullLayout.xaxis.autorange === false")
    frames = [frame[0] for frame in page.evaluate(WATCH, 2500)]
    assert frames[-1]["last"] > frames[0]["last"], "no new points arrived"
    ranges = {tuple(frame["range"]) for frame in frames}
    assert len(ranges) == 1, f"the zoom moved: {ranges}"
    assert frames[-1]["range"][1] < 0.8 * frames[-1]["last"], "there was no zoom to keep"

    # A double click gives the whole run back.
    page.mouse.dblclick(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_function(
        """() => {
            const plot = document.querySelector(".mlp-charts > div");
            const line = plot._fullData[0];
            return plot._fullLayout.xaxis.range[1] >= line.x[line.x.length - 1];
        }"""
    )


def test_no_chart_offers_to_send_itself_elsewhere(playing: LivePage):
    offered = playing.page.locator(".modebar-btn").evaluate_all(
        "(all) => all.map((one) => one.dataset.title ?? one.title)"
    )
    assert offered, "the buttons of the charts"
    assert not [title for title in offered if "share" in title.lower() or "cloud" in title.lower()]


def test_nothing_is_mounted_anew_when_the_network_is(live: LivePage):
    """A setting before the first step, a step, a reset: each makes words or a network come or go on the page."""
    live.open("epochs=3&train_size=1000")
    live.page.get_by_text("Take this network with you").click()
    live.page.locator('[data-testid="stCode"]').wait_for()
    places = ".mlp-charts, .st-key-transport, [data-testid='stCode']"
    count = live.page.evaluate(
        "places => { window.kept = [...document.querySelectorAll(places)]; return window.kept.length }", places
    )
    assert count == 3
    live.page.evaluate(
        """() => {
            window.gone = 0;
            const look = () => { window.gone += kept.filter((place) => !place.isConnected).length;
                requestAnimationFrame(look); };
            look();
        }"""
    )
    live.page.locator(".st-key-setting_activation input").click()
    live.page.get_by_role("option", name="tanh").click()
    live.until_address("activation=tanh")
    live.press("step")
    live.until_step(1)
    live.press("reset")
    until(lambda: live.step, lambda step: step == 0, "the reset")
    assert live.page.evaluate("window.gone") == 0
