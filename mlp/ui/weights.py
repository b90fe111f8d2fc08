"""The weights page: what every unit looks for, at one moment or between two, and a passport for each."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import streamlit as st

from mlp.analysis import LayerValues, UnitPassport, input_patterns, passport, spoken_class, unit_order, weight_bands
from mlp.nn import MLP
from mlp.training import BackgroundRun, Inspection
from mlp.ui import session
from mlp.ui.charts import live_charts
from mlp.ui.moment import layer_control, save_button, stands_still
from mlp.ui.pictures import data_url
from mlp.ui.spreads import spreads
from mlp.ui.tiles import Tile, digit_tiles
from mlp.ui.unit_tiles import UnitTile, unit_tiles
from mlp.viz import (
    Palette,
    class_means_bar,
    layer_labels,
    matrix_heatmap,
    palette,
    to_gif,
    to_png,
    weight_limit,
    weight_tiles,
)

UNITS_A_PAGE = 100
VALUES_BYTES = 64 * 2**20
EXPORT_COLUMNS = 14
EXPORT_SCALE = 2
GIF_MILLISECONDS = 150
ORDERS = {"norm": "Strongest first", "similarity": "Alike side by side", "class": "By class"}

_LAYER, _ORDER, _OWN, _COMPARE, _UNIT, _PAGE = (
    "weights_layer",
    "weights_order",
    "weights_own_scale",
    "weights_compare",
    "weights_unit",
    "weights_page",
)
_THEMSELVES = -1  # in place of a step to compare with; None would bring a cross to clear it with
Array = np.ndarray[Any, Any]

# The layers' values for the test digits at the moment looked at last, so that the next unit of it is quick. One for the
# whole server: they are large, and soon worked out again.
_latest_values: tuple[Any, LayerValues] | None = None


def body(run: BackgroundRun, moment: Inspection) -> None:
    """The units of a layer as pictures, the chosen one in detail, and the layer's matrix."""
    colours = palette(st.context.theme.type, run.trainer.config.classes)
    layers = layer_labels(len(moment.network.linears))
    layer, order, own_scale, before = _controls(run, moment)
    patterns = input_patterns(moment.network, layer)
    if before is not None:
        patterns = patterns - input_patterns(_network_at(run, moment.network, before), layer)
    units = _places(run, moment, layer, order)
    _pictures(run, moment, layer, patterns, units, own_scale=own_scale, by_class=order == "class", colours=colours)
    _exports(run, moment, layer, patterns[units], own_scale, colours)
    unit = _chosen_unit(len(patterns))
    caption = f"What unit {unit} looks for" if before is None else f"What changed in unit {unit}"
    _passport(run, moment, layer, unit, patterns[unit], caption, colours)
    if layer:
        _matrix(run, moment, layer, layers, colours)
    _spread(run, moment, layer, layers, colours)


def _controls(run: BackgroundRun, moment: Inspection) -> tuple[int, Any, bool, int | None]:
    per_epoch = run.trainer.steps_per_epoch
    with st.container(horizontal=True, vertical_alignment="bottom", key="weights_controls"):
        layer = layer_control(moment, _LAYER)
        order = st.selectbox(
            "Order", list(ORDERS), format_func=ORDERS.__getitem__, key=_ORDER, width=190, persist_state="session"
        )
        options = [_THEMSELVES, *(step for step in moment.snapshot_steps if step < moment.step)]
        if st.session_state.get(_COMPARE) not in options:
            st.session_state[_COMPARE] = _THEMSELVES
        shown = st.selectbox(
            "Show",
            options,
            format_func=lambda step: _shown(step, per_epoch),
            key=_COMPARE,
            width=250,
            persist_state="session",
        )
        own_scale = st.toggle(
            "Own scale for each",
            key=_OWN,
            help="On: each unit's strongest weight has the deepest colour. Off: all units share one scale.",
            persist_state="session",
        )
    return layer, order, own_scale, None if shown == _THEMSELVES else shown


def _shown(step: int, per_epoch: int) -> str:
    if step == _THEMSELVES:
        return "The weights"
    return f"Change since {f'step {step:,} · epoch {step / per_epoch:.1f}' if step else 'the start'}"


def _network_at(run: BackgroundRun, network: MLP, step: int) -> MLP:
    twin = network.copy()
    twin.parameters[:] = run.trainer.snapshots.at(step).parameters
    return twin


def _places(run: BackgroundRun, moment: Inspection, layer: int, order: Any) -> Array:
    """The order of the units. While the page moves they keep their places, or one could not press a unit."""
    key = (run.trainer, layer, order)
    kept_for, places = st.session_state.get(session.PLACES, (None, None))
    if kept_for != key or stands_still(run):
        latest = moment.network
        if not stands_still(run) and moment.snapshot_steps:  # a film has the order of its end
            latest = _network_at(run, moment.network, moment.snapshot_steps[-1])
        places = unit_order(latest, order, layer)
        st.session_state[session.PLACES] = key, places
    return np.asarray(places)


def _pictures(
    run: BackgroundRun,
    moment: Inspection,
    layer: int,
    patterns: Array,
    units: Array,
    *,
    own_scale: bool,
    by_class: bool,
    colours: Palette,
) -> None:
    st.caption(
        "Each picture is one unit: rust pixels make it more active, blue ones less, the page's colour leaves it alone."
        + (" Deeper units are shown as if the layers before them were linear." if layer else "")
    )
    pages = -(-len(units) // UNITS_A_PAGE)
    page = 0
    if pages > 1:
        page = st.pills(
            "Units",
            range(pages),
            default=0,
            required=True,
            format_func=lambda number: f"{number * UNITS_A_PAGE + 1}–{min(len(units), (number + 1) * UNITS_A_PAGE)}",
            key=_PAGE,
            persist_state="session",
        )
        page = min(page, pages - 1)
    shown = units[page * UNITS_A_PAGE : (page + 1) * UNITS_A_PAGE]
    class_names = run.trainer.dataset.class_names
    classes, _ = spoken_class(moment.network, layer)
    tiles = []
    for unit in shown.tolist():
        speaks = class_names[classes[unit]]
        caption = f"{unit} · {speaks}" if by_class else str(unit)
        tiles.append(UnitTile(unit, caption, f"Unit {unit}, speaks most for {speaks}. Press to see its passport."))
    unit_tiles(
        patterns[shown],
        tiles,
        colours,
        own_scale=own_scale,
        limit=weight_limit(patterns),
        chosen=_chosen_unit(len(patterns)),
        on_press=_choose_unit,
        key="weights_tiles",
    )


def _choose_unit(number: int) -> None:
    st.session_state[_UNIT] = number


def _chosen_unit(count: int) -> int:
    return min(int(st.session_state.get(_UNIT, 0)), count - 1)


def _exports(
    run: BackgroundRun, moment: Inspection, layer: int, patterns: Array, own_scale: bool, colours: Palette
) -> None:
    shown_at_most = min(len(patterns), UNITS_A_PAGE)
    snapshots = [run.trainer.snapshots.at(step) for step in moment.snapshot_steps]

    def picture() -> bytes:
        tiles = weight_tiles(patterns, colours, columns=EXPORT_COLUMNS, own_scale=own_scale)
        return to_png(tiles, scale=EXPORT_SCALE)

    def animation() -> bytes:
        frames = []
        limit = weight_limit(input_patterns(moment.network, layer))
        strongest = unit_order(moment.network, "norm", layer)[:shown_at_most]
        twin = moment.network.copy()
        for snapshot in snapshots:
            twin.parameters[:] = snapshot.parameters
            shown = input_patterns(twin, layer)[strongest]
            frames.append(weight_tiles(shown, colours, columns=EXPORT_COLUMNS, own_scale=own_scale, limit=limit))
        return to_gif(frames, milliseconds=GIF_MILLISECONDS)

    what = f"The {shown_at_most} strongest units over all kept moments."
    with st.container(horizontal=True, key="weights_exports"):
        save_button(run, "Picture", picture, f"weights-step-{moment.step}.png", "All units of this layer.")
        save_button(run, "Animation", animation, "weights.gif", what, possible=len(snapshots) > 1)


def _passport(
    run: BackgroundRun, moment: Inspection, layer: int, unit: int, pattern: Array, caption: str, colours: Palette
) -> None:
    count = len(moment.network.linears[layer].b)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Passport of unit", width="content")
        # A field of its own for each unit: one whose value is set from here would, when a poll comes at the wrong time,
        # report what it showed before and undo a press on a picture. One that is gone may still report its first value.
        field = f"weights_unit_field_{unit}"

        def changed() -> None:
            if st.session_state[field] != unit:
                _choose_unit(st.session_state[field])

        st.number_input(
            "Unit",
            0,
            count - 1,
            value=unit,
            key=field,
            label_visibility="collapsed",
            width=140,
            on_change=changed,
        )
    dataset = run.trainer.dataset
    found = _found_passport(run, moment, layer, unit)
    left, right = st.columns([1, 2])
    with left:
        # With the page itself: one that the browser asks for may be gone by then, as the page is drawn anew.
        address = data_url(weight_tiles(pattern[None], colours, columns=1))
        st.html(
            f'<figure style="margin: 0"><img src="{address}" alt="{caption}" width="224" height="224" '
            f'style="image-rendering: pixelated"><figcaption style="opacity: 0.7">{caption}</figcaption></figure>'
        )
    with right:
        figure = class_means_bar(
            found.class_means, dataset.class_names, colours, title="Mean activation for each class"
        )
        live_charts([figure], [f"Mean activation of unit {unit} for each class"], key="passport_means", wide=True)
    loss = found.accuracy - found.accuracy_without
    st.markdown(
        f"Without this unit {found.accuracy_without:.2%} of {_digits_tested(run):,} test digits are answered right, "
        f"with it {found.accuracy:.2%}: "
        + ("it makes no difference." if loss == 0 else f"it {'is worth' if loss > 0 else 'costs'} {_points(loss)}.")
    )
    name, meaning = _input_of(layer == len(moment.network.linears) - 1)
    for title, positions, values in (
        ("The test digits that excite it most", found.most, found.most_inputs),
        ("The test digits that excite it least", found.least, found.least_inputs),
    ):
        st.markdown(f"**{title}**, by its {name}", help=meaning)
        labels = dataset.test.labels[positions]
        tiles = [
            Tile(text, f"A {dataset.class_names[label]}, test digit {index}: {name} {text}", True)
            for label, index, text in zip(labels, dataset.test.indices[positions], _in_a_row(values), strict=True)
        ]
        pixels = dataset.test.gather(positions, np.empty((len(positions), dataset.num_pixels), np.uint8))
        digit_tiles(pixels, tiles, colours, key=f"passport_{title}")


def _points(share: float) -> str:
    """A difference of two shares: 0.0915 is "9.15 percentage points"."""
    return f"{100 * abs(share):.2f} percentage points"


def _input_of(output: bool) -> tuple[str, str]:
    """What the digits are put in order by: its name, and what it is."""
    if output:
        return "logit", "The weighted sum, bias included, of which softmax makes the probability."
    return "input", "The weighted sum, bias included, before the activation bends it."


def _in_a_row(values: Array) -> list[str]:
    """Numbers that stand side by side, all with as many decimals: three figures for the largest."""
    largest = np.max(np.abs(values), initial=0, where=np.isfinite(values))
    if not 1e-3 <= largest < 1e6:
        return [f"{value:.2e}" for value in values.tolist()]
    decimals = max(0, 2 - int(np.floor(np.log10(largest))))
    return [f"{value:.{decimals}f}" for value in values.tolist()]


def _found_passport(run: BackgroundRun, moment: Inspection, layer: int, unit: int) -> UnitPassport:
    digits = run.trainer.dataset.test
    count = _digits_tested(run)
    positions = np.arange(count)
    pixels = digits.gather(positions, np.empty((count, run.trainer.dataset.num_pixels), np.uint8))
    global _latest_values
    key = (weakref.ref(run.trainer), moment.step)
    latest = _latest_values  # read once: another session may replace it at any time
    if latest is None or latest[0] != key:
        latest = _latest_values = key, moment.network.layer_values(pixels)
    return passport(
        moment.network,
        layer,
        unit,
        pixels,
        digits.labels[:count],
        run.trainer.dataset.num_classes,
        values=latest[1],
    )


def _digits_tested(run: BackgroundRun) -> int:
    """As many test digits as there is room for: all 10,000 up to networks of some 800 units."""
    network = run.trainer.network
    bytes_for_each = 2 * sum(network.layer_sizes[1:]) * network.dtype.itemsize
    return min(len(run.trainer.dataset.test), VALUES_BYTES // bytes_for_each)


def _matrix(run: BackgroundRun, moment: Inspection, layer: int, layers: list[str], colours: Palette) -> None:
    last = layer == len(layers) - 1
    figure = matrix_heatmap(
        moment.network.linears[layer].W,
        colours,
        title=f"The weight matrix from {layers[layer - 1]} to {layers[layer]}",
        from_layer=layers[layer - 1],
        to_layer=layers[layer],
        to_names=run.trainer.dataset.class_names if last else None,
    )
    live_charts([figure], [f"The weights from {layers[layer - 1]} to {layers[layer]}"], key="weights_matrix", wide=True)


def _spread(run: BackgroundRun, moment: Inspection, layer: int, layers: list[str], colours: Palette) -> None:
    snapshots = [run.trainer.snapshots.at(step) for step in moment.snapshot_steps]
    if len(snapshots) < 2:
        return
    name = layers[layer]
    titles = f"Weights of {name} over time", f"Biases of {name} over time"
    bands = weight_bands(moment.network, snapshots)
    spreads(run, moment, bands, layer, titles, colours, quantity="weight", key="weights_spread")
