"""What every test may use: the repository's root, small data, one BLAS thread, patience."""

import time
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from mlp.data import load_dataset

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def repository():
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread():
    """Small matrices are no faster on more threads, and two test runs side by side do not slow each other down."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def digits():
    """Real MNIST in miniature: 500 digits to learn from, 200 to validate on, all 10,000 of the test file."""
    return load_dataset("mnist", train_size=500, validation_size=200)


@pytest.fixture(scope="session")
def wait_until():
    """Waits until a condition holds; fails the test when it does not within `timeout` seconds."""

    def wait(condition, timeout=20.0):
        end = time.monotonic() + timeout
        while not (found := condition()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.002)
        return found

    return wait
