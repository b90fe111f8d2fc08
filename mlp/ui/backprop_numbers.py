"""The numbers of a stage: a row for each digit, a matrix of weights, a row of biases, the update and its effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from mlp.analysis.walk import Stage
from mlp.nn import LOSSES_PER_SAMPLE
from mlp.training import BatchView
from mlp.ui import names
from mlp.ui.backprop_batch import Walking, places
from mlp.ui.backprop_grid import Axis, number_grid
from mlp.ui.backprop_sums import signed, write_out
from mlp.ui.backprop_words import plain
from mlp.ui.tiles import answer_tiles, digit_tiles
from mlp.ui.unit_tiles import UnitTile, unit_tiles
from mlp.viz import Palette, layer_labels
from mlp.viz.walk import rounded

TILES = 24  # units of the first layer shown as pictures
DIGITS = 32
SIDE = 28
_DIGIT, _UNIT, _FROM, _LAYER = "backprop_digit", "backprop_unit", "backprop_from", "backprop_layer"
Array = np.ndarray[Any, Any]


def show_numbers(walking: Walking, stage: Stage, colours: Palette) -> None:
    """What a stage computed."""
    _NUMBERS.get(stage.kind, _rows_of_digits)(walking, stage, colours)


def _rows_of_digits(walking: Walking, stage: Stage, colours: Palette) -> None:
    """An array with a row for each digit."""
    walk, place, values = walking.walk, places(), stage.value
    N, K = values.shape
    layer = stage.layer - (stage.kind == "dinput")
    classes = walking.trainer.dataset.class_names
    last = layer == len(walk.network.linears) - 1
    digit, unit = min(place.digit, N - 1), place.unit(walking, layer)

    def press(row: int, column: int) -> None:
        places().digit, places().units[layer] = row, column

    word = "class " if last else "unit "
    number_grid(
        values,
        colours,
        rows=Axis("digit ", names=[classes[t] for t in walk.batch.labels]),
        columns=Axis(word, classes if last else None, classes if last else [str(k) for k in range(K)]),
        description=f"The numbers of {stage.key}: {N:,} digits downwards, {K:,} {word.strip()}s to the right",
        chosen=(digit, unit),
        on_press=press,
        signed=stage.kind != "softmax",  # so that what ReLU lets through has the colour that it had before
        key="backprop_numbers",
    )
    st.caption(
        f"{names.count(N, 'digit')} downwards, with their true class; {names.count(K, word.strip())} to the right."
        if word == "unit "
        else f"{names.count(N, 'digit')} downwards, with their true class; {K:,} classes to the right."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="backprop_cell"):
        digit = _field("Digit", _DIGIT, digit, N, _set_digit)
        unit = _field(word.strip().capitalize(), f"{_UNIT}_{layer}", unit, K, _set_unit)
    write_out(walk, stage, digit, unit)


def _field(label: str, key: str, value: int, count: int, on_change: Any) -> int:
    """A number from 0 to count - 1, by keyboard."""
    st.session_state[key] = value
    chosen: int = st.number_input(label, 0, count - 1, key=key, on_change=on_change, args=(key,), width=140)
    return chosen


def _set_digit(key: str) -> None:
    places().digit = st.session_state[key]


def _set_unit(key: str) -> None:
    places().units[int(key.rsplit("_", 1)[1])] = st.session_state[key]


def _input(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk, place = walking.walk, places()
    N, D = stage.value.shape
    shown = slice(0, DIGITS)
    view = BatchView(walk.batch.pixels[shown], walk.batch.labels[shown], walk.probabilities[shown], walking.step + 1)
    digit = min(place.digit, N - 1)
    if np.isfinite(view.probabilities).all():
        digit_tiles(
            view.pixels, answer_tiles(view, walking.trainer.dataset.class_names), colours, key="backprop_digits"
        )
        more = f"The first {DIGITS} of {N:,} digits" if N > DIGITS else names.count(N, "digit").capitalize()
        st.caption(f"{more}, with the answers that the network gives before the step.")
    if N > 1:
        digit = _field("Digit", _DIGIT, digit, N, _set_digit)
    if D == SIDE * SIDE:
        number_grid(
            stage.value[digit].reshape(SIDE, SIDE),
            colours,
            rows=Axis("row "),
            columns=Axis("column "),
            description=f"The {D:,} numbers of digit {digit}",
            square=True,
            key="backprop_pixels",
        )
        st.caption(f"Row {digit} of $x$, laid out as the picture that it is.")


def _losses(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk = walking.walk
    each = LOSSES_PER_SAMPLE[walk.settings.loss](walk.stage("logits").value, walk.batch.labels)
    mean = f"**{rounded(walk.loss, 6)}** is the mean of these {names.count(len(each), 'number')}:"
    st.markdown(mean if len(each) > 1 else "")
    classes = walking.trainer.dataset.class_names
    number_grid(
        each[None, :],
        colours,
        rows=Axis("loss", [""]),
        columns=Axis("digit ", names=[classes[t] for t in walk.batch.labels]),
        description="The loss of each digit",
        key="backprop_losses",
    )
    if walk.settings.loss == "cross_entropy":
        p = walk.of_true_class(walk.probabilities)
        st.caption(
            f"p(true class) is {p.mean():.1%} in the mean, {rounded(p.min(), 2)} at the lowest: −log of that is "
            f"{rounded(each.max(), 3)}, the largest loss."
        )


def _matrix(walking: Walking, stage: Stage, colours: Palette) -> None:
    _weights(walking, stage, stage.value, stage.layer, colours, "gradient")


def _weights(walking: Walking, stage: Stage, values: Array, layer: int, colours: Palette, what: str) -> None:
    """A matrix of the shape of a layer's weights: (D, K)."""
    walk, place = walking.walk, places()
    D, K = values.shape
    source, unit = place.unit(walking, layer - 1), place.unit(walking, layer)
    labels = ["the input", *layer_labels(len(walk.network.linears))]
    as_pictures = layer == 0 and D == SIDE * SIDE

    def press(row: int, column: int) -> None:
        if as_pictures:
            places().units[-1] = row * SIDE + column
        else:
            places().units[layer - 1], places().units[layer] = column, row

    if as_pictures:
        _unit_pictures(values, unit, colours, what)
        number_grid(
            values[:, unit].reshape(SIDE, SIDE),
            colours,
            rows=Axis("row "),
            columns=Axis("column "),
            description=f"The {what} of the {D:,} weights of unit {unit}",
            chosen=divmod(source, SIDE),
            on_press=press,
            square=True,
            key="backprop_picture",
        )
        st.caption(f"Unit {unit} close up, a cell for each pixel: press one to see its sum.")
    else:
        classes = walking.trainer.dataset.class_names if layer == len(labels) - 2 else None
        word = "class " if classes else "unit "
        number_grid(
            values.T,
            colours,
            rows=Axis(f"to {word}", classes, classes or [str(k) for k in range(K)]),
            columns=Axis("from unit "),
            description=f"The {what} of the weights: from the {D:,} units of {labels[layer]} to the {K:,} of "
            f"{labels[layer + 1]}",
            chosen=(unit, source),
            on_press=press,
            key="backprop_matrix",
        )
        st.caption(
            f"From the {D:,} units of {labels[layer]}, to the right, to the {K:,} of {labels[layer + 1]}, downwards."
        )
    with st.container(horizontal=True, vertical_alignment="bottom", key="backprop_cell"):
        source = _field("From unit" if layer else "From pixel", f"{_FROM}_{layer - 1}", source, D, _set_unit)
        unit = _field("To unit", f"{_UNIT}_{layer}", unit, K, _set_unit)
    write_out(walk, stage, source, unit)


def _unit_pictures(values: Array, unit: int, colours: Palette, what: str) -> None:
    """The units of the first layer whose numbers are strongest, and the chosen one, as pictures to press."""
    order = np.argsort(-np.linalg.norm(np.nan_to_num(values), axis=0), kind="stable")
    shown = order[:TILES]
    if unit not in shown:
        shown = np.append(shown[: TILES - 1], unit)
    units = [UnitTile(k, str(k), f"The {what} of unit {k}. Press to see it close up.") for k in shown.tolist()]
    limit = float(np.abs(np.nan_to_num(values)).max()) or 1.0
    unit_tiles(
        values[:, shown].T,
        units,
        colours,
        own_scale=False,
        limit=limit,
        chosen=unit,
        on_press=_choose_first_layer_unit,
        key="backprop_units",
    )
    more = f"The {TILES} strongest of {values.shape[1]} units" if values.shape[1] > TILES else "All units"
    st.caption(f"{more}, each as a picture of its 784 numbers: rust is above zero, blue below.")


def _choose_first_layer_unit(number: int) -> None:
    places().units[0] = number


def _biases(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk, K = walking.walk, len(stage.value)
    unit = places().unit(walking, stage.layer)
    layer = stage.layer

    def press(_: int, column: int) -> None:
        places().units[layer] = column

    classes = walking.trainer.dataset.class_names if layer == len(walk.network.linears) - 1 else None
    word = "class " if classes else "unit "
    number_grid(
        stage.value[None, :],
        colours,
        rows=Axis(plain(stage.key), [""]),
        columns=Axis(word, classes, classes or [str(k) for k in range(K)]),
        description=f"The gradient of the {K:,} biases",
        chosen=(0, unit),
        on_press=press,
        key="backprop_biases",
    )
    unit = _field(word.strip().capitalize(), f"{_UNIT}_{layer}", unit, K, _set_unit)
    write_out(walk, stage, 0, unit)


def _clip(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk = walking.walk
    limit, norm = walk.settings.gradient_clip or 0.0, walk.gradient_norm
    after = float(np.linalg.norm(stage.value.astype(np.float64)))
    said = "longer than that, so it is shortened" if norm > limit else "no longer than that, so it stays as it is"
    st.markdown(
        f"All gradients together are {rounded(norm, 4)} long; {limit:g} is allowed. It is {said}: "
        f"**{rounded(after, 4)}**."
    )


def _update(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk = walking.walk
    labels = layer_labels(len(walk.network.linears))
    start = walk.network.state_dict()
    change = walk.network.named(stage.value)
    gradient = walk.network.named(walk.clipped) if walk.clipped is not None else {}
    rows = ["| array | rms before | rms gradient | rms update | ratio |", "|---|---:|---:|---:|---:|"]
    for name, before in start.items():
        number, kind = name.split(".")
        sizes = [_rms(before), _rms(gradient[name]), _rms(change[name])]
        ratio = rounded(sizes[2] / sizes[0], 2) if sizes[0] else "–"
        letter = plain(("W" if kind == "weight" else "b") + str(int(number) + 1))
        rows.append(f"| {letter} | " + " | ".join(rounded(size, 2) for size in sizes) + f" | {ratio} |")
    st.markdown("\n".join(rows))
    st.caption("rms: root mean square; ratio: update to before. About a thousandth of the weights is a good step.")
    chosen: int = st.segmented_control(
        "The change of the weights of",
        range(len(labels)),
        default=0,
        required=True,
        format_func=lambda number: labels[number].capitalize(),
        key=_LAYER,
        persist_state="session",
    )
    layer = min(chosen, len(labels) - 1)
    values = change[f"{layer}.weight"]
    _weights(walking, stage, values, layer, colours, "change")
    i, j = places().unit(walking, layer - 1), places().unit(walking, layer)
    name = f"{plain(f'W{layer + 1}')}[{i}, {j}]"
    old, g = float(start[f"{layer}.weight"][i, j]), float(gradient[f"{layer}.weight"][i, j])
    new = float(walk.network.named(walk.after)[f"{layer}.weight"][i, j]) if walk.after is not None else np.nan
    st.markdown(
        f"{name} goes from **{rounded(old, 7)}** to **{rounded(new, 7)}**, by {rounded(new - old, 3, plus=True)}; its "
        f"gradient is {rounded(g, 4)}."
    )
    if walk.settings.optimizer == "sgd" and not walk.settings.weight_decay:
        rate = rounded(walk.settings.learning_rate, 4)
        st.markdown(f"{rounded(old, 7)} − {rate} · {signed(g)} = {rounded(new, 7)}")


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _after(walking: Walking, stage: Stage, colours: Palette) -> None:
    walk = walking.walk
    if walk.probabilities_after is None:
        return
    before, after = walk.of_true_class(walk.probabilities), walk.of_true_class(walk.probabilities_after)
    better, classes = int(np.count_nonzero(after > before)), walking.trainer.dataset.class_names
    change = walk.loss_after - walk.loss
    st.markdown(
        f"The loss goes from **{rounded(walk.loss, 5)}** to **{rounded(walk.loss_after, 5)}** "
        f"({rounded(change, 3, plus=True)}); p(true class) from **{before.mean():.2%}** to **{after.mean():.2%}** in "
        f"the mean, and rises for {better:,} of {names.count(walk.num_digits, 'digit')}."
    )
    number_grid(
        np.stack([before, after]),
        colours,
        rows=Axis("p(true class) ", ["before", "after"], ["before", "after"]),
        columns=Axis("digit ", names=[classes[t] for t in walk.batch.labels]),
        description="The probability of the true class of each digit, before and after the step",
        limit=1.0,
        key="backprop_after",
    )
    if walk.dropout:
        st.caption("Both with the dropout masks of this step, so that only the weights differ.")


_NUMBERS = {
    "input": _input,
    "loss": _losses,
    "dW": _matrix,
    "db": _biases,
    "clip": _clip,
    "update": _update,
    "after": _after,
}
