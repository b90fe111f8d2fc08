"""How the pieces of a script are put together: templates, calls over one line or many, blank lines, the heading."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from string import Template

from mlp.training.config import RunConfig

WIDTH = 100  # characters in a line
TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "kmnist": "KMNIST"}
READERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}  # their classes in the package mnists

_DEFINITION = re.compile("def |class |@")

Row = tuple[str, str]  # an assignment and the comment on it, which may be ""


def fill(template: str, **values: object) -> str:
    """The template without the line breaks around it, each $name replaced by its value."""
    return Template(template.strip("\n")).substitute(values)


def call(head: str, *arguments: str) -> str:
    """`head(argument, …)` on one line if it fits, all arguments on one line of their own, or one a line."""
    line = f"{head}({', '.join(arguments)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    if len(inner := ", ".join(arguments)) <= WIDTH - 4 and "\n" not in inner and not inner.endswith("]"):
        return f"{head}(\n    {inner}\n)"
    return f"{head}(\n{_one_a_line(arguments)})"


def listed(head: str, *items: str, beside: int = 0) -> str:
    """`head[item, …]` on one line if it fits, with `beside` more characters on that line, else one item a line."""
    line = f"{head}[{', '.join(items)}]"
    return line if len(line) + beside <= WIDTH else f"{head}[\n{_one_a_line(items)}]"


def setting(config: RunConfig, name: str, comment: str = "") -> Row:
    """A setting under its own name, in capitals as constants are."""
    return f"{name.upper()} = {getattr(config, name)!r}", comment


def rows(*parts: Row) -> str:
    """One line for each."""
    return "\n".join(line + (f"  # {comment}" if comment else "") for line, comment in parts)


def page(*blocks: str) -> str:
    """The blocks one below the other without those that are empty; two blank lines around functions and classes."""
    kept = [block.strip("\n") for block in blocks if block.strip()]
    text = kept[0] if kept else ""
    for before, block in pairwise(kept):
        text += ("\n\n\n" if _ends_inside(before) or _DEFINITION.match(block) else "\n\n") + block
    return text


def complete(heading: str, imports: Sequence[str], *blocks: str) -> str:
    """The whole script: heading, those imports that the blocks use, blocks."""
    body = page(*blocks)
    used = [line for line in imports if re.search(rf"\b{line.split()[-1]}\b", body)]
    standard = [line for line in used if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    others = [line for line in used if line not in standard]
    return page(heading, *("\n".join(sorted(lines, key=_import_order)) for lines in (standard, others)), body) + "\n"


def heading(config: RunConfig, framework: str, packages: str, *paragraphs: str) -> str:
    """The docstring of a script: what it is, how to run it, and those paragraphs that are not empty.

    packages: what pip has to install, besides mnists.
    """
    sizes = "-".join(map(str, [784, *config.hidden_layers, num_classes(config)]))
    network = [sizes, *([config.activation] if config.hidden_layers else []), config.weight_init, config.dtype]
    schedule = "" if config.schedule == "constant" else f", {config.schedule} schedule"
    body = [
        f"A network that learns {TITLES[config.dataset]}, in {framework}: a run of MLP Microscope as code of its own.",
        f"Network: {', '.join(network)}.\n"
        f"Training: {config.loss}, {config.optimizer}{schedule}.\n"
        f"Data: {config.dataset}, input scaling {config.input_scaling}.",
        f"It reads the four files of {TITLES[config.dataset]} from a folder, by default {config.dataset}:",
        f"    pip install {packages} mnists\n"
        f"    python -c \"import mnists; mnists.{READERS[config.dataset]}('{config.dataset}')\"\n"
        f"    python {file_name(framework)} {config.dataset}",
        *paragraphs,
        without_effect(config),
    ]
    return '"""' + "\n\n".join(_wrapped(part) for part in body if part) + '\n"""'


def file_name(framework: str) -> str:
    """What a script for that framework is called: none of them like a module that it imports."""
    return f"mlp_{framework.lower().replace('-', '_')}.py"


def not_carried_over(*parts: str) -> str:
    """The paragraph on what a framework does not follow, or follows in its own way; empty if there is nothing."""
    named = [part for part in parts if part]
    return "Not carried over as it is in the app:\n" + "\n".join(f"- {part}" for part in named) if named else ""


def without_effect(config: RunConfig) -> str:
    """The paragraph on settings that were changed but do nothing beside the others, here as in the app."""
    idle = {
        "activation": not config.hidden_layers,
        "dropout": not config.hidden_layers,
        "weight_init_std": config.weight_init != "normal",
        "momentum": config.optimizer not in ("momentum", "nesterov"),
        "decay_epochs": config.schedule not in ("step", "exponential"),
        "decay_factor": config.schedule not in ("step", "exponential"),
    }
    changed = [name for name in idle if idle[name] and getattr(config, name) != getattr(RunConfig(), name)]
    named = ", ".join(f"{name} {getattr(config, name)}" for name in changed)
    return f"Without effect beside the other settings: {named}." if named else ""


def num_classes(config: RunConfig) -> int:
    """K."""
    return 10 if config.classes is None else len(config.classes)


def _one_a_line(parts: Sequence[str]) -> str:
    return "".join(textwrap.indent(part, "    ") + ",\n" for part in parts)


def _ends_inside(block: str) -> bool:
    """Whether the block ends with a function or class."""
    flush = [line for line in block.split("\n") if line and not line.startswith(" ")]
    return _DEFINITION.match(flush[-1]) is not None


def _import_order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line.lower()


def _wrapped(paragraph: str) -> str:
    """Wrapped to the width; line breaks in it stay, lines of a list hang by their dash."""
    lines = (
        textwrap.fill(line, WIDTH - 4, subsequent_indent="  " if line.startswith("- ") else "")
        if not line.startswith("    ")
        else line
        for line in paragraph.split("\n")
    )
    return "\n".join(lines)
