"""The recipes page: experiments to make again, with their origin, what was reported, what we measured, and a button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import streamlit as st

from mlp.training import RunConfig, Trainer
from mlp.training.recipes import MOST_LAYERS, REFERENCE, WRONG, Claim, Measurement, Recipe, Variant, deep, measured
from mlp.ui import controls, live, names, session
from mlp.ui.charts import live_charts
from mlp.ui.session import Workbench
from mlp.viz import StudyLine, palette, study_figure

LIVE_PAGE = "pages/train/live.py"
ONE_LINE = 10  # letters of a label that is not broken; longer ones would push a phone's table out of its card
_OPEN, _ASKED = "recipes_open", "recipes_asked"  # the keys of the open recipes, and of the one that waits for a yes
_DEPTH, _WIDTH = "recipes_depth", "recipes_width"
_SETTINGS = {"learning_rate": "Learning rate", "width": "Units in the hidden layer"}

_SPLITS = {"train": "Training", "validation": "Validation", "test": "Test"}


def page() -> None:
    """From top to bottom."""
    workbench = session.workbench()
    trainer = live.prepare(workbench)
    run = session.run_of(workbench, trainer)
    st.title("Recipes")
    st.markdown(
        "Experiments that others have made, to make again with one click: what they reported, what we measured, and "
        "what to look at. Below them are runs that go wrong, on purpose."
    )
    live.notices(workbench, run.view())
    st.session_state.setdefault(_OPEN, {REFERENCE[0].key})
    st.subheader("Reference experiments")
    for number, recipe in enumerate(REFERENCE, start=1):
        _card(workbench, trainer, recipe, f"{number} · {recipe.title}")
    st.subheader("On purpose: runs that go wrong")
    for recipe in WRONG:
        _card(workbench, trainer, recipe, recipe.title)
    st.caption(
        "All that is called measured was written by `python -m benchmarks.recipes`: one run of these very settings and "
        "seed, after its last epoch, with the processor time of one core. A run here has the same first weights and "
        "the same digits, but another processor may round differently, which shows in the third figure or the fourth. "
        "Test digits are MNIST's own 10,000, or those of the chosen classes among them."
    )
    session.write_address(workbench, trainer.config)


def _card(workbench: Workbench, trainer: Trainer, recipe: Recipe, title: str) -> None:
    """A line with the idea; what is behind it is made only while it is open."""
    key = _card_key(recipe.key)
    st.session_state[key] = recipe.key in st.session_state[_OPEN]  # else all would be closed after a change of pages
    box = st.expander(f"**{title}**  :gray[{recipe.idea}]", key=key, on_change=_turn, args=(recipe.key,))
    if box.open:
        with box:
            _inside(workbench, trainer, recipe)


def _card_key(key: str) -> str:
    return f"recipe_{key}"


def _turn(key: str) -> None:
    if st.session_state[_card_key(key)]:
        st.session_state[_OPEN].add(key)
    else:
        st.session_state[_OPEN].discard(key)


def _inside(workbench: Workbench, trainer: Trainer, recipe: Recipe) -> None:
    variant = _choose_depth(recipe) if recipe.key == "deep" else _choose_variant(recipe)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        st.markdown(f"**What to look at.** {recipe.watch}")
        st.markdown(f"**Settings:** {_differences(variant.config) or 'those that the app opens with'}")
        _run_it(workbench, trainer, recipe, variant)
    with right:
        _results(recipe, variant)
    if recipe.study:
        _study(recipe)
    elif len(recipe.variants) > 1:
        st.markdown(_variants_table(recipe))
    if recipe.comparison:
        title = "Reported and measured" if recipe.reported else "What was measured"
        st.markdown(f"**{title}.** {recipe.comparison}")
    st.caption(f"**Origin.** {recipe.origin}")


# -- what can be chosen


def _choose_variant(recipe: Recipe) -> Variant:
    if len(recipe.variants) == 1:
        return recipe.variants[0]
    labels = {variant.label: variant for variant in recipe.variants}
    chosen = st.segmented_control(
        _SETTINGS.get(recipe.study or "", "Variant") if not recipe.variants[0].line else "Variant",
        list(labels),
        default=next(iter(labels)),
        required=True,
        wrap=True,
        key=f"variant_{recipe.key}",
        persist_state="session",
    )
    return labels[chosen]


def _choose_depth(recipe: Recipe) -> Variant:
    """Any depth and width; those that were measured keep their labels."""
    with st.container(horizontal=True):
        layers = st.slider("L, affine layers", 1, MOST_LAYERS, 4, key=_DEPTH, persist_state="session", width=260)
        width = st.slider(
            "H, units in each hidden layer",
            1,
            1024,
            100,
            key=_WIDTH,
            persist_state="session",
            width=260,
            disabled=layers == 1,
        )
    config = deep(layers, width)
    sizes = [784, *config.hidden_layers, 10]
    st.markdown(f"**{names.network_sentence(config, sizes, _count_parameters(sizes))}**")
    return next((known for known in recipe.variants if known.config == config), Variant("your choice", config))


def _count_parameters(sizes: list[int]) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))


def _run_it(workbench: Workbench, trainer: Trainer, recipe: Recipe, variant: Variant) -> None:
    """Starts at once if nothing is lost by it, else after one confirming press."""
    if st.session_state.get(_ASKED) != recipe.key:
        if st.button("Run it", key=f"run_{recipe.key}", type="primary", icon=":material/play_arrow:"):
            if trainer.step_count:
                st.session_state[_ASKED] = recipe.key
                st.rerun()
            _start(workbench, variant)
        return
    st.warning(
        f"This replaces your network, which has learned for {names.count(trainer.step_count, 'step')}. It cannot be "
        "brought back."
    )
    with st.container(horizontal=True):
        if st.button("Replace it and run", key=f"run_{recipe.key}", type="primary", icon=":material/play_arrow:"):
            _start(workbench, variant)
        st.button("Keep my network", key="recipes_keep", on_click=_do_not_ask)


def _do_not_ask() -> None:
    st.session_state.pop(_ASKED, None)


def _start(workbench: Workbench, variant: Variant) -> None:
    """In the script itself, not in a callback: only there can Streamlit change pages."""
    _do_not_ask()
    if live.start_with(workbench, variant.config):
        st.switch_page(LIVE_PAGE)
    st.rerun()  # the reason stands at the top of the page


# -- what is said


def _differences(config: RunConfig) -> str:
    """What is not as in the default network, in the words of the live page's sidebar."""
    default = RunConfig().to_dict()
    changed = {name: value for name, value in config.to_dict().items() if value != default[name]}
    unused = [("activation", not config.hidden_layers), ("weight_init_std", config.weight_init != "normal")]
    for name, is_unused in unused:
        if is_unused:
            changed.pop(name, None)
    return "\N{NO-BREAK SPACE}· ".join(
        f"{controls.BY_NAME[name].label} **{controls.value_words(name, value)}**" for name, value in changed.items()
    )


def _results(recipe: Recipe, variant: Variant) -> None:
    """Reported and measured side by side, then all that was measured."""
    found = measured(recipe, variant)
    if recipe.reported:
        rows = [
            (_measure(claim.measure, variant), _as_reported(claim), _value(claim.measure, found))
            for claim in recipe.reported
        ]
        st.markdown(_markdown(("", "Reported", "Measured"), rows))
    if found is None:
        st.caption("These very settings have not been measured.")
        return
    splits = [
        (name, _value(f"{split}_accuracy", found), _value(f"{split}_loss", found)) for split, name in _SPLITS.items()
    ]
    st.markdown(_markdown(("Measured", "Accuracy", "Loss"), splits))
    st.caption(
        f"{found.parameters:,} parameters, {names.count(found.steps, 'step')}, {names.duration(found.seconds)} of "
        "processor time"
    )
    if found.findings:
        st.caption(f"The Gradients page says of it: “{'”, “'.join(found.findings)}”.")


def _measure(measure: str, variant: Variant) -> str:
    """A field of a Measurement in words: "Validation loss"."""
    if measure == "looked_at":
        return f"Validation accuracy at step {variant.look_at:,}"
    split, what = measure.split("_")
    return f"{_SPLITS[split]} {what}"


def _value(measure: str, found: Measurement | None) -> str:
    value = getattr(found, measure, None)
    if value is None:
        return "–"
    if measure.endswith("loss"):
        return f"{value:.3f}" if value >= 0.001 else "< 0.001"
    return "> 99.99%" if 0.9999 < value < 1 else f"{value:.2%}"


def _as_reported(claim: Claim) -> str:
    """With as many figures as were reported: 0.878 is "87.8%"."""
    return f"{claim.value:g}" if claim.measure.endswith("loss") else f"{100 * claim.value:.6g}%"


def _variants_table(recipe: Recipe) -> str:
    """The variants below one another, as Markdown: what is claimed of them, or else how well they do."""
    measures = [claim.measure for claim in recipe.reported] or ["validation_accuracy", "train_accuracy"]
    if "test_accuracy" not in measures:
        measures.append("test_accuracy")
    rows: list[tuple[str, ...]] = []
    for variant in recipe.variants:
        found = measured(recipe, variant)
        label = variant.label
        if len(label) <= ONE_LINE:
            label = label.replace(" ", "\N{NO-BREAK SPACE}")
        rows.append((label, *(_value(measure, found) for measure in measures)))
    return _markdown(("", *(_measure(measure, recipe.variants[0]) for measure in measures)), rows)


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _study(recipe: Recipe) -> None:
    """Accuracy over the setting that the variants vary, as far as it was measured."""
    colours = palette(st.context.theme.type)
    setting: Callable[[RunConfig], float] = {
        "learning_rate": lambda config: config.learning_rate,
        "width": lambda config: config.hidden_layers[0],
    }[recipe.study or "width"]
    points = [
        (variant.line, setting(variant.config), found)
        for variant in recipe.variants
        if (found := measured(recipe, variant)) is not None
    ]
    if not points:
        return
    lines = []
    for line in dict.fromkeys(line for line, _, _ in points):
        x = [value for name, value, _ in points if name == line]
        test = [found.test_accuracy for name, _, found in points if name == line]
        if not line:
            train = [found.train_accuracy for name, _, found in points if name == line]
            lines.append(StudyLine("training", x, train, colours.train))
        lines.append(StudyLine(line or "test", x, test, colours.test))
    what = _SETTINGS[recipe.study or "width"]
    accuracy = "Test accuracy" if points[0][0] else "Accuracy"
    figure = study_figure(
        lines, colours, title="What came out", subtitle=f"{accuracy} after the last epoch", setting=what
    )
    best = max(points, key=lambda point: point[2].test_accuracy)
    sentence = (
        f"{accuracy} for each {what.lower()}; the best on the test digits, {best[2].test_accuracy:.2%}, at {best[1]:g}"
    )
    live_charts([figure], [sentence], key=f"study_{recipe.key}", wide=True)
