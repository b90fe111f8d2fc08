"""One training step of 784-196-10 against other ways to do it, as ratios: python -m benchmarks.steps

All run on one thread, in turns within one process, so that a busy computer disturbs all alike. A number is the median
over the rounds of (time of the other / time of ours), for a step in float32 of plain SGD on cross-entropy.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
import warnings
from collections.abc import Callable
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from mlp.nn import MLP, build_optimizer, cross_entropy

D, H, K = SIZES = (784, 196, 10)
LEARNING_RATE = 0.01
ROUNDS = 40
SECONDS_PER_TURN = 0.02

Step = Callable[[], object]


def ours(x: np.ndarray, labels: np.ndarray) -> Step:
    """A step of mlp.nn."""
    network = MLP(SIZES, rng=np.random.default_rng(0))
    optimizer = build_optimizer("sgd", network, learning_rate=LEARNING_RATE)

    def step() -> None:
        _, dlogits = cross_entropy(network.forward(x, training=True), labels)
        network.backward(dlogits)
        optimizer.step()

    return step


def matrix_products(x: np.ndarray, labels: np.ndarray) -> Step:
    """The five matrix products of a step and nothing else: what cannot be saved."""
    W, V = (MLP(SIZES, rng=np.random.default_rng(0)).linears[i].W for i in (0, 1))
    a, z = np.ones((len(x), H), np.float32), np.ones((len(x), K), np.float32)
    dW, dV, da = np.empty_like(W), np.empty_like(V), np.empty_like(a)

    def step() -> None:
        np.matmul(x, W, out=da)
        np.matmul(a, V, out=z)
        np.matmul(a.T, z, out=dV)
        np.matmul(z, V.T, out=da)
        np.matmul(x.T, da, out=dW)

    return step


def plain_numpy(x: np.ndarray, labels: np.ndarray) -> Step:
    """The same step as one writes it first: a new array for every result."""
    (W, b), (V, c) = ((linear.W, linear.b) for linear in MLP(SIZES, rng=np.random.default_rng(0)).linears)

    def step() -> None:
        nonlocal W, b, V, c
        a = np.maximum(x @ W + b, 0)
        logits = a @ V + c
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        p = exp / exp.sum(axis=1, keepdims=True)
        np.mean(-np.log(p[np.arange(len(x)), labels]))
        dz = (p - np.eye(K, dtype=np.float32)[labels]) / len(x)
        da = (dz @ V.T) * (a > 0)
        dV, dc, dW, db = a.T @ dz, dz.sum(axis=0), x.T @ da, da.sum(axis=0)
        W, b = W - LEARNING_RATE * dW, b - LEARNING_RATE * db
        V, c = V - LEARNING_RATE * dV, c - LEARNING_RATE * dc

    return step


def pytorch(x: np.ndarray, labels: np.ndarray) -> Step | None:
    """A step of PyTorch, None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    network = torch.nn.Sequential(torch.nn.Linear(D, H), torch.nn.ReLU(), torch.nn.Linear(H, K))
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)

    def step() -> None:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def scikit_learn(x: np.ndarray, labels: np.ndarray) -> Step | None:
    """A partial_fit of scikit-learn's MLPClassifier, None where it is not installed."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        return None
    settings = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "alpha": 0.0}
    network = MLPClassifier((H,), batch_size=len(x), learning_rate_init=LEARNING_RATE, random_state=0, **settings)
    network.partial_fit(x, labels, classes=np.arange(K))
    return lambda: network.partial_fit(x, labels)


RIVALS = {
    "bare matrix products": matrix_products,
    "plain numpy": plain_numpy,
    "PyTorch": pytorch,
    "scikit-learn": scikit_learn,
}


def seconds(step: Step, repeats: int) -> float:
    """The time of `repeats` steps."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return time.perf_counter() - start


def ratios(batch_size: int) -> tuple[float, dict[str, float]]:
    """-> microseconds of our step, and for each rival installed its time over ours: medians over the rounds."""
    rng = np.random.default_rng(0)
    x, labels = rng.random((batch_size, D), dtype=np.float32), rng.integers(0, K, batch_size)
    candidates = {"ours": ours(x, labels), **{name: make(x, labels) for name, make in RIVALS.items()}}
    steps = {name: step for name, step in candidates.items() if step is not None}
    repeats = {}
    for name, step in steps.items():
        seconds(step, 20)  # fills caches and buffers
        repeats[name] = max(1, round(20 * SECONDS_PER_TURN / seconds(step, 20)))
    rounds = [
        {name: seconds(step, repeats[name]) / repeats[name] for name, step in steps.items()} for _ in range(ROUNDS)
    ]
    others = {name: median(r[name] / r["ours"] for r in rounds) for name in steps if name != "ours"}
    return median(r["ours"] for r in rounds) * 1e6, others


def main() -> None:
    """Print a markdown table."""
    warnings.filterwarnings("ignore")
    print("| batch | our step | " + " | ".join(f"{name} / ours" for name in RIVALS) + " |")
    print("|" + "---:|" * (2 + len(RIVALS)))
    with threadpool_limits(1):
        for batch_size in (1, 32, 512):
            own, others = ratios(batch_size)
            cells = [f"{others[name]:.2f}" if name in others else "not installed" for name in RIVALS]
            print(f"| {batch_size} | {own:.0f} µs | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
