"""Lines of the engine, read from its own files: what is shown cannot differ from what is run."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mlp
from mlp.analysis.walk import Stage, Walk
from mlp.nn import (
    ACTIVATIONS,
    OPTIMIZERS,
    AdamW,
    Dropout,
    InputScaling,
    Linear,
    Optimizer,
    clip_gradient_norm,
    cross_entropy,
    mean_squared_error,
    optimizers,
    softmax,
)
from mlp.training import Trainer

_ROOT = Path(mlp.__file__).parent.parent


class SourceChangedError(RuntimeError):
    """The engine's text no longer holds a statement that is asked for."""


@dataclass(frozen=True)
class SourceLines:
    """Statements of one function as they stand in its file. `file` counts from the project's root, lines from 1."""

    name: str  # "Linear.forward"
    text: str
    file: str
    first: int
    last: int

    @property
    def place(self) -> str:
        """Where they stand: "mlp/nn/linear.py, lines 24–25"."""
        lines = f"line {self.first}" if self.first == self.last else f"lines {self.first}–{self.last}"
        return f"{self.file}, {lines}"


@cache
def lines_of(function: Callable[..., Any], *marks: str) -> SourceLines:
    """The statements of a function in which one of the marks stands; all but its docstring where no mark is given.

    Raises SourceChangedError when a mark stands in no statement: then the engine has changed and this has not.
    """
    function = inspect.unwrap(function)
    lines, start = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    (definition,) = tree.body
    if not isinstance(definition, ast.FunctionDef):
        raise SourceChangedError(f"{function.__qualname__} is no plain function")
    has_text = ast.get_docstring(definition) is not None
    statements = list(_simple(definition.body[has_text:]))
    texts = [_text(one, lines) for one in statements]
    for mark in marks:
        if not any(mark in text for text in texts):
            raise SourceChangedError(f"{function.__qualname__} has no statement with {mark!r}")
    kept = [number for number, text in enumerate(texts) if not marks or any(mark in text for mark in marks)]
    if marks:
        shown = "\n".join(textwrap.dedent(texts[number]) for number in kept)
    else:  # the whole body, its ifs and loops too
        body = definition.body[has_text:]
        shown = textwrap.dedent("".join(lines[body[0].lineno - 1 : body[-1].end_lineno]))
    first, last = statements[kept[0]], statements[kept[-1]]
    return SourceLines(
        name=function.__qualname__,
        text=shown.rstrip("\n"),
        file=Path(inspect.getfile(function)).relative_to(_ROOT).as_posix(),
        first=(first.lineno if marks else definition.body[has_text].lineno) + start - 1,
        last=(last.end_lineno or last.lineno) + start - 1,
    )


def _simple(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that hold no others, in the order of the text."""
    found: list[ast.stmt] = []
    for statement in body:
        inner = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        if any(inner):
            for part in inner:
                found += _simple(part)
        else:
            found.append(statement)
    return found


def _text(statement: ast.stmt, lines: list[str]) -> str:
    return "".join(lines[statement.lineno - 1 : statement.end_lineno]).rstrip("\n")


def code_of(walk: Walk, stage: Stage) -> list[SourceLines]:
    """The lines of the engine that compute a stage."""
    cross = walk.settings.loss == "cross_entropy"
    loss = cross_entropy if cross else mean_squared_error
    activation = ACTIVATIONS[walk.network.activation]
    match stage.kind:
        case "input":
            return [lines_of(InputScaling.__call__, "np.multiply(")]
        case "linear":
            return [lines_of(Linear.forward, "np.matmul(", "y += self.b")]
        case "activation":
            return [lines_of(activation.forward)]
        case "dropout":
            return [lines_of(Dropout.forward, "rng.random(", "np.greater_equal(", "m *= ", "np.multiply(")]
        case "softmax":
            return [lines_of(_exponentials()), lines_of(softmax, "exp / total")]
        case "loss" if cross:
            return [lines_of(loss, "losses = ", "losses.sum()")]
        case "loss":
            return [lines_of(loss, "difference = ", "np.mean(")]
        case "dlogits" if cross:
            return [lines_of(loss, "np.divide(", "dz -= ", "dz /= ")]
        case "dlogits":
            return [lines_of(loss, "difference = ", "2 / difference.size")]
        case "dW":
            return [lines_of(Linear.backward, "product = ", "product(")]
        case "db":
            return [lines_of(Linear.backward, "np.add.reduce(")]
        case "dinput":
            return [lines_of(Linear.backward, "self.W.T")]
        case "ddropout":
            return [lines_of(Dropout.backward)]
        case "dactivation":
            return [lines_of(activation.backward)]
        case "clip":
            return [lines_of(clip_gradient_norm, "norm = float(np.linalg.norm(g))", "g *= ")]
        case "update":
            return _update_lines(walk.settings.optimizer, decays=walk.settings.weight_decay > 0)
        case "after":
            return [lines_of(Trainer._take_chunk, "self.network.forward(", "self._loss(")]


def _update_lines(name: str, *, decays: bool) -> list[SourceLines]:
    """The step of an optimizer: weight decay where there is some, then its rule with the average that it keeps."""
    kind = OPTIMIZERS[name]
    found = [lines_of(kind._decay if issubclass(kind, AdamW) else Optimizer._decay)] if decays else []
    found.append(lines_of(kind._update))
    if "_average_in_square(" in found[-1].text:
        found.append(lines_of(optimizers._average_in_square))
    return found


def _exponentials() -> Callable[..., Any]:
    return inspect.unwrap(softmax).__globals__["_exponentials"]  # type: ignore[no-any-return] # its own helper
