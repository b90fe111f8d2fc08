"""More about the step that is walked: the loss along it, the gradient check, the game of finding a fault, p − y."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from mlp.analysis.step_curve import step_curve
from mlp.analysis.walk import two_ways_to_dlogits
from mlp.ui.backprop_batch import Walking, current, places
from mlp.ui.backprop_check import check_gradient, find_the_fault
from mlp.ui.charts import live_charts
from mlp.viz import palette
from mlp.viz.walk import rounded, step_curve_figure

_QUESTION = "backprop_question"


def ask() -> None:
    """The chosen question about the step that is walked."""
    walking = current()
    st.subheader("Ask about this step")
    question: str = st.segmented_control(
        "Question",
        list(_QUESTIONS),
        default=next(iter(_QUESTIONS)),
        required=True,
        key=_QUESTION,
        persist_state="session",
        label_visibility="collapsed",
    )
    if not np.isfinite(walking.walk.loss):
        st.caption("The loss of this network is not finite, so there is nothing to ask: choose an earlier moment.")
        return
    _QUESTIONS[question](walking)


# -- the loss along the step


def _along(walking: Walking) -> None:
    walk, colours = walking.walk, palette(st.context.theme.type)
    if walk.after is None or not walk.settings.learning_rate > 0:
        why = (
            walk.stopped or "The learning rate of this step is 0: its schedule has come to its end, and nothing moves."
        )
        st.caption(why)
        return
    if walking.curve is None:
        with st.spinner("Trying other lengths …", show_time=False):
            walking.curve = step_curve(walk)
    curve = walking.curve
    figure = step_curve_figure(curve, colours)
    best = curve.learning_rates[curve.best]
    worse = curve.overshoots_from
    st.markdown(
        "The step has a direction and a length, and the learning rate is its length. Here the same direction is tried "
        "with other lengths, on the same digits."
    )
    live_charts(
        [figure], ["The loss of this batch over the learning rate of this step"], key="backprop_curve", wide=True
    )
    words = [
        f"At the chosen {rounded(curve.chosen, 3)} the loss goes from {rounded(curve.start, 4)} to "
        f"{rounded(walk.loss_after, 4)}."
    ]
    words.append(f"For these digits alone, {rounded(best, 3)} would be the best of the lengths tried.")
    if worse is not None:
        words.append(f"From {rounded(worse, 3)} on the step overshoots: it ends higher than it began.")
    words.append(
        "The best length for one batch is too long for the others, which is why the chosen one may well lie left of it."
    )
    st.markdown(" ".join(words))


# -- p - y


def _p_minus_y(walking: Walking) -> None:
    walk = walking.walk
    N, K = walk.probabilities.shape
    n = min(places().digit, N - 1)
    labels = walk.batch.labels
    p, fused, apart = two_ways_to_dlogits(walk)
    classes = walking.trainer.dataset.class_names
    st.markdown(
        f"Digit {n} is a {classes[labels[n]]}. Two ways to the gradient at its logits: softmax and cross-entropy "
        "**together**, (p − y) / N; or each **on its own**, the gradient at p first, −1 / (N p) at the true class, "
        "then the Jacobian of softmax times that."
    )
    rows = ["| class | p | y | together | on its own |", "|---|---:|---:|---:|---:|"]
    for k in range(K):
        y = int(labels[n] == k)
        cells = [rounded(p[n, k], 4), str(y), rounded(fused[n, k], 5), rounded(apart[n, k], 5)]
        rows.append(f"| {classes[k]} | " + " | ".join(cells) + " |")
    st.markdown("\n".join(rows))
    largest = float(np.abs(fused - apart).max())
    where = f"over all {N:,} digits" if N > 1 else "for this digit"
    if largest == 0:
        st.markdown(f"The two are the very same numbers {where}.")
    elif np.isfinite(largest):
        st.markdown(f"The largest difference {where} is **{rounded(largest, 1)}**: rounding in float64.")
    else:
        st.markdown(
            "On its own it fails here: a probability is so small that it became 0, and 1/0 is not a number. Together "
            "nothing is divided by p, which is why the engine does it so."
        )
    if walk.settings.loss != "cross_entropy":
        st.caption(
            "This network trains with squared errors and does not use this; the numbers are those that it would have."
        )
    st.markdown(
        "Why: the Jacobian has $p_i(\\delta_{ij} - p_j)$. Times $-1/p_t$ in the place of the true class $t$, the $p_t$ "
        "cancels:"
    )
    st.markdown("$$\n-\\tfrac{1}{p_t}\\, p_i (\\delta_{it} - p_t)\n= \\tfrac{p_i}{p_t}\\,(p_t - \\delta_{it})\n$$")
    st.markdown(
        "For $i = t$ that is $p_t - 1$; for any other $i$ it is $p_i$. In both cases $p_i - y_i$, and the mean "
        "over the digits brings the $1/N$."
    )


_QUESTIONS: dict[str, Callable[[Walking], None]] = {
    "Too long a step?": _along,
    "Is the gradient right?": check_gradient,
    "Find the fault": find_the_fault,
    "Why p − y?": _p_minus_y,
}
