"""A run as code of its own: short scripts for numpy, PyTorch, Keras and scikit-learn that need nothing of this project.

Each script holds what its configuration needs and no more: a setting that is off leaves no trace, and one that a
framework cannot follow is named at the top of the script. The numpy script repeats the run itself: the same digits,
initial weights, batches, warps and dropout masks, drawn from the same seeds. PyTorch repeats all of it but the masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mlp.training.code.keras_script import script as keras_script
from mlp.training.code.numpy_script import script as numpy_script
from mlp.training.code.pytorch_script import script as pytorch_script
from mlp.training.code.scikit_learn_script import script as scikit_learn_script
from mlp.training.code.text import file_name
from mlp.training.config import RunConfig

Framework = Literal["numpy", "pytorch", "keras", "scikit-learn"]

FRAMEWORKS: dict[str, Callable[[RunConfig], str]] = {
    "numpy": numpy_script,
    "pytorch": pytorch_script,
    "keras": keras_script,
    "scikit-learn": scikit_learn_script,
}


def as_code(config: RunConfig, framework: Framework) -> str:
    """The run as a Python script that reads the dataset's four IDX files and prints a line for each epoch.

    The folder of the files is its one argument, by default the name of the dataset. The same config gives the same
    text, formatted as ruff formats it at 100 characters a line.

    Raises:
        ValueError: the framework is unknown.
    """
    if framework not in FRAMEWORKS:
        raise ValueError(f"framework must be one of {', '.join(FRAMEWORKS)}, got {framework!r}")
    return FRAMEWORKS[framework](config)


__all__ = ["FRAMEWORKS", "Framework", "as_code", "file_name"]
