"""Trains the network that ships with the project and writes its file: `python -m mlp.analysis.pretrained`

Same settings and seed: the same file on the same kind of processor; another may round sums differently. About five
minutes on one free core. `--out PATH` writes to another place.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mlp.analysis.pretrained import FILE
from mlp.analysis.pretrained.handwriting import redrawn
from mlp.data import Dataset, load_dataset
from mlp.training import RunConfig, Trainer, network_to_bytes

# Two hidden layers are as large as fits into 1.5 MB; augmentation is strong because hands differ more than in MNIST.
CONFIG = RunConfig(
    hidden_layers=(400, 140),
    optimizer="adam",
    learning_rate=0.001,
    schedule="cosine",
    batch_size=128,
    epochs=40,
    seed=0,
    validation_size=5000,
    augment_shift=1,
    augment_rotation=15,
    augment_scale=0.12,
    augment_shear=0.25,
    augment_elastic=30,
)
REDRAWN = 2  # times that each training digit is redrawn, beside the digit as it is


def build_dataset(config: RunConfig = CONFIG, copies: int = REDRAWN) -> Dataset:
    """MNIST with its training digits as they are and `copies` times redrawn; validation and test stay as they are."""
    mnist = load_dataset(
        "mnist", train_size=config.train_size, validation_size=config.validation_size, seed=config.seed
    )
    images, labels = mnist.train.images, mnist.train.labels
    rng = np.random.default_rng(config.seed)
    return Dataset.from_arrays(
        np.concatenate([images, *(redrawn(images, labels, rng) for _ in range(copies))]),
        np.tile(labels, copies + 1),
        mnist.test.images,
        mnist.test.labels,
        mnist.validation.images,
        mnist.validation.labels,
    )


def main(arguments: list[str] | None = None) -> None:
    """Trains, says after each epoch how it goes, and writes the file."""
    parser = argparse.ArgumentParser(prog="python -m mlp.analysis.pretrained", description="Train and write the file.")
    parser.add_argument("--out", type=Path, default=FILE, help="where to write (default: the file of the project)")
    out = parser.parse_args(arguments).out
    trainer = Trainer(CONFIG, dataset=build_dataset())
    trainer.threads = 1  # sums are rounded differently on more threads, and the file should not depend on their number
    for record in trainer.epochs():
        sys.stdout.write(
            f"epoch {record.epoch}/{CONFIG.epochs}: validation accuracy {record.validation_accuracy:.4f}\n"
        )
        sys.stdout.flush()
    accuracy = trainer.evaluate("test").accuracy
    notes = {
        "trained on": "MNIST's training digits, as they are and redrawn (mlp/analysis/pretrained/handwriting.py)",
        "test accuracy": f"{accuracy:.4f}",
    }
    out.write_bytes(network_to_bytes(trainer.network, notes))
    sys.stdout.write(f"test accuracy {accuracy:.4f}, written to {out}\n")


if __name__ == "__main__":
    main()
