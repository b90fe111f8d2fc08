"""The gradient check of the walk's network, faults put in on purpose, and the game of finding one."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np
import streamlit as st

from mlp.analysis.bugs import (
    CHECK_DIGITS,
    WRONG,
    Bug,
    Verdict,
    check,
    entries_per_array,
    possible_bugs,
    verdict,
    with_bug,
)
from mlp.analysis.walk import Walk
from mlp.nn import GradientCheck
from mlp.ui import session
from mlp.ui.backprop_batch import Walking, places
from mlp.viz import layer_labels
from mlp.viz.graph import letters
from mlp.viz.walk import rounded

_BUG, _PLACE, _HARD, _GUESS = "backprop_bug", "backprop_place", "backprop_hard", "backprop_guess"
_BUGS = {
    "mask": (
        "The activation's slope left out",
        "On the way back, what comes in at an activation goes straight through, as if its slope were 1 everywhere.",
        "The layers after it are right. Its own layer and all before it are wrong, because they got a gradient that "
        "had not passed the bend.",
    ),
    "mean": (
        "1/N forgotten",
        "The loss is a mean over the digits, but its gradient is that of their sum.",
        "Every array is too large by one and the same factor, the number of digits: the fault is at the very start of "
        "the way back, in the loss.",
    ),
    "transpose": (
        "A transpose wrong",
        "dW = dzᵀ x instead of xᵀ dz, pressed into the shape of W: the right numbers in the wrong places.",
        "Only the weights of this layer are wrong; its biases and all other layers are right.",
    ),
    "sign": (
        "The sign flipped",
        "dW and db of a layer have the opposite sign, so its update climbs.",
        "Weights and biases of one layer are wrong with a relative error of 1: |a − n| / (|a| + |n|) for a = −n.",
    ),
    "bias": (
        "The bias gradient not summed",
        "db is that of the first digit alone instead of the sum over the digits.",
        "Only the biases of this layer are wrong.",
    ),
}


@dataclass
class _Game:
    """A fault to be found, what the check says of it, and where the reader says it is."""

    bug: Bug | None = None
    checks: dict[str, GradientCheck] = field(default_factory=dict)
    guess: int | None = None


@dataclass
class _Checks:
    """What was checked for the present walk: one check and the faults put into it, and the game."""

    results: dict[Bug | None, dict[str, GradientCheck]] = field(default_factory=dict)
    game: _Game = field(default_factory=_Game)


def _kept() -> _Checks:
    """What is known of the present walk; a new walk begins anew."""
    found: _Checks | None = st.session_state.get(session.WALK_CHECKS)
    if found is None:
        found = st.session_state[session.WALK_CHECKS] = _Checks()
    return found


def check_gradient(walking: Walking) -> None:
    """Analytic against numeric, array by array, with or without a fault."""
    walk = walking.walk
    st.markdown(
        "Is the gradient right? Nudge one parameter up and down by a millionth, look how far the loss moves, and "
        "compare: (L(w + ε) − L(w − ε)) / 2ε needs no formula that could be wrong. **Analytic** is what the way back "
        "computed, **numeric** is what the nudge shows."
    )
    bugs = possible_bugs(walk.network)
    kinds = [None, *dict.fromkeys(bug.name for bug in bugs)]
    if st.session_state.get(_BUG) not in kinds:
        st.session_state[_BUG] = None
    kind = st.selectbox(
        "Put in a fault on purpose",
        kinds,
        format_func=lambda name: "none: this network as it is" if name is None else _BUGS[name][0],
        key=_BUG,
        persist_state="session",
        width=320,
    )
    bug = None
    if kind is not None:
        where = [bug.layer for bug in bugs if bug.name == kind]
        if st.session_state.get(_PLACE) not in where:
            st.session_state[_PLACE] = where[0]
        at = st.pills(
            "In",
            where,
            required=True,
            format_func=lambda layer: _place_names(walk)[layer].capitalize(),
            key=_PLACE,
            persist_state="session",
        )
        bug = Bug(kind, where[0] if at is None else at)
        st.caption(_BUGS[kind][1])
    kept = _kept()
    if bug not in kept.results:
        kept.results[bug] = _checked(walking, bug)
    checks = kept.results[bug]
    _table(checks)
    st.markdown(_in_words(walk, verdict(checks, CHECK_DIGITS), bug))
    st.caption(_how(walk))


def _checked(walking: Walking, bug: Bug | None) -> dict[str, GradientCheck]:
    """The check of the walk's network, or of a copy with a fault, on a few digits."""
    walk = walking.walk
    digits = walking.trainer.dataset.test
    x, labels = walk.batch.x[:CHECK_DIGITS], walk.batch.labels[:CHECK_DIGITS]
    missing = CHECK_DIGITS - len(labels)
    if missing:  # a fault in a sum over digits does not show in a sum of one
        positions = np.arange(min(missing, len(digits)))
        pixels = digits.gather(positions, np.empty((len(positions), x.shape[1]), np.uint8))
        x = np.concatenate([x, walk.network.input_scaling(pixels, out=np.empty(pixels.shape, x.dtype))])
        labels = np.concatenate([labels, digits.labels[positions]])
    network = walk.network.copy(dtype=np.float64) if bug is None else with_bug(walk.network, bug)
    with st.spinner("Nudging parameters …", show_time=False):
        return check(network, x, labels, loss=walk.settings.loss)


def _how(walk: Walk) -> str:
    count = entries_per_array(walk.network)
    words = (
        f"Checked in float64 on a copy, with {CHECK_DIGITS} digits and up to {count} entries of each array, drawn at "
        f"random: each of all {walk.network.num_parameters:,} parameters would take two passes through the network. "
        "The row is the entry that is furthest off. Below 10⁻⁶ the two agree; a fault shows from 10⁻⁴ on."
    )
    return words + (" Dropout does not act in it." if walk.dropout else "")


def _place_names(walk: Walk) -> list[str]:
    """The places where a fault may be: the layers, and the loss behind them."""
    return [*layer_labels(len(walk.network.linears)), "the loss"]


def _table(checks: dict[str, GradientCheck], *, errors: bool = True, numbers: bool = True) -> None:
    """A row for each parameter array."""
    heads = ["array", *(["analytic", "numeric"] if numbers else []), *(["relative error"] if errors else [])]
    rows = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, found in checks.items():
        layer, kind = name.split(".")
        cells = [letters(("dW" if kind == "weight" else "db") + str(int(layer) + 1))]
        if numbers:
            cells += [rounded(found.analytic + 0.0, 3), rounded(found.numeric + 0.0, 3)]  # not "-0"
        if errors:
            wrong = not found.largest_relative_error <= WRONG
            cells.append(f"{'✗' if wrong else '✓'} {rounded(found.largest_relative_error, 1)}")
        rows.append("| " + " | ".join(cells) + " |")
    st.markdown("\n".join(rows))
    st.caption("A row for each array of parameters: dW is the gradient of the weights of a layer, db of its biases.")


def _in_words(walk: Walk, found: Verdict, bug: Bug | None) -> str:
    where = _place_names(walk)
    if found.layer is None and bug is None:
        return "✓ **All arrays agree: the way back is right.**"
    if found.layer is None:
        return (
            "The check sees nothing. With these digits the gradients there are all 0 (dead units, or a slope of 1 "
            "everywhere), and what is 0 cannot be wrong: take other digits or another moment."
        )
    words = f"✗ **The fault is in {where[found.layer]}.** "
    if bug is None:
        return words + (
            "No fault was put into this network. A unit that stands right at a bend may make the two differ: try "
            "other digits."
        )
    return words + _BUGS[bug.name][2]


# -- the game


def find_the_fault(walking: Walking) -> None:
    """A fault in an unknown place: the reader says where, from the numbers."""
    walk, game, place = walking.walk, _kept().game, places()
    st.markdown(
        "A fault has been put into one place of the way back. Gradients flow from the loss to the first layer, so what "
        "comes after the fault on that way is wrong too: what it computed (analytic) is not what nudging a parameter "
        "shows (numeric). **Where is it?**"
    )
    if game.bug is None and not _deal(walking, game):
        st.caption(
            "With these digits all gradients are 0, so no fault can be seen: take other digits or another moment."
        )
        return
    hard = st.toggle("Harder: no relative errors, only the two numbers", key=_HARD, persist_state="session")
    _table(game.checks, errors=not hard)
    where = _place_names(walk)
    if game.guess is None:
        st.pills(
            "The fault is in",
            range(len(where)),
            format_func=lambda layer: where[layer].capitalize(),
            key=_GUESS,
            on_change=_guess,
        )
    else:
        bug = game.bug
        assert bug is not None  # noqa: S101 - dealt above
        right = game.guess == bug.layer
        words = f"**{_BUGS[bug.name][0]}, in {where[bug.layer]}.** {_BUGS[bug.name][1]} {_BUGS[bug.name][2]}"
        (st.success if right else st.error)(("✓ Right. " if right else f"✗ Not {where[game.guess]}. ") + words)
        st.button("Another one", icon=":material/casino:", on_click=_another)
    if place.rounds:
        st.caption(f"Found so far: {place.won} of {place.rounds}.")


def _deal(walking: Walking, game: _Game) -> bool:
    """A fault that the check can tell, drawn from a seed of its own for each round. Whether there is one."""
    bugs = possible_bugs(walking.walk.network)
    Random(1000 + places().rounds).shuffle(bugs)  # noqa: S311 - a game
    for bug in bugs:
        checks = _checked(walking, bug)
        if verdict(checks, CHECK_DIGITS).layer == bug.layer:
            game.bug, game.checks, game.guess = bug, checks, None
            return True
    return False


def _guess() -> None:
    game, place, guess = _kept().game, places(), st.session_state[_GUESS]
    if guess is None or game.bug is None or game.guess is not None:
        return
    game.guess = guess
    place.rounds += 1
    place.won += guess == game.bug.layer


def _another() -> None:
    _kept().game = _Game()
    st.session_state.pop(_GUESS, None)
