"""The questions about a drawing: why this answer, how sure under change, what fools the network, and teaching it.

One question at a time is worked out, when the pen is lifted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from mlp.analysis import (
    HiddenDigits,
    Neighbours,
    answers_by_epsilon,
    answers_under_change,
    fast_gradient_sign,
    random_sign_noise,
    saliency,
    smallest_epsilon,
    strongest_units,
)
from mlp.ui import lessons, reading, session
from mlp.ui import names as said
from mlp.ui.board import current_board
from mlp.ui.charts import live_charts
from mlp.ui.pictures import NamedPicture, named_pictures
from mlp.ui.reading import Reader, Reading
from mlp.ui.subject import Subject, open_backprop_page
from mlp.ui.tiles import Tile, digit_tiles
from mlp.viz import (
    Palette,
    angle_strip,
    contribution_bars,
    epsilon_curve,
    ink_picture,
    layer_labels,
    palette,
    shift_map,
    signed_picture,
)

NEIGHBOURS = 12
UNITS = 8
MOST_KEPT = 62_000_000  # bytes: 60,000 digits in 1,024 units, of one network in each session
MOST_EPSILON = 0.3
EPSILONS = np.linspace(0, MOST_EPSILON, 31)
NOISE_SEED = 0
TEACH = "Teach it"
_QUESTION, _EPSILON, _CLASS = "draw_question", "draw_epsilon", "draw_class"


def ask() -> None:
    """The chosen question, for what is on the board and the network that answers."""
    reader = reading.reader_now(session.current_run())
    found, _ = reading.read(current_board())
    with st.container(horizontal=True, vertical_alignment="center", key="draw_ask"):
        st.subheader("Ask about it", width="content")
        aside = st.container(width="content")  # on the heading's line, where it moves nothing
    question: str = st.segmented_control(
        "Question",
        [*_QUESTIONS, TEACH],
        default="Why this answer?",
        required=True,
        key=_QUESTION,
        persist_state="session",
        label_visibility="collapsed",
    )
    if question == TEACH:
        lessons.teach_it(reader, found)
    elif found is None:
        st.caption("Draw a digit above, or take one of the test digits, and ask.")
    elif not np.isfinite(reader.network.predict_logits(found.pixels[None])).all():
        st.caption("This network's numbers are no longer finite, so there is nothing to explain.")
    else:
        with aside.spinner("Working it out …"):
            _QUESTIONS[question](reader, found, palette(st.context.theme.type, reader.classes))


def _winner(reader: Reader, found: Reading) -> int:
    return int(reader.network.predict_logits(found.pixels[None])[0].argmax())


# -- why


def _why(reader: Reader, found: Reading, colours: Palette) -> None:
    names = reader.dataset.class_names
    winner, board = _winner(reader, found), current_board()
    target = st.pills(
        "What speaks for",
        range(len(names)),
        default=winner,
        required=True,
        format_func=names.__getitem__,
        # a choice for this drawing: the next one starts from its own answer
        key=f"{_CLASS}_{board.edition}_{board.stamp}_{winner}",
    )
    said = names[target]
    why = saliency(reader.network, found.pixels, target)
    st.markdown(f"As {reader.title} sees it. Rust speaks for {said}, blue against it.")
    named_pictures(
        [
            NamedPicture("What it reads", f"It answers {names[winner]}.", ink_picture(found.pixels, colours)),
            NamedPicture(
                "Saliency",
                f"What a little more ink in each pixel would do to the score of {said}: the gradient of its logit, "
                "of which softmax makes its probability.",
                signed_picture(why.gradient, colours, digit=found.pixels),
            ),
            NamedPicture(
                "Input × gradient",
                "The same times the ink that is there: what your line itself does.",
                signed_picture(why.input_times_gradient, colours),
            ),
        ],
        key="draw_saliency",
    )
    units = strongest_units(reader.network, found.pixels, target, UNITS)
    if units:
        st.markdown(f"**The hidden units that say most about {said}**")
        labels = layer_labels(len(reader.network.linears))
        figures = [
            contribution_bars(
                each.numbers,
                each.activations,
                each.contributions,
                colours,
                class_name=said,
                rest=each.rest,
                title=name.capitalize(),
            )
            for each, name in zip(units, labels, strict=False)
        ]
        live_charts(figures, [f"The strongest units of {name} for {said}" for name in labels[:-1]], key="draw_units")
    _neighbours(reader, found, colours)
    if st.button("Walk a training step with it", icon=":material/conversion_path:", key="draw_walk"):
        open_backprop_page(Subject(found.pixels, found.class_name, found.title))


def _neighbours(reader: Reader, found: Reading, colours: Palette) -> None:
    nearest = _nearest(reader, found)
    names = reader.dataset.class_names
    where = "last hidden layer" if len(reader.network.linears) > 1 else "pixels"
    st.markdown(f"**The training digits nearest to it in the {where}**")
    digits = reader.dataset.train
    tiles = [
        Tile(
            names[label], f"A {names[label]}, training digit {digits.indices[position]}: distance {distance:.3g}", True
        )
        for position, label, distance in zip(nearest.positions, nearest.labels, nearest.distances, strict=True)
    ]
    pixels = digits.gather(nearest.positions, np.empty((len(tiles), digits.num_pixels), np.uint8))
    digit_tiles(pixels, tiles, colours, key="draw_neighbours")
    st.caption(
        f"At distances from {nearest.distances[0]:.3g} to {nearest.distances[-1]:.3g}; half of the "
        f"{len(digits):,} training digits are further away than {nearest.typical:.3g}."
    )


def _nearest(reader: Reader, found: Reading) -> Neighbours:
    digits = _pretrained_digits() if reader is reading.pretrained_reader() else _hidden_digits(reader)
    return digits.nearest(found.pixels, min(NEIGHBOURS, len(reader.dataset.train)))


def _hidden_digits(reader: Reader) -> HiddenDigits:
    """The training digits as this network sees them, kept until another network, or another moment of it, answers."""
    kept: HiddenDigits | None = st.session_state.get(session.HIDDEN_DIGITS)
    if kept is None or not kept.is_of(reader.network, reader.dataset.train):
        st.session_state.pop(session.HIDDEN_DIGITS, None)  # not both in memory at once
        kept = HiddenDigits(reader.network, reader.dataset.train, budget=MOST_KEPT)
        st.session_state[session.HIDDEN_DIGITS] = kept
    return kept


@st.cache_resource(show_spinner=False)
def _pretrained_digits() -> HiddenDigits:
    reader = reading.pretrained_reader()
    return HiddenDigits(reader.network, reader.dataset.train)


# -- under change


def _under_change(reader: Reader, found: Reading, colours: Palette) -> None:
    names = reader.dataset.class_names
    change = answers_under_change(reader.network, found.pixels)
    st.markdown(
        f"Moved by up to 4 pixels it stays **{names[change.answer]}** in {change.steady_shifts:.0%} of all cases, "
        f"turned by up to 30° in {change.steady_angles:.0%}. To a perceptron, which has a weight for each pixel, a "
        "digit that has moved is another picture: only moved training digits teach it that the two are one."
    )
    figures = [
        shift_map(change.by_shift, change.shifts, names, colours, answer=change.answer),
        angle_strip(change.by_angle, change.angles, names, colours, answer=change.answer),
    ]
    live_charts(figures, ["The answer to the digit moved", "The answer to the digit turned"], key="draw_change")


# -- fool it


def _fool(reader: Reader, found: Reading, colours: Palette) -> None:
    network, names = reader.network, reader.dataset.class_names
    known = reader.label_of(found.class_name)
    label = _winner(reader, found) if known is None else known
    smallest = smallest_epsilon(network, found.pixels, label)
    st.markdown(
        "Every pixel is moved by the same small amount, called ε, lighter or darker: once along the gradient, so that "
        "the loss rises fastest (the fast gradient sign method), once by chance."
        + (f" **ε = {smallest:.3f} is enough to change the answer.**" if smallest is not None else "")
    )
    epsilon = st.slider(
        "ε, as a share of the range from black to white",
        0.0,
        MOST_EPSILON,
        0.1,
        0.01,
        key=_EPSILON,
        persist_state="session",
    )
    attacked = fast_gradient_sign(network, found.pixels, label, epsilon)
    noisy = random_sign_noise(found.pixels, epsilon, np.random.default_rng(NOISE_SEED))
    pictures = []
    probabilities = network.predict_proba(np.stack([found.pixels, attacked, noisy]))
    for name, pixels, shares in zip(
        ("As it is", "Along the gradient", "Random noise"),
        (found.pixels, attacked, noisy),
        probabilities,
        strict=True,
    ):
        answer = int(shares.argmax())
        words = f"{names[answer]}, {said.share(float(shares[answer]))} sure"
        if name != "As it is":
            words = ("✓ still " if answer == int(probabilities[0].argmax()) else "✗ now ") + words
        pictures.append(NamedPicture(name, words, ink_picture(pixels, colours)))
    named_pictures(pictures, key="draw_fooled")
    answers = answers_by_epsilon(network, found.pixels, label, EPSILONS, np.random.default_rng(NOISE_SEED))
    figure = epsilon_curve(
        answers.epsilons,
        answers.attack[:, label],
        answers.noise[:, label],
        colours,
        class_name=names[label],
        chosen=epsilon,
    )
    live_charts([figure], [f"How sure the network is of {names[label]} as ε grows"], key="draw_epsilons", wide=True)


_QUESTIONS: dict[str, Callable[[Reader, Reading, Palette], None]] = {
    "Why this answer?": _why,
    "How sure, if it moves?": _under_change,
    "Can it be fooled?": _fool,
}
