"""The scripts of "copy as code", run as a person would: `python -m benchmarks.code`

One epoch of the default network in each framework, beside the app's own. A framework that is not installed is left out.
`--python PATH` names the interpreter that runs the scripts, e.g. of an environment that has Keras.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from mlp.data.sources import MNIST_FOLDER
from mlp.training import FRAMEWORKS, RunConfig, Trainer, as_code

CONFIG = RunConfig(epochs=1)
MODULES = {"numpy": "numpy", "pytorch": "torch", "keras": "keras", "scikit-learn": "sklearn"}


def main(arguments: list[str] | None = None) -> None:
    """Prints what each script says of its epoch, and the seconds that it took in all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code", description="Run the scripts of copy as code.")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the scripts")
    python = parser.parse_args(arguments).python
    (record,) = Trainer(CONFIG).epochs()
    print(
        f"{'the app':12}  epoch  1  loss {record.train_loss:.4f}  validation accuracy {record.validation_accuracy:.4f}"
        f"  test accuracy {record.test_accuracy:.4f}"
    )
    with TemporaryDirectory() as folder:
        for framework in FRAMEWORKS:
            print(f"{framework:12}  {_run(framework, python, Path(folder))}")


def _run(framework: str, python: str, folder: Path) -> str:
    environment = {**os.environ, "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")}
    there = subprocess.run([python, "-c", f"import {MODULES[framework]}"], env=environment, capture_output=True)
    if there.returncode:
        return "not installed"
    path = folder / f"{MODULES[framework]}_script.py"
    path.write_text(as_code(CONFIG, framework))  # type: ignore[arg-type]
    started = perf_counter()
    done = subprocess.run(
        [python, "-I", str(path), str(MNIST_FOLDER)], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    return f"{done.stdout.strip()}  ({perf_counter() - started:.0f} s)"


if __name__ == "__main__":
    main()
