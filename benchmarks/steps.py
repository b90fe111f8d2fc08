"""One training step of 784-196-10 against other ways to do it: `python -m benchmarks.steps`

Every rival does all of a step: it gathers the batch out of 60,000 uint8 digits, scales it, goes forward and back on
cross-entropy, counts the right answers, updates by plain SGD, and hands the loss out as a number. Ours is
`Trainer.step()` with its records, probes and snapshots. All take turns within one process, so that a busy computer
disturbs all alike; each number is a median over the rounds.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from mlp.data import Dataset, load_dataset
from mlp.nn import MLP
from mlp.training import RunConfig, Trainer
from mlp.training.threads import threads_for

D, H, K = SIZES = (784, 196, 10)
LEARNING_RATE = 0.01
BATCH_SIZES = (1, 32, 64, 128, 512, 4096)
THREADS = (1, 2)
ROUNDS = 15
SECONDS_PER_TURN = 0.06

Step = Callable[[], object]
Table = dict[str, dict[int, float]]  # microseconds by rival and threads


class Digits:
    """The training digits and an order in which every rival takes its batches."""

    def __init__(self, batch_size: int) -> None:
        split = load_dataset("mnist", validation_size=0).train
        self.images, self.labels, self.batch_size = split.images, split.labels, batch_size
        self.flat = self.images.reshape(len(self.images), D)
        self._order = np.random.default_rng(0).permutation(len(self.images))
        self._next = 0

    def positions(self) -> np.ndarray:
        """(batch_size,) the next ones, from the start again at the end."""
        if self._next + self.batch_size > len(self._order):
            self._next = 0
        self._next += self.batch_size
        return self._order[self._next - self.batch_size : self._next]


def ours(digits: Digits, threads: int) -> Step:
    """`Trainer.step()`, on the threads asked for."""
    dataset = Dataset.from_arrays(digits.images, digits.labels)  # no test digits: only steps are timed
    config = RunConfig(learning_rate=LEARNING_RATE, batch_size=digits.batch_size, epochs=10_000)
    trainer = Trainer(config, dataset)
    trainer.threads = threads
    return trainer.step


def matrix_products(digits: Digits, threads: int) -> Step:
    """The five matrix products of a step and nothing else: what cannot be saved."""
    W, V = (MLP(SIZES, rng=np.random.default_rng(0)).linears[i].W for i in (0, 1))
    n = digits.batch_size
    x, a, z = np.ones((n, D), np.float32), np.ones((n, H), np.float32), np.ones((n, K), np.float32)
    dW, dV, da = np.empty_like(W), np.empty_like(V), np.empty_like(a)

    def step() -> None:
        np.matmul(x, W, out=da)
        np.matmul(a, V, out=z)
        np.matmul(a.T, z, out=dV)
        np.matmul(z, V.T, out=da)
        np.matmul(x.T, da, out=dW)

    return step


def plain_numpy(digits: Digits, threads: int) -> Step:
    """The same step as one writes it first: float64, and a new array for every result."""
    rng = np.random.default_rng(0)
    W, b, V, c = rng.normal(0, 0.05, (D, H)), np.zeros(H), rng.normal(0, 0.1, (H, K)), np.zeros(K)

    def step() -> float:
        nonlocal W, b, V, c
        positions = digits.positions()
        x, labels = digits.flat[positions] / 255, digits.labels[positions]
        a = np.maximum(x @ W + b, 0)
        logits = a @ V + c
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = exp / exp.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(x)), labels]).mean()
        np.mean(p.argmax(axis=1) == labels)
        dz = (p - np.eye(K)[labels]) / len(x)
        da = (dz @ V.T) * (a > 0)
        dV, dc, dW, db = a.T @ dz, dz.sum(axis=0), x.T @ da, da.sum(axis=0)
        W, b = W - LEARNING_RATE * dW, b - LEARNING_RATE * db
        V, c = V - LEARNING_RATE * dV, c - LEARNING_RATE * dc
        return float(loss)

    return step


def pytorch(digits: Digits, threads: int) -> Step | None:
    """A step of PyTorch in eager mode, None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    network = torch.nn.Sequential(torch.nn.Linear(D, H), torch.nn.ReLU(), torch.nn.Linear(H, K))
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    images, targets = torch.from_numpy(digits.flat.copy()), torch.from_numpy(digits.labels)

    def step() -> float:
        torch.set_num_threads(threads)
        positions = torch.from_numpy(digits.positions())
        x, labels = images[positions].float().div_(255), targets[positions]
        optimizer.zero_grad()
        logits = network(x)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        (logits.argmax(dim=1) == labels).float().mean().item()
        return loss.item()

    return step


def scikit_learn(digits: Digits, threads: int) -> Step | None:
    """A partial_fit of scikit-learn's MLPClassifier, None where it is not installed; it counts no right answers."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        return None
    settings = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "alpha": 0.0, "shuffle": False}
    size = digits.batch_size
    network = MLPClassifier((H,), batch_size=size, learning_rate_init=LEARNING_RATE, random_state=0, **settings)

    def step() -> object:
        positions = digits.positions()
        x, labels = digits.flat[positions].astype(np.float32) / np.float32(255), digits.labels[positions]
        return network.partial_fit(x, labels, classes=np.arange(K))

    return step


RIVALS = {
    "ours": ours,
    "PyTorch eager": pytorch,
    "scikit-learn": scikit_learn,
    "plain float64 numpy": plain_numpy,
    "bare matrix products": matrix_products,
}


def seconds(step: Step, repeats: int) -> float:
    """The time of `repeats` steps."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return time.perf_counter() - start


def measure(batch_size: int) -> tuple[Table, dict[str, float]]:
    """Microseconds of a step, and for each rival its time over ours when each has its better number of threads."""
    digits = Digits(batch_size)
    made = {(name, n): make(digits, n) for name, make in RIVALS.items() for n in THREADS}
    steps = {key: step for key, step in made.items() if step is not None}
    taken: dict[tuple[str, int], list[float]] = {key: [] for key in steps}
    repeats = {}
    for key, step in steps.items():
        with threadpool_limits(limits=key[1]):
            seconds(step, 5)  # fills caches and buffers
            repeats[key] = max(2, round(5 * SECONDS_PER_TURN / seconds(step, 5)))
    for _ in range(ROUNDS):
        for key, step in steps.items():
            with threadpool_limits(limits=key[1]):
                taken[key].append(seconds(step, repeats[key]) / repeats[key])
    chosen = ("ours", min(max(THREADS), threads_for(batch_size * ((D + 1) * H + (H + 1) * K))))
    ratios = {}
    for name in RIVALS:
        own = [key for key in steps if key[0] == name]
        if own:
            best = min(own, key=lambda key: median(taken[key]))
            ratios[name] = median(r / o for r, o in zip(taken[best], taken[chosen], strict=True))
    ratios["bare, one thread"] = median(
        o / r for r, o in zip(taken["bare matrix products", 1], taken["ours", 1], strict=True)
    )
    table: Table = {name: {} for name in RIVALS}
    for (name, n), times in taken.items():
        table[name][n] = 1e6 * median(times)
    return table, ratios


def main() -> None:
    """Prints two markdown tables: microseconds, and ratios."""
    warnings.filterwarnings("ignore")
    found = {size: measure(size) for size in BATCH_SIZES}
    columns = [(name, n) for name in RIVALS for n in THREADS]
    print("Microseconds a step, 784-196-10, with one and with two threads:\n")
    print("| batch | " + " | ".join(f"{name}, {n}" for name, n in columns) + " |")
    print("|---:|" + "---:|" * len(columns))
    for size, (table, _) in found.items():
        cells = [f"{table[name][n]:,.0f}" if n in table[name] else "–" for name, n in columns]
        print(f"| {size:,} | " + " | ".join(cells) + " |")
    others = [name for name in RIVALS if name != "ours"]
    print("\nTime of the others over ours, ours with the threads that it chooses, each other with its better number;")
    print("last, ours over the bare matrix products, both with one thread:\n")
    print("| batch | " + " | ".join(others) + " | ours / bare, one thread |")
    print("|---:|" + "---:|" * (len(others) + 1))
    for size, (_, ratios) in found.items():
        cells = [f"{ratios[name]:.2f}" if name in ratios else "–" for name in [*others, "bare, one thread"]]
        print(f"| {size:,} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
