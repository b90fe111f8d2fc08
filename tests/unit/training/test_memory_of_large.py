"""The largest network that the bounds allow, on a full batch: small chunks, threads, few snapshots."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from mlp.data import load_dataset
from mlp.training import FULL_BATCH, RunConfig, Trainer, threads, trainer
from mlp.training.snapshots import DEFAULT_BUDGET
from mlp.training.trainer import CHUNK_SIZE, CHUNK_VALUES

LARGEST = {"hidden_layers": (1024,) * 6, "dtype": "float64", "batch_size": FULL_BATCH}


class Outline:
    """An MLP's sizes without its weights."""

    def __init__(self, layer_sizes, **settings):
        self.layer_sizes = tuple(layer_sizes)
        self.num_parameters = sum((D + 1) * K for D, K in pairwise(layer_sizes))
        self.dtype = settings["dtype"]
        self.input_scaling = settings["input_scaling"]
        self.parameters = np.broadcast_to(self.dtype.type(0), self.num_parameters)
        self.linears = []


class Recorded:
    """Stands for a log, and remembers what it was made with."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def take(self, step, parameters):
        pass


@pytest.fixture(scope="module")
def mnist():
    return load_dataset()


@pytest.fixture
def outline(monkeypatch, mnist):
    """A trainer that has all but the arrays of its network: 48 MB each for the largest."""
    monkeypatch.setattr(trainer, "MLP", Outline)
    monkeypatch.setattr(trainer, "build_optimizer", lambda *args, **kwargs: SimpleNamespace())
    monkeypatch.setattr(trainer, "ProbeLog", Recorded)
    monkeypatch.setattr(threads, "_MOST", 2)
    batches = []

    def batcher(*args, **kwargs):
        batches.append(args)
        return SimpleNamespace(augmentation=None)

    monkeypatch.setattr(trainer, "Batcher", batcher)

    def make(**settings):
        found = Trainer(RunConfig(**settings), mnist)
        found.chunk_of_the_batcher = batches[-1][2]
        return found

    return make


def test_the_largest_network_takes_a_full_batch_in_small_chunks(outline):
    found = outline(**LARGEST)
    units = 6 * 1024 + 10
    assert found.batch_size == 55_000
    assert found.steps_per_epoch == 1
    assert 1 <= found.chunk_size == CHUNK_VALUES // units < CHUNK_SIZE
    assert found.chunk_size * units <= CHUNK_VALUES
    assert found.chunk_of_the_batcher == found.chunk_size
    # inputs, outputs, activations, their slopes and dropout's masks: some five arrays of that many numbers
    assert 5 * 8 * CHUNK_VALUES < 0.5e9


def test_the_largest_network_has_three_snapshots(outline):
    found = outline(**LARGEST)
    assert found.network.num_parameters * 8 > DEFAULT_BUDGET
    assert found.snapshots.most == 3


@pytest.mark.parametrize(
    ("settings", "chunk"),
    [
        ({}, 32),
        ({"batch_size": 512}, 512),
        ({"batch_size": FULL_BATCH}, CHUNK_SIZE),
        ({"batch_size": 100, "hidden_layers": (1024,) * 6}, 100),
        ({"batch_size": FULL_BATCH, "hidden_layers": ()}, CHUNK_SIZE),
    ],
    ids=str,
)
def test_a_chunk_is_the_batch_where_that_is_small_enough(outline, settings, chunk):
    assert outline(**settings).chunk_size == chunk


@pytest.mark.parametrize(
    ("settings", "count"),
    [({}, 1), ({"batch_size": 512}, 2), (LARGEST, 2), ({"hidden_layers": (), "batch_size": 512}, 1)],
    ids=str,
)
def test_threads_go_by_the_work_of_a_chunk(outline, settings, count):
    assert outline(**settings).threads == count
