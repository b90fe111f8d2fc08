"""Threads of linear algebra: how many, and that runs side by side do not spoil each other's arithmetic."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from mlp.data import load_dataset
from mlp.training import RunConfig, Trainer, threads


@pytest.fixture(autouse=True)
def one_thread_afterwards():
    yield
    threads._own.threads = 0
    threads.use_threads(1)


def test_threads_from_the_point_where_they_pay(monkeypatch):
    monkeypatch.setattr(threads, "_MOST", 6)
    assert threads.threads_for(threads.WORTH_THREADS - 1) == 1
    assert threads.threads_for(threads.WORTH_THREADS) == 6


def test_never_more_than_the_process_was_started_with():
    code = """
from mlp.training import threads
from threadpoolctl import threadpool_limits

with threadpool_limits(1):
    threads.use_threads(1)
print(threads.threads_for(threads.WORTH_THREADS))
"""
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_NUM_THREADS": count},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for count in ("1", "2")
    ]
    assert found[0] == "1"
    assert found[1] == str(min(2, os.cpu_count() or 1))


def test_the_number_is_set_only_when_it_changes(monkeypatch):
    asked = []
    library = SimpleNamespace(set_num_threads=asked.append, num_threads=2)
    monkeypatch.setattr(threads, "_LIBRARIES", [library, library])
    monkeypatch.setattr(threads, "_in_use", 0)
    for count in (1, 1, 2, 2, 1):
        with threads.using_threads(count):
            pass
    assert asked == [1, 1, 2, 2, 1, 1]


def test_any_thread_can_change_it():
    """A run's own thread is not the one that the server started with."""
    seen = []
    for count in (1, 2, 1):
        worker = threading.Thread(target=threads.use_threads, args=(count,))
        worker.start()
        worker.join()
        seen.append({library.get_num_threads() for library in threads._LIBRARIES})
    assert seen == [{1}, {2}, {1}]


def test_different_numbers_never_at_once_and_each_has_its_turn():
    now, together, turns = [], [], {1: 0, 2: 0}

    def work(count):
        for _ in range(200):
            with threads.using_threads(count), threads.using_threads(3 - count):  # the inner one changes nothing
                now.append(count)
                together.append(set(now))
                turns[count] += 1
                now.remove(count)

    workers = [threading.Thread(target=work, args=(count,), daemon=True) for count in (1, 2, 1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert turns == {1: 400, 2: 400}
    assert all(len(counts) == 1 for counts in together)


def test_one_that_waits_is_not_passed_by():
    """Two who want the same could go on for ever, one always in while the other is out."""
    order = []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with threads.using_threads(1):
            inside.set()
            leave.wait(30)

    def other():
        with threads.using_threads(2):
            order.append("another number")

    def like_the_first():
        with threads.using_threads(1):
            order.append("the same number")

    workers = [threading.Thread(target=first, daemon=True)]
    workers[0].start()
    assert inside.wait(30)
    for count, work in enumerate((other, like_the_first), start=1):
        workers.append(threading.Thread(target=work, daemon=True))
        workers[-1].start()
        while len(threads._queue) < count:
            pass
    leave.set()
    for worker in workers:
        worker.join(30)
    assert order == ["another number", "the same number"]


def test_runs_side_by_side_give_the_same_bytes_as_alone():
    digits = load_dataset(train_size=3000)

    def trained(batch_size, count):
        trainer = Trainer(RunConfig(batch_size=batch_size, epochs=1000), digits)
        trainer.threads = count
        trainer.advance(steps=60)
        return trainer.network.parameters

    wanted = [(512, 2), (64, 1)]
    alone = [trained(*each) for each in wanted]
    with ThreadPoolExecutor() as pool:
        together = list(pool.map(lambda each: trained(*each), wanted))
    for before, now in zip(alone, together, strict=True):
        np.testing.assert_array_equal(before, now)
