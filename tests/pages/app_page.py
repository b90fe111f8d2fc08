"""A page as a person sees it, by AppTest: what stands on it, and what can be pressed. `at` is the visitor."""

import base64
import json
from contextlib import suppress

import numpy as np

from mlp.training import Trainer, TrainingDivergedError

SMALL = {"train_size": "500", "validation_size": "200", "hidden_layers": "16", "epochs": "100"}  # 16 steps an epoch
SHORT = {**SMALL, "epochs": "3"}
DIVERGES = {**SMALL, "hidden_layers": "none", "loss": "mean_squared_error", "learning_rate": "10"}
FOLDERS = {"live": "train", "backprop": "learn", "recipes": "learn"}  # all other pages are in inspect


# -- going somewhere and looking


def see(at):
    """What every look at a page asks for: no exception and no traceback on it."""
    assert [found.value for found in at.exception] == []
    assert "Traceback" not in all_text_and_progress(at)
    return at


def go(at, page):
    """Goes to a page by the name of its file."""
    return see(at.switch_page(f"pages/{FOLDERS.get(page, 'inspect')}/{page}.py").run())


def wait_for(at, condition, tries=400):
    """Looks at the page again, as its polling does in a browser, until it shows something."""
    for _ in range(tries):
        if condition(at):
            return at
        see(at.run())
    raise AssertionError(f"waited in vain; the page says:\n{all_text_and_progress(at)}")


def all_text(block):
    """Every word of the page's body and notices, or of a part of it such as `at.main`."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "success")
    return "\n".join(element.value for kind in kinds for element in block.get(kind))


def all_text_and_progress(at):
    return "\n".join([all_text(at), *(bar.proto.text for bar in at.get("progress"))])


# -- buttons


def buttons(at):
    return {button.label: button for button in at.button}


def labelled(at, label):
    """The button that says so; there is just one."""
    (found,) = [one for one in at.button if one.label == label]
    return found


def keyed(at, key):
    (found,) = [one for one in at.button if one.key == key]
    return found


def press(at, label):
    return see(labelled(at, label).click().run())


def press_key(at, key):
    return see(keyed(at, key).click().run())


# -- other controls


def widget_in(block, kind, label):
    (found,) = [one for one in block.get(kind) if (one.proto.label if kind == "button_group" else one.label) == label]
    return found


def widget(at, kind, label):
    """A control on the page itself, not in the sidebar."""
    return widget_in(at.main, kind, label)


def choose(at, kind, label, value):
    return see(widget(at, kind, label).set_value(value).run())


def setting(at, kind, label):
    """A control anywhere, as a rule in the sidebar."""
    return widget_in(at, kind, label)


def change(at, kind, label, value):
    return see(setting(at, kind, label).set_value(value).run())


# -- the moment that is shown


def follow(at, on):
    return choose(at, "toggle", "Follow live", on)


def moment_slider(at):
    return widget(at, "select_slider", "Moment")


def followed(at):
    """What stands in the slider's place while the run is followed: "step 5 · epoch 0.3"."""
    (line,) = [bar.proto.text for bar in at.get("progress") if " · epoch " in bar.proto.text]
    return line


def moments(at):
    """The steps one can go back to, from the words on the slider; none while the run is followed."""
    return [int(words.split()[1].replace(",", "")) for words in moment_slider(at).options]


def hold(at, step):
    """Switches off “Follow live” and goes back to a step."""
    if widget(at, "toggle", "Follow live").value:
        follow(at, False)
    return choose(at, "select_slider", "Moment", step)


# -- what the page draws with


def has(at, key):
    return any(one.proto.id.endswith(f"-{key}") for one in at.get("bidi_component"))


def data_of(at, key):
    """What the page hands to the element of that key."""
    (found,) = [one for one in at.get("bidi_component") if one.proto.id.endswith(f"-{key}")]
    return json.loads(found.proto.json)


def figures(at, key):
    return [json.loads(text) for text in data_of(at, key)["figures"]]


def figure(at, key):
    """The only figure of that key."""
    (found,) = figures(at, key)
    return found


def numbers(array):
    """A list, or the bytes that plotly packs a list into."""
    if isinstance(array, dict):
        found = np.frombuffer(base64.b64decode(array["bdata"]), np.dtype(array["dtype"]))
        return found.reshape([int(n) for n in str(array["shape"]).split(",")]) if "shape" in array else found
    return np.array(array)


# -- the run behind the page


def trainer_of(at):
    return at.session_state["workbench"].trainer


def train(at, steps, *, every_step=False):
    """Trains while the page is paused, then looks at it again."""
    trainer = trainer_of(at)
    trainer.probes.every_step = every_step
    with suppress(TrainingDivergedError):
        trainer.advance(steps=steps)
    return see(at.run())


def network_at(at, step):
    """The network of another trainer that went as far."""
    apart = Trainer(trainer_of(at).config, trainer_of(at).dataset)
    if step:
        apart.advance(steps=step)
    return apart.network
