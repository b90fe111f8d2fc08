"""Press Play, and a network learns the real digits."""

from time import monotonic, sleep

from .live_page import LivePage, until


def test_play_with_no_setting_touched_learns_the_digits(live: LivePage):
    live.open()
    assert "Press Play" in live.progress
    assert not live.lines()
    live.play()
    first_loss = until(lambda: live.figure("Training loss"), bool, "a first loss")
    until(lambda: live.figure("Training accuracy") or 0, lambda share: share > 0.9, "more than 90 % right")
    assert live.figure("Training loss") < 0.75 * first_loss or live.figure("Training loss") < 0.35
    until(lambda: live.figure("Validation accuracy") or 0, lambda share: share > 0.9, "90 % right in validation")

    names = {line["name"]: line for line in live.lines()}
    assert names["Training"]["points"] >= 100
    assert names["Validation"]["points"] >= 2
    assert max(line["points"] for line in names.values()) <= 500

    live.pause()
    rested = live.step
    sleep(1.2)
    assert live.step == rested, "it trains on after Pause"
    live.play()
    live.until_step(rested + 1)


def test_a_run_comes_to_its_end_and_goes_on_from_there(live: LivePage):
    live.open("epochs=2&train_size=5000")
    live.play()
    until(lambda: live.active, lambda active: not active, "the end of the run")
    assert live.step == live.total_steps > 0
    assert "Epoch 2 of 2" in live.progress
    assert "more epochs" in live.play_button.inner_text()
    assert live.page.get_by_text("Epoch by epoch").is_visible()
    end = live.step
    live.play()
    live.until_step(end + 1)
    assert live.total_steps == 6 * end, "ten more epochs after two"


def test_reset_gives_the_very_same_initial_weights(live: LivePage):
    live.open()
    answers = live.captions()
    assert len(answers) == 32
    assert any(caption.startswith("✗") for caption in answers), "an untrained network is not right everywhere"
    live.play()
    live.until_step(50)
    until(live.captions, lambda captions: captions != answers, "other digits")
    live.press("reset")
    until(lambda: live.step, lambda step: step == 0, "step 0")
    assert not live.active
    until(live.captions, lambda captions: captions == answers, "the answers of the first time")


def test_slow_motion_and_back_to_full_speed(live: LivePage):
    live.open()
    live.choose_speed("5/s")
    live.play()
    first, began = live.until_step(1), monotonic()
    assert first <= 10
    seen = {first}

    def look() -> int:
        seen.add(live.step)
        return live.step

    last = until(look, lambda step: step >= first + 15, "15 steps of slow motion")
    steps_a_second = (last - first) / (monotonic() - began)
    assert steps_a_second <= 10, f"{steps_a_second:.1f} steps a second in place of 5"
    assert len(seen) >= 3, f"the progress jumps: {seen}"
    slow = live.step
    live.choose_speed("Max")
    until(lambda: live.step, lambda step: step > slow + 200, "full speed")
    live.pause()


def test_still_works_for_those_who_want_no_motion(server, visit):
    live = visit(server, reduced_motion="reduce").open()
    live.play()
    live.until_step(20)
    live.pause()
    assert live.lines()
