"""One number of the walk, written out: as the sum that makes it, or from its neighbours in the chain."""

from __future__ import annotations

import numpy as np
import streamlit as st

from mlp.analysis.walk import Stage, Sum, Walk, written_out
from mlp.ui.backprop_words import made_by, plain, read_by
from mlp.viz.walk import rounded

TERMS = 6


def write_out(walk: Walk, stage: Stage, row: int, column: int) -> None:
    """Says how one entry of a stage comes about."""
    found = written_out(walk, stage, row, column)
    if found is not None:
        _write_sum(walk, stage, found, row, column)
    elif stage.kind not in ("clip", "update"):
        _write_entry(walk, stage, row, column)
    if stage.kind == "activation":  # the whole way from what the unit reads
        write_out(walk, walk.stage(f"z{stage.layer + 1}"), row, column)


def signed(value: float) -> str:
    """A factor in a product: a negative one in brackets."""
    text = rounded(value, 4)
    return f"({text})" if value < 0 else text


def _write_sum(walk: Walk, stage: Stage, found: Sum, row: int, column: int) -> None:
    """The sum behind a number, largest terms first, and how near it comes to the engine's own."""
    index = f"[{column}]" if stage.kind == "db" else f"[{row}, {column}]"
    left, right, over = _factors(walk, stage, row, column)
    count = len(found.terms)
    rows = [f"| {over} | {left} | {right} | product |", "|---:|---:|---:|---:|"]
    kept = found.strongest(TERMS if count > TERMS + 1 else count)
    for n in kept.tolist():
        factors = f"{rounded(found.left[n], 3)} | {rounded(found.right[n], 3)}"
        rows.append(f"| {n} | {factors} | {rounded(found.terms[n], 3)} |")
    if count > len(kept):
        rest = found.terms.sum() - found.terms[kept].sum()
        rows.append(f"| the other {count - len(kept):,} | | | {rounded(rest, 3)} |")
    if found.bias is not None:
        rows.append(f"| bias | | | {rounded(found.bias, 3)} |")
    rows.append(f"| **sum** | | | **{rounded(found.total, 3)}** |")
    st.markdown(f"**{plain(stage.key)}{index}**, term by term, largest first:")
    st.markdown("\n".join(rows))
    difference = found.total - found.value
    words = f"In full, the sum is {rounded(found.total, 7)}. The engine has {rounded(found.value, 7)}"
    words += (
        ", the very same number."
        if difference == 0
        else f": it differs by {rounded(abs(difference), 1)}, as the engine adds in {walk.network.dtype} and in another"
        " order."
    )
    st.caption(words if np.isfinite(difference) else "Numbers that are not finite have no sum.")


def _factors(walk: Walk, stage: Stage, row: int, column: int) -> tuple[str, str, str]:
    """What is multiplied with what, and over what it is summed."""
    layer = stage.layer
    read, out = read_by(walk, layer), "d" + made_by(walk, layer)
    W = plain(f"W{layer + 1}")
    if stage.kind == "linear":
        return f"{plain(read)} [{row}, i]", f"{W} [i, {column}]", "i"
    if stage.kind == "dW":
        return f"{plain(read)} [n, {row}]", f"{plain(out)} [n, {column}]", "digit n"
    if stage.kind == "db":
        return "1", f"{plain(out)} [n, {column}]", "digit n"
    return f"{plain(out)} [{row}, j]", f"{W} [{column}, j]", "j"


def _write_entry(walk: Walk, stage: Stage, n: int, k: int) -> None:
    """One entry that is made of its neighbours in the chain, number by number."""
    value, number = float(stage.value[n, k]), stage.layer + 1
    name = f"{plain(stage.key)}[{n}, {k}]"

    def at(key: str) -> str:
        return signed(float(walk.stage(key).value[n, k]))

    if stage.kind == "activation":
        made = f"f({rounded(float(walk.stage(f'z{number}').value[n, k]), 4)})"
    elif stage.kind == "softmax":
        logits = walk.stage("logits").value[n].astype(np.float64)
        exp = np.exp(logits - logits.max())
        made = f"exp({at('logits')} − {rounded(logits.max(), 4)}) / {rounded(exp.sum(), 4)}"
        made += ", the largest score taken off on both sides"
    elif stage.kind == "dlogits":
        y = int(walk.batch.labels[n] == k)
        N, K = stage.value.shape
        if walk.settings.loss == "cross_entropy":
            made = f"({at('p')} − {y}) / {N:,}"
        else:
            made = f"2 · ({at('logits')} − {y}) / ({N:,} · {K})"
    elif stage.kind == "dropout":
        made = f"{at(f'a{number}')} · mask"
    elif stage.kind == "ddropout":
        made = f"{at(f'dh{number}')} · mask"
    else:
        slope_times = float(walk.stage(f"da{number}").value[n, k])
        slope = value / slope_times if slope_times else 0.0
        made = f"{signed(slope_times)} · {signed(slope)}, at z = {at(f'z{number}')}"
    st.markdown(f"**{name}** = {made} = **{rounded(value, 5)}**")
