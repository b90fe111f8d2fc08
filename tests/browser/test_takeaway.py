"""The network taken along and brought back, in a real browser."""

from pathlib import Path

import pytest

from mlp.data import load_dataset
from mlp.training import network_from_bytes

from .live_page import LivePage, until

SMALL = "train_size=1000&hidden_layers=20&epochs=3"
EPOCH_STEPS = 32
TOO_WIDE = """() => [document.documentElement, document.querySelector('[data-testid="stMain"]')]
    .filter((box) => box.scrollWidth > innerWidth).length"""


def unfold(tab: LivePage) -> None:
    tab.page.get_by_text("Take this network with you").click()
    tab.page.locator('[data-testid="stCode"]').wait_for()


def code(tab: LivePage) -> str:
    return tab.page.locator('[data-testid="stCode"] code').inner_text()


def save(tab: LivePage, key: str, path: Path) -> Path:
    with tab.page.expect_download() as download:
        tab.press(key)
    download.value.save_as(path)
    return path


def validation_accuracy(path: Path) -> float:
    """What the page must say of the file's network, as it rounds."""
    digits = load_dataset("mnist", train_size=1000).validation
    answers = network_from_bytes(path.read_bytes()).predict_logits(digits.images).argmax(axis=1)
    return round(float((answers == digits.labels).mean()), 3)


def bring(tab: LivePage, path: Path) -> None:
    """Uploads a file, once the page has been drawn to its end, as it has when a person has found a file."""
    tab.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    tab.page.locator('[data-testid="stFileUploader"] input').set_input_files(path)


@pytest.mark.parametrize("layout", ["numpy", "pytorch"])
def test_saved_weights_come_back_with_the_same_accuracy(live: LivePage, tmp_path: Path, layout: str):
    live.open(SMALL)
    live.press("epoch")
    until(lambda: (live.active, live.step), lambda seen: seen == (False, EPOCH_STEPS), "the end of the epoch")
    unfold(live)
    path = save(live, f"save_weights_{layout}", tmp_path / "weights.safetensors")
    accuracy = validation_accuracy(path)
    shown = until(lambda: live.figure("Validation accuracy"), lambda seen: seen == accuracy, f"{accuracy:.1%}")
    live.press("reset")
    until(lambda: live.step, lambda step: step == 0, "the reset")

    bring(live, path)
    said = live.page.locator('[data-testid="stAlertContentSuccess"]')
    said.wait_for()
    assert "784 → 20 → 10" in said.inner_text()
    found = float(said.inner_text().split("% of the")[0].split()[-1]) / 100
    assert round(found, 3) == shown
    live.page.get_by_text("answered with the weights from the file").wait_for()
    assert live.step == 0
    live.press("step")
    live.until_step(1)

    bring(live, Path(__file__))
    refused = live.page.locator('[data-testid="stAlertContentError"]')
    refused.wait_for()
    assert "test_takeaway.py: the file is not a weights file" in refused.inner_text()
    assert live.step == 1
    live.press("reset")
    refused.wait_for(state="hidden")
    assert not live.faults()


def test_weights_are_saved_while_it_trains_and_after_its_end(live: LivePage, tmp_path: Path):
    live.open(SMALL.replace("epochs=3", "epochs=10000"))
    unfold(live)
    live.play()
    live.until_step(50)
    first = network_from_bytes(save(live, "save_weights_numpy", tmp_path / "a").read_bytes())
    live.until_step(live.step + 50)
    second = network_from_bytes(save(live, "save_weights_numpy", tmp_path / "b").read_bytes())
    assert (first.parameters != second.parameters).any()
    live.pause()
    save(live, "save_weights_pytorch", tmp_path / "c")


def test_the_code_is_saved_as_it_is_shown_and_changes_with_a_setting(live: LivePage, tmp_path: Path):
    live.open(SMALL)
    unfold(live)
    assert "nn.Linear" not in code(live)
    live.page.locator(".st-key-takeaway_framework").get_by_text("PyTorch").click()
    until(lambda: code(live), lambda text: "nn.Linear(784, 20), nn.ReLU()" in text, "the PyTorch script")
    live.page.locator(".st-key-setting_activation input").click()
    live.page.get_by_role("option", name="tanh").click()
    shown = until(lambda: code(live), lambda text: "nn.Tanh()" in text, "the new activation")
    assert save(live, "save_code", tmp_path / "code.py").read_text().strip() == shown.strip()


def test_on_a_phone_only_the_code_scrolls_sideways(phone: LivePage):
    phone.open(SMALL)
    unfold(phone)
    assert phone.page.evaluate(TOO_WIDE) == 0
    block = phone.page.locator('[data-testid="stCode"] pre').first
    assert block.evaluate("box => box.getBoundingClientRect().right <= innerWidth")
    for key in ("save_code", "save_weights_numpy", "save_weights_pytorch"):
        box = phone.button(key).bounding_box()
        assert box is not None
        assert box["height"] >= 43.9
        assert box["x"] + box["width"] <= 390
