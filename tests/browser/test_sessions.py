"""Reloads, copied addresses, several people, closed tabs."""

from time import sleep
from urllib.parse import parse_qs, urlsplit

from .live_page import LivePage, until

LONG = "epochs=10000"


def test_a_reload_keeps_the_run(live: LivePage):
    live.open(LONG)
    live.play()
    live.until_step(100)
    before = live.step
    live.reload()
    after = until(lambda: live.step, lambda step: step >= 0, "the progress after the reload")
    assert after >= before, f"step {before} before the reload, {after} after it"
    until(lambda: live.active, bool, "it to play on after the reload")
    live.until_step(after + 1)

    live.pause()
    rested = live.step
    live.reload()
    assert not live.active
    assert live.step == rested
    sleep(1)
    assert live.step == rested


def test_a_copied_address_opens_a_run_of_its_own_with_the_same_settings(server, visit):
    mine = visit(server).open(f"{LONG}&hidden_layers=48,24&learning_rate=0.05&batch_size=64")
    mine.play()
    mine.until_step(50)
    theirs = visit(server).go_to(mine.page.url)
    assert theirs.step == 0
    assert not theirs.active
    assert theirs.page.get_by_text("784 → 48 → 24 → 10").is_visible()
    assert theirs.page.get_by_text("SGD at 0.05 · 64 digits at a time").is_visible()
    asked, given = (parse_qs(urlsplit(tab.page.url).query) for tab in (mine, theirs))
    assert asked.pop("run") != given.pop("run")
    assert asked == given

    theirs.press("step")
    theirs.until_step(1)
    before = mine.step
    mine.until_step(before + 1)
    assert mine.active
    assert theirs.step == 1


def test_one_run_too_many_waits_its_turn(one_run_server, visit):
    first, second = visit(one_run_server).open(LONG), visit(one_run_server).open(LONG)
    waits = "in the queue"

    def is_told_to_wait(tab: LivePage) -> bool:
        return tab.page.get_by_text(waits).count() > 0

    first.play()
    first.until_step(10)
    second.play()
    until(lambda: is_told_to_wait(second), bool, "the second to be told that it waits")
    sleep(1)
    assert second.step == 0
    assert second.active

    first.pause()  # a pause makes room
    second.until_step(10)
    until(lambda: is_told_to_wait(second), lambda told: not told, "the notice to go")

    first.play()
    until(lambda: is_told_to_wait(first), bool, "the first to wait in its turn")
    rested = first.step
    second.close()  # a closed tab ends its training
    first.until_step(rested + 10)
    until(lambda: is_told_to_wait(first), lambda told: not told, "the notice to go")
