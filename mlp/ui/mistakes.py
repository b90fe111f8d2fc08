"""The mistakes page: the digits a network gets most wrong, what it takes them for, and how it came to that."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from mlp.analysis import (
    Answers,
    MistakeOrder,
    class_scores,
    confusion_matrix,
    first_right,
    forgetting_events,
    order_digits,
    predictions_csv,
    reliability,
)
from mlp.analysis.calibration import FEWEST
from mlp.data import Split
from mlp.training import BackgroundRun, Inspection
from mlp.ui import reading, session
from mlp.ui.assets import component_file
from mlp.ui.charts import live_charts
from mlp.ui.confusion_grid import Cell, confusion_grid
from mlp.ui.mistake_answers import View, look, look_back
from mlp.ui.mistake_tiles import MistakeTile, mistake_tiles
from mlp.ui.moment import save_button
from mlp.ui.names import share
from mlp.ui.pictures import data_url
from mlp.ui.place import comes_and_goes
from mlp.ui.subject import Subject, open_backprop_page, open_drawing_page
from mlp.viz import Palette, biography_figure, ink_picture, reliability_figure

READABLE = (28, 28)  # the pictures that the drawing page can show

ORDERS: dict[MistakeOrder, str] = {
    "loss": "Highest loss",
    "confident": "Most confident mistakes",
    "unsure": "Least sure, though right",
    "forgotten": "Most often forgotten",
}
_LISTED: dict[MistakeOrder, str] = {
    "loss": "are wrong, the least probability for the true class first",
    "confident": "are wrong, the most probability for the wrong answer first",
    "unsure": "are right, the least probability for that answer first",
    "forgotten": "were right at one moment and wrong at the next, the most often first",
}
_SPLITS = {"test": "Test", "validation": "Validation"}
_SPLIT, _ORDER, _COUNT, _RATES = "mistakes_split", "mistakes_order", "mistakes_count", "mistakes_rates"
_LIST = "mistakes_list"
_CELL, _DIGIT, _OPEN = "mistakes_cell", "mistakes_digit", "mistakes_open"

Array = np.ndarray[Any, Any]


def body(run: BackgroundRun, moment: Inspection) -> None:
    """The count, the digits, one of them in detail, which classes are confused, how far confidence can be trusted."""
    _open_asked_for(run)
    dataset = run.trainer.dataset
    if not len(dataset.test) and not len(dataset.validation):
        st.info("There are no digits to test the network on: this dataset has neither test nor validation digits.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="mistakes_controls"):
        split_name, split = _choose_split(run)
        by, count = _choose_list()
    view = look(run, moment, split_name, split)
    answers = view.answers
    _headline(view)
    if not answers.answered.any():
        st.warning(
            "The network's outputs are not finite numbers at this moment, so there is no answer to any digit: choose "
            "an earlier moment."
        )
        return
    matrix = confusion_matrix(answers.labels, answers.predicted, dataset.num_classes)
    with st.container(key=_LIST):
        digit = _digits(view, by, count, matrix)
    left, right = st.columns(2, gap="medium")
    with left:
        _biography(view, digit)
    with right:
        _confusion(view, matrix)
    left, right = st.columns(2, gap="medium")
    with left:
        _calibration(view)
    with right:
        _scores(view)
    _explanations()
    look_back(view)


# -- what to look at


def _choose_split(run: BackgroundRun) -> tuple[str, Split]:
    dataset = run.trainer.dataset
    splits = {"test": dataset.test, "validation": dataset.validation}
    empty = [name for name, split in splits.items() if not len(split)]
    if empty:
        (st.session_state[_SPLIT],) = splits.keys() - set(empty)
    chosen = st.segmented_control(
        "Digits",
        list(_SPLITS),
        default="test" if not empty else None,
        format_func=lambda name: f"{_SPLITS[name]} · {len(splits[name]):,}",
        required=True,
        key=_SPLIT,
        persist_state="session",
        disabled=bool(empty),
        help=f"There are no {empty[0]} digits in this run." if empty else "Neither are digits it learns from.",
    )
    name = str(chosen)
    return name, splits[name]


def _choose_list() -> tuple[MistakeOrder, int]:
    by = st.selectbox(
        "Which first", list(ORDERS), format_func=ORDERS.__getitem__, key=_ORDER, width=240, persist_state="session"
    )
    count = st.slider("How many", 5, 100, 20, step=5, key=_COUNT, width=200, persist_state="session")
    return by, count


# -- the digits


def _headline(view: View) -> None:
    answers, many = view.answers, len(view.answers)
    wrong = many - int(np.count_nonzero(answers.right))
    words = "All" if wrong == many else f"{wrong:,} of"
    verb = "is" if wrong < 2 else "are"
    counted = f"{words} {many:,} {view.word}s" if wrong else f"None of {many:,} {view.word}s"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{counted} {verb} wrong: accuracy {answers.accuracy:.2%}", width="stretch")
        _export(view)
    unanswered = many - int(np.count_nonzero(answers.answered))
    with comes_and_goes():
        if view.step != view.moment.step:
            st.caption(
                f"These are the answers of step {view.step:,}: all digits take a network of this size "
                f"{view.seconds:.1f} s, so they are asked for now and then while it trains."
            )
        if 0 < unanswered < many:
            st.warning(
                f"To {unanswered:,} of them there is no answer at this moment: the network's outputs are not finite "
                "numbers. They count as wrong and are left out below."
            )


def _digits(view: View, by: MistakeOrder, count: int, matrix: Array) -> int | None:
    """The list; the position of the chosen digit, the first one unless another was pressed."""
    answers, biographies = view.answers, view.biographies
    forgotten = forgetting_events(biographies.right)
    positions = order_digits(answers, by, forgotten)
    cell = _chosen_cell(view.class_names)
    if cell is not None:
        truth, answer = cell
        positions = positions[(answers.labels[positions] == truth) & (answers.predicted[positions] == answer)]
        _chip(view, cell, int(matrix[cell]))
    shown = positions[:count]
    if len(shown):
        some = f"{len(shown)} of {len(positions):,}" if len(shown) < len(positions) else f"All {len(positions):,}"
        st.caption(
            f"{some} {view.word}s that {_LISTED[by]}. The bars are the probabilities of all classes: ✓ below the true "
            "one, ✗ below a wrong answer. Press a digit to see its biography."
        )
    else:
        st.info(_nothing(view, by, cell, matrix))
    digit = _chosen_digit(view)
    if digit is None and len(shown):
        digit = int(shown[0])
    pixels = view.split.source[view.split.indices[shown]]
    mistake_tiles(
        pixels,
        [_tile(view, position, int(forgotten[position]) if by == "forgotten" else None) for position in shown.tolist()],
        view.colours,
        chosen=None if digit is None else int(view.split.indices[digit]),
        on_press=partial(_press_digit, view.run.trainer.dataset.name, view.split_name),
        on_open=partial(_ask_to_open, view.split_name) if pixels.shape[1:] == READABLE else None,
        key="mistakes_tiles",
    )
    return digit


def _nothing(view: View, by: MistakeOrder, cell: Cell | None, matrix: Array) -> str:
    """Why the list is empty."""
    if cell is not None:
        words = _plain(_cell_words(view.class_names, cell))
        if not matrix[cell]:
            return f"No digit is “{words}” at this moment."
        return f"“{words}” and “{ORDERS[by]}” have no digit in common: choose another order."
    if by == "forgotten":
        if view.biographies.missing:
            return f"None was forgotten so far: looked back at {_looked_back(view)}."
        return "None was forgotten between the moments that were kept."
    return "None of them is right yet." if by == "unsure" else "There is no mistake to show at this moment."


def _tile(view: View, position: int, forgotten: int | None) -> MistakeTile:
    answers, names = view.answers, view.class_names
    answer, truth = int(answers.predicted[position]), int(answers.labels[position])
    p = answers.probabilities[position]
    loss, index = _figure(answers.losses[position]), int(view.split.indices[position])
    said = f"✓ {names[answer]}" if answer == truth else f"✗ {names[answer]}, is {names[truth]}"
    verdict = "right" if answer == truth else f"it is {names[truth]} ({share(p[truth])})"
    return MistakeTile(
        number=index,
        caption=said,
        notes=[f"loss {loss}" if forgotten is None else f"forgotten {forgotten}× · {loss}", f"no. {index:,}"],
        description=f"{view.word.capitalize()} {index:,}: answered {names[answer]} ({share(p[answer])} sure), "
        f"{verdict}. Loss {loss}.",
        probabilities=[round(float(each), 4) for each in p],
        answer=answer,
        truth=truth,
    )


def _figure(value: float) -> str:
    """Three figures: "6.21", "0.0312", "1,247", "1.20e+20"."""
    if 100 <= value < 1e6:
        return f"{value:,.0f}"
    return f"{value:.2e}" if 0 < value < 1e-3 or value >= 1e6 else f"{value:#.3g}"


# -- one digit


def _biography(view: View, digit: int | None) -> None:
    if digit is None:
        st.subheader("Biography of a digit")
        st.caption("Press a digit above to see how it was answered over the run.")
        return
    index, names, answers = int(view.split.indices[digit]), view.class_names, view.answers
    st.subheader(f"{view.word.capitalize()} {index:,}")
    pixels = view.split.source[index]
    with st.container(horizontal=True, vertical_alignment="center"):
        _large(pixels, f"{view.word} {index}", view.colours)
        with st.container(gap="xsmall"):
            st.markdown(f"{_verdict(answers, digit, names)} {_life(view, digit)}")
            if pixels.shape == READABLE:
                for page, icon in (("drawing", "draw"), ("backpropagation", "conversion_path")):
                    st.button(
                        f"Open on the {page} page",
                        icon=f":material/{icon}:",
                        on_click=_ask_to_open,
                        args=(view.split_name, page, index),
                        key=f"mistakes_{page}",
                    )
    probabilities, right = view.biographies.of(digit)
    figure = biography_figure(
        view.biographies.steps,
        probabilities,
        right,
        view.colours,
        title=f"Probability of its true class, {names[answers.labels[digit]]}",
        steps_per_epoch=view.run.trainer.steps_per_epoch,
        cursor=view.step,
    )
    live_charts([figure], [f"Probability of the true class of {view.word} {index} over the run"], key="biography")
    if view.biographies.missing:
        st.caption(f"Looked back at {_looked_back(view)} so far.")


def _large(pixels: Array, words: str, colours: Palette) -> None:
    """The digit at four times its size, in the page itself: a file of its own could be gone at the next redraw."""
    source = data_url(ink_picture(pixels, colours))
    st.html(
        f'<img src="{source}" alt="{words}" style="width: 112px; height: 112px; image-rendering: pixelated">',
        width="content",
    )


def _verdict(answers: Answers, digit: int, names: tuple[str, ...]) -> str:
    truth, answer = names[answers.labels[digit]], int(answers.predicted[digit])
    if answer < 0:
        return f"It is **{_plain(truth)}**; there is no answer at this moment."
    sure, loss = f"{share(answers.confidence[digit])} sure", _figure(answers.losses[digit])
    if answers.right[digit]:
        return f"✓ Answered **{_plain(truth)}**, {sure}: right (loss {loss})."
    return f"✗ Answered **{_plain(names[answer])}**, {sure}, but it is **{_plain(truth)}** (loss {loss})."


def _life(view: View, digit: int) -> str:
    """When it was first right and how often it was forgotten, in words."""
    steps, (_, right) = view.biographies.steps, view.biographies.of(digit)
    first, forgotten = int(first_right(right[:, None])[0]), int(forgetting_events(right[:, None])[0])
    if len(steps) == 1:
        return "" if view.biographies.missing else "Its biography appears here as the network trains."
    if first < 0:
        return f"It was never right at the {len(steps)} moments looked at."
    step = steps[first]
    when = "with the initial weights" if step == 0 else f"at step {step:,}"
    times = {0: "never forgotten", 1: "forgotten once", 2: "forgotten twice"}.get(forgotten, f"forgotten {forgotten}×")
    return f"First right {when}, {times}; right at {int(right.sum())} of {len(steps)} moments."


def _looked_back(view: View) -> str:
    moments = view.biographies.moments
    return f"{moments - len(view.biographies.missing)} of {moments} moments"


# -- the classes


def _confusion(view: View, matrix: Array) -> None:
    st.subheader("What is taken for what")
    as_rates = st.segmented_control(
        "Confusion matrix",
        [False, True],
        default=False,
        required=True,
        format_func=lambda rate: "Percent of the true class" if rate else "Counts",
        key=_RATES,
        persist_state="session",
        label_visibility="collapsed",
    )
    confusion_grid(
        matrix,
        view.class_names,
        view.colours,
        as_rates=bool(as_rates),
        chosen=_chosen_cell(view.class_names),
        on_press=_press_cell,
        shown_in=_LIST,
        key="mistakes_confusion",
    )
    st.caption("Press a cell to see its digits above; press it again to see all.")


def _scores(view: View) -> None:
    st.subheader("Class by class")
    scores = class_scores(view.answers.labels, view.answers.predicted, len(view.class_names))
    lines = ["| Class | Precision | Recall | F1 | Digits |", "|:--|--:|--:|--:|--:|"]
    for k, name in enumerate(view.class_names):
        shares = " | ".join(_share(array[k]) for array in (scores.precision, scores.recall, scores.f1))
        lines.append(f"| {_plain(name)} | {shares} | {scores.support[k]:,} |")
    st.markdown("\n".join(lines))
    st.caption(
        "Precision: of the digits answered so, how many are so. Recall: of those that are so, how many were answered "
        "so. F1 is high only when both are."
    )


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1%}"


def _calibration(view: View) -> None:
    found = reliability(view.answers.confidence, view.answers.right)
    most = "" if np.isnan(found.largest_gap) else f", {100 * found.largest_gap:.1f} at most"
    figure = reliability_figure(
        found.counts,
        found.confidence,
        found.accuracy,
        view.colours,
        title="Is it as often right as it is sure?",
        subtitle=f"On average {_points(found.expected_error)} off{most}",
        digits=f"{view.word}s",
        fewest=FEWEST,
    )
    live_charts([figure], ["Share of right answers over how sure they were"], key="calibration")
    st.caption(
        "Off: how much more or less often right than sure. The average over all digits is called expected calibration "
        f"error; the most, the largest gap, is that of the bars of at least {FEWEST} digits. Faint bars are of fewer, "
        "and mostly chance."
    )


def _points(share: float) -> str:
    return f"{100 * share:.1f} percentage points"


def _explanations() -> None:
    with st.expander("How to read this page"):
        st.markdown(component_file("mistakes.md"))
    with st.expander("The formulas"):
        st.markdown(component_file("mistakes_formulas.md"))


# -- what is chosen. The callbacks take nothing that holds a trainer: see session.current_run.


def _chosen_cell(class_names: tuple[str, ...]) -> Cell | None:
    """The cell that filters, kept by the names of its classes: another network may have others."""
    kept = st.session_state.get(_CELL)
    if kept is None or not set(kept) <= set(class_names):
        return None
    return class_names.index(kept[0]), class_names.index(kept[1])


def _press_cell(truth: int, answer: int) -> None:
    """Filters to a cell, or no longer; the order changes where it lists no digits of that kind at all."""
    names = session.current_run().trainer.dataset.class_names
    if _chosen_cell(names) == (truth, answer):
        _clear_cell()
        return
    st.session_state[_CELL] = names[truth], names[answer]
    by = st.session_state.get(_ORDER, "loss")
    if truth == answer and by in ("loss", "confident"):
        st.session_state[_ORDER] = "unsure"
    elif truth != answer and by == "unsure":
        st.session_state[_ORDER] = "loss"


def _clear_cell() -> None:
    st.session_state.pop(_CELL, None)


def _chip(view: View, cell: Cell, many: int) -> None:
    words = _plain(_cell_words(view.class_names, cell))
    st.button(
        f"{words} · {many:,} digit{'' if many == 1 else 's'}",
        icon=":material/close:",
        help="Show all digits again",
        on_click=_clear_cell,
        key="mistakes_chip",
    )


def _cell_words(class_names: tuple[str, ...], cell: Cell) -> str:
    truth, answer = (class_names[k] for k in cell)
    return f"{truth} answered right" if truth == answer else f"{truth} taken for {answer}"


def _chosen_digit(view: View) -> int | None:
    """The position of the digit that was pressed, if these digits hold it."""
    kept = st.session_state.get(_DIGIT)
    if kept is None or kept[:2] != (view.run.trainer.dataset.name, view.split_name):
        return None
    (found,) = np.nonzero(view.split.indices == kept[2])
    return int(found[0]) if len(found) else None


def _press_digit(dataset_name: str, split_name: str, index: int) -> None:
    """Stays with a digit; pressed again, with the first of the list, whichever that is."""
    pressed = dataset_name, split_name, index
    st.session_state[_DIGIT] = None if st.session_state.get(_DIGIT) == pressed else pressed


def _ask_to_open(split_name: str, page: str, index: int) -> None:
    st.session_state[_OPEN] = split_name, page, index


def _open_asked_for(run: BackgroundRun) -> None:
    """Goes to the page that was asked for; from here, as Streamlit changes pages in the script only."""
    asked = st.session_state.pop(_OPEN, None)
    if asked is None:
        return
    split_name, page, index = asked
    dataset = run.trainer.dataset
    split: Split = getattr(dataset, split_name)
    (found,) = np.nonzero(split.indices == index)
    if len(found):
        name = dataset.class_names[split.labels[found[0]]]
        subject = Subject(split.source[index], name, f"{split_name} digit {index:,}")
        if page == "backpropagation":
            open_backprop_page(subject)
        reading.choose_own()  # the mistake is this network's
        open_drawing_page(subject)


# -- words and files


def _export(view: View) -> None:
    # What makes the file must not hold the view: Streamlit keeps it, and the trainer would stay in memory.
    answers, indices, names = view.answers, view.split.indices, view.class_names
    save_button(
        view.run,
        "Predictions",
        lambda: predictions_csv(answers, indices, names),
        f"predictions-{view.split_name}-step-{view.step}.csv",
        f"All {len(answers):,} {view.word}s as a table: index, true class, answer, loss, probabilities.",
        possible=not view.biographies.missing,
    )


def _plain(text: str) -> str:
    """A name as it is written, whatever signs of Markdown it holds."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|$<>:~-])", r"\\\1", text)
