"""Everything that is played with, from the keyboard alone."""

from time import sleep

from .live_page import LivePage, until

SMALL = "train_size=2000&validation_size=1000&epochs=1000"
FOCUS_LOOK = "button => { const style = getComputedStyle(button); return style.boxShadow + style.outline; }"


def toggled(live: LivePage, to: bool) -> None:
    """It changes to that state and stays there: a second toggle would bring it back."""
    until(lambda: live.active, lambda active: active == to, "playing" if to else "pausing")
    sleep(1)
    assert live.active == to, "one press toggled twice"


def test_space_plays_and_pauses(live: LivePage):
    live.open(SMALL)
    live.page.keyboard.press("Space")
    toggled(live, True)
    live.page.keyboard.press("Space")
    toggled(live, False)
    live.play_button.focus()
    live.page.keyboard.press("Space")
    toggled(live, True)
    live.play_button.focus()
    live.page.keyboard.press("Space")
    toggled(live, False)
    assert live.step > 0


def test_s_is_one_step_and_e_one_epoch(live: LivePage):
    live.open(SMALL)
    for step in (1, 2, 3):
        live.page.keyboard.press("s")
        live.until_step(step)
        sleep(0.7)
        assert live.step == step
        until(lambda: live.active, lambda active: not active, "a pause after the step")
    epoch = live.total_steps // 1000
    for times in (1, 2):
        live.page.keyboard.press("e")
        live.until_step(times * epoch)
        sleep(0.7)
        assert live.step == times * epoch
        until(lambda: live.active, lambda active: not active, "a pause after the epoch")


def test_tab_reaches_play_and_shows_where_it_is(live: LivePage):
    live.open(SMALL)
    look_without_focus = live.play_button.evaluate(FOCUS_LOOK)
    for _ in range(100):
        live.page.keyboard.press("Tab")
        if live.play_button.evaluate("button => button === document.activeElement"):
            break
    else:
        raise AssertionError("Tab does not reach Play")
    assert live.play_button.evaluate(FOCUS_LOOK) != look_without_focus, "the focus is not to be seen"
    live.page.keyboard.press("Enter")
    toggled(live, True)
