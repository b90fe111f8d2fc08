"""Test accuracy of the default network over five seeds: `python -m benchmarks.accuracy`"""

from __future__ import annotations

from statistics import mean

from mlp.training import RunConfig, Trainer

SEEDS = range(5)
CONFIG = RunConfig(hidden_layers=(196,), learning_rate=0.1, batch_size=32, epochs=10, validation_size=0)


def main() -> None:
    """Prints the accuracy of each seed after the last epoch, and their mean."""
    found = []
    for seed in SEEDS:
        trainer = Trainer(CONFIG.changed(seed=seed))
        *_, last = trainer.epochs()
        found.append(last.test_accuracy)
        print(f"seed {seed}: test accuracy {last.test_accuracy:.4f}, training accuracy {last.train_accuracy:.4f}")
    print(f"mean test accuracy {mean(found):.4f}")


if __name__ == "__main__":
    main()
