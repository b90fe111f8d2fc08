"""The sidebar: one control for each setting, read from and written to a `RunConfig`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mlp.data import SOURCES
from mlp.training import FULL_BATCH, RunConfig
from mlp.ui import names

MOST_LAYERS = 6
Draw = Callable[["Control"], None]


@dataclass(frozen=True)
class Control:
    """One setting on the page. `help` is one sentence on what it does to learning, `none` the word for None."""

    name: str
    label: str
    help: str
    draw: Draw
    shown: Callable[[], bool] = lambda: True
    none: str = "off"

    @property
    def key(self) -> str:
        """Where the session keeps the control's value."""
        return _key(self.name)


def _key(name: str) -> str:
    return f"setting_{name}"


def _value(name: str) -> Any:
    return st.session_state[_key(name)]


def _widget(control: Control) -> dict[str, Any]:
    return {"label": control.label, "key": control.key, "help": control.help, "persist_state": "session"}


def _choice(control: Control) -> None:
    st.selectbox(options=RunConfig.choices(control.name), format_func=names.choice, **_widget(control))


def _ladder(*extra: Any, low: float, high: float, last: tuple[Any, ...] = ()) -> Draw:
    """A slider over 1, 2, 5, 10, … between low and high, with further rungs, and the value that is set just now."""
    rungs = {round(digit * 10.0**power, 10) for power in range(-6, 5) for digit in (1, 2, 5)}
    numbers = {rung for rung in rungs if low <= rung <= high} | {number for number in extra if number is not None}

    def draw(control: Control) -> None:
        now = _value(control.name)
        whole = RunConfig.bounds(control.name).low % 1 == 0 and all(number % 1 == 0 for number in numbers)
        chosen = numbers | ({now} if isinstance(now, int | float) else set())
        options = [*(int(n) if whole else n for n in sorted(chosen)), *last, *([None] if None in extra else [])]
        st.select_slider(
            options=options,
            format_func=lambda value: control.none if value is None else names.choice(value),
            **_widget(control),
        )

    return draw


def _slider(step: float, unit: str = "") -> Draw:
    """An even slider over the setting's bounds."""

    def draw(control: Control) -> None:
        bounds = RunConfig.bounds(control.name)
        kind = int if isinstance(step, int) else float
        low = bounds.low + (step if bounds.low_open else 0)
        high = bounds.high - (step if bounds.high_open else 0)
        now = _value(control.name)
        st.slider(
            min_value=kind(min(low, now)),
            max_value=kind(max(high, now)),
            step=step,
            format=("%d" if kind is int else "%g") + unit,
            **_widget(control),
        )

    return draw


def _number(control: Control) -> None:
    bounds = RunConfig.bounds(control.name)
    st.number_input(min_value=int(bounds.low), max_value=int(bounds.high), step=1, **_widget(control))


def _layers(control: Control) -> None:
    st.slider(control.label, 0, MOST_LAYERS, key=_key("depth"), help=control.help, persist_state="session")
    for layer in range(_value("depth")):
        st.slider(
            f"Units in hidden layer {layer + 1}",
            1,
            1024,
            key=_key(f"width_{layer}"),
            help="Units are the features a layer can tell apart: more can fit finer differences, and take longer.",
            persist_state="session",
        )


def _classes(control: Control) -> None:
    class_names = SOURCES[_value("dataset")].class_names
    st.pills(
        options=range(len(class_names)),
        format_func=lambda index: class_names[index],
        selection_mode="multi",
        **_widget(control),
    )


def _is(name: str, *values: str) -> Callable[[], bool]:
    return lambda: _value(name) in values


_HAS_LAYERS: Callable[[], bool] = lambda: _value("depth") > 0  # noqa: E731 - reads as the conditions beside it

NETWORK = (
    Control(
        "hidden_layers",
        "Hidden layers",
        "Each layer builds features out of the one before; none at all is softmax regression.",
        _layers,
    ),
    Control(
        "activation",
        "Activation",
        "The bend after each hidden layer; without it any number of layers is no more than one.",
        _choice,
        _HAS_LAYERS,
    ),
)
MORE_NETWORK = (
    Control(
        "weight_init",
        "Initial weights",
        "How wide the random first weights spread: too narrow or too wide and signals die or explode with depth.",
        _choice,
    ),
    Control(
        "weight_init_std",
        "Their standard deviation",
        "The spread of the first weights when they come from one normal distribution.",
        _ladder(low=1e-3, high=10),
        _is("weight_init", "normal"),
    ),
    Control(
        "dropout",
        "Dropout",
        "The share of hidden units switched off at random in each step, so that no unit can rely on another.",
        _slider(0.05),
        _HAS_LAYERS,
    ),
    Control(
        "seed",
        "Random seed",
        "The start of all randomness: the same seed gives the same first weights and the same order of digits.",
        _number,
    ),
    Control(
        "dtype",
        "Precision",
        "How many bits each number has: float32 is faster, float64 is for checking.",
        _choice,
    ),
)
OPTIMIZATION = (
    Control(
        "optimizer",
        "Optimizer",
        "How a gradient becomes a step: plain, with momentum, or with a step size of its own for each weight.",
        _choice,
    ),
    Control(
        "learning_rate",
        "Learning rate",
        "How far each step goes: too small and nothing seems to happen, too large and it overshoots; "
        "also to change while training.",
        _ladder(low=1e-5, high=10),
    ),
    Control(
        "momentum",
        "Momentum",
        "How much of the last step lives on in the next, like a ball rolling downhill; also to change while training.",
        _slider(0.01),
        _is("optimizer", "momentum", "nesterov"),
    ),
    Control(
        "batch_size",
        "Batch size",
        "How many digits the network sees before each correction: smaller is noisier, larger is steadier.",
        _ladder(*(2**power for power in range(15)), low=1, high=1, last=(FULL_BATCH,)),
    ),
    Control(
        "epochs",
        "Epochs",
        "How many times the network sees every training digit; also to change while training.",
        _ladder(low=1, high=10_000),
    ),
)
MORE_OPTIMIZATION = (
    Control(
        "weight_decay",
        "Weight decay",
        "Pulls every weight a little towards zero at each step, against memorising; also to change while training.",
        _ladder(0, low=1e-6, high=1),
    ),
    Control(
        "schedule",
        "Learning-rate schedule",
        "How the learning rate falls over the run: large steps first, small ones to settle.",
        _choice,
    ),
    Control(
        "decay_epochs",
        "Epochs between decays",
        "How many epochs pass until the learning rate has been multiplied by the factor below.",
        _ladder(low=0.1, high=1000),
        _is("schedule", "step", "exponential"),
    ),
    Control(
        "decay_factor",
        "Decay factor",
        "What the learning rate is multiplied by each time: 0.5 halves it.",
        _slider(0.05),
        _is("schedule", "step", "exponential"),
    ),
    Control(
        "warmup_epochs",
        "Warm-up epochs",
        "How long the learning rate rises from near zero first, so that early steps do not go astray.",
        _ladder(0, low=0.1, high=100),
    ),
    Control(
        "gradient_clip",
        "Gradient limit",
        "Shortens a gradient whose length is above this, so that one bad batch cannot throw the weights far off.",
        _ladder(None, low=0.01, high=1000),
    ),
    Control(
        "loss",
        "Loss",
        "What is made smaller: cross-entropy punishes confident mistakes hard, squared error hardly.",
        _choice,
    ),
)
DATA = (
    Control(
        "dataset",
        "Dataset",
        "What the pictures show: digits ship with the app, clothes and Japanese characters are downloaded once.",
        _choice,
    ),
    Control(
        "train_size",
        "Training digits",
        "How many pictures there are to learn from: with few, the network memorises instead of learning.",
        _ladder(None, low=10, high=50_000),
        none="all",
    ),
)
MORE_DATA = (
    Control(
        "classes",
        "Only these classes",
        "Fewer classes are easier to tell apart; none chosen means all ten.",
        _classes,
        none="all",
    ),
    Control(
        "validation_size",
        "Validation digits",
        "Digits kept out of training to see how well the network does on what it has not learnt by heart.",
        _ladder(0, low=100, high=50_000),
    ),
    Control(
        "label_noise",
        "Wrong labels",
        "The share of training digits given a wrong label: a large network learns even those by heart.",
        _slider(0.05),
    ),
    Control(
        "input_scaling",
        "Pixel scaling",
        "What numbers the pixels become: the first layer learns best from numbers near zero.",
        _choice,
    ),
    Control(
        "augment_shift",
        "Random shift, pixels",
        "Moves each training digit a little, anew each time, so that its place matters less.",
        _slider(0.5),
    ),
    Control(
        "augment_rotation",
        "Random rotation, degrees",
        "Turns each training digit a little, anew each time, so that its slant matters less.",
        _slider(1.0),
    ),
    Control(
        "augment_scale",
        "Random size, share",
        "Makes each training digit a little larger or smaller, anew each time.",
        _slider(0.05),
    ),
    Control(
        "augment_shear",
        "Random shear",
        "Slants each training digit a little, anew each time.",
        _slider(0.05),
    ),
    Control(
        "augment_elastic",
        "Elastic warp",
        "Bends each training digit like rubber, anew each time: the strongest help for handwriting.",
        _slider(1.0),
    ),
)
GROUPS = (
    ("Network", NETWORK, MORE_NETWORK),
    ("Optimization", OPTIMIZATION, MORE_OPTIMIZATION),
    ("Data", DATA, MORE_DATA),
)
BY_NAME: dict[str, Control] = {control.name: control for _, usual, more in GROUPS for control in (*usual, *more)}


# -- settings in words, those of the sidebar


def label(name: str) -> str:
    """A setting's label inside a sentence: "train_size" is "training digits"."""
    text = BY_NAME[name].label
    return text[0].lower() + text[1:]


def value_words(name: str, value: object) -> str:
    """A setting's value: all classes are "all", no gradient limit is "off", hidden layers are "100-50"."""
    if value is None:
        return BY_NAME[name].none
    return ", ".join(map(str, value)) if name == "classes" and isinstance(value, tuple) else names.brief(value)


def settings_words(settings: Mapping[str, object]) -> str:
    """Several settings: "activation: ReLU and initial weights: He, normal"."""
    return " and ".join(f"{label(name)}: {value_words(name, value)}" for name, value in settings.items())


def sentence(error: Exception) -> str:
    """Why settings cannot be had: "Learning rate must be above 0 and at most 10; found: `99`."."""
    if unknown := re.fullmatch(r"unknown setting (.+); the settings are (.+)", str(error)):
        return f"There is no setting {_quoted(unknown[1])}; the settings are {unknown[2]}."
    refusal = re.fullmatch(r"(\w+) must be (.+), got (.+)", str(error))
    if refusal is None or refusal[1] not in BY_NAME:
        return names.whole_sentence(error)
    name, allowed, found = refusal.groups()
    allowed = re.sub(r"in ([\[(])([\d.]+), ([\d.]+)([\])])", _interval_words, allowed)
    allowed = re.sub(r" or None\b", f", or {BY_NAME[name].none}", allowed)
    allowed = re.sub(r"\w+_\w+(?= \d)", lambda other: label(other[0]) if other[0] in BY_NAME else other[0], allowed)
    allowed = re.sub(r"\b\d{4,}\b", lambda number: f"{int(number[0]):,}", allowed)
    return f"{BY_NAME[name].label} must be {allowed}; found: {_quoted(found)}."


def _interval_words(found: re.Match[str]) -> str:
    """An interval as it is said: "[1, 6]" is "from 1 to 6", "(0, 10]" is "above 0 and at most 10"."""
    opening, low, high, closing = found.groups()
    if (opening, closing) == ("[", "]"):
        return f"from {low} to {high}"
    return f"{'at least' if opening == '[' else 'above'} {low} and {'at most' if closing == ']' else 'below'} {high}"


def _quoted(found: str) -> str:
    """What somebody wrote, as it is: no Markdown, no more than a line of it."""
    text = re.sub(r"[\[\]()'\"`]", "", found).strip(", ")
    return f"`{'nothing' if text in ('', 'None') else text[:60]}`"


# -- the controls' values


def put(config: RunConfig) -> None:
    """Sets every control to this config; only before they are drawn, or in a callback."""
    for name, value in config.to_dict().items():
        st.session_state[_key(name)] = value
    st.session_state[_key("classes")] = list(config.classes or ())
    st.session_state[_key("depth")] = len(config.hidden_layers)
    for layer in range(MOST_LAYERS):
        last = config.hidden_layers[-1] if config.hidden_layers else 196
        width = config.hidden_layers[layer] if layer < len(config.hidden_layers) else last
        st.session_state[_key(f"width_{layer}")] = width


def put_one(name: str, value: Any) -> None:
    """Sets one control, in a callback."""
    st.session_state[_key(name)] = value


def is_set() -> bool:
    """Whether the controls have values yet in this session."""
    return _key("depth") in st.session_state


def chosen() -> RunConfig:
    """The config that the controls show. Raises ValueError in one sentence, as for a single class."""
    settings = {name: _value(name) for name in RunConfig().to_dict()}
    settings["hidden_layers"] = tuple(_value(f"width_{layer}") for layer in range(_value("depth")))
    settings["classes"] = tuple(sorted(_value("classes"))) or None
    return RunConfig.from_dict(settings)


def sidebar() -> None:
    """Draws every control, the usual ones in sight and the rest folded."""
    for title, usual, more in GROUPS:
        st.sidebar.subheader(title)
        with st.sidebar:
            _draw(usual)
        with st.sidebar.expander(f"More {title.lower()} settings"):
            _draw(more)


def _draw(controls: tuple[Control, ...]) -> None:
    for control in controls:
        if control.shown():
            control.draw(control)
