"""How many threads linear algebra gets: a small batch is faster on one, a large one on all.

The number belongs to the process, and a product's last bits may depend on it. So of several runs at once, those that
want another number take turns, step by step: each gets the same bytes as if it were alone.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy  # noqa: F401 - so that its linear algebra is there to be found
from threadpoolctl import OpenBLASController, ThreadpoolController

# Products of a chunk's digits and the network's parameters from which on a second thread pays, as measured by
# benchmarks/steps.py on two cores (784-196-10: a batch of about 100).
WORTH_THREADS = 16_000_000

_LIBRARIES: list[Any] = [found for found in ThreadpoolController().lib_controllers if found.user_api == "blas"]
# Read at the start, before anybody lowers the number for a while.
_MOST = min((library.num_threads for library in _LIBRARIES), default=1)

_turn = threading.Condition()
_queue: deque[object] = deque()  # who waits, first come first served
_in_use = 0  # threads
_holders = 0  # how many compute with them just now
_own = threading.local()


def threads_for(work: int) -> int:
    """Threads for a forward and backward pass over `work` = digits x parameters: one, or as many as there are.

    There are as many as the process was started with: OPENBLAS_NUM_THREADS=1 means one for all.
    """
    return _MOST if work >= WORTH_THREADS else 1


class using_threads:  # noqa: N801 - reads as what it does, and a generator would cost twice as much in every step
    """`with using_threads(count):` linear algebra has that many threads, and nobody changes that, within the block.

    Waits while others compute with another number. A block within a block of the same thread changes nothing.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> None:
        global _holders
        _own.depth = getattr(_own, "depth", 0) + 1
        if _own.depth > 1:
            return
        with _turn:
            if _queue or not self._possible():
                _queue.append(self)
                _turn.wait_for(lambda: _queue[0] is self and self._possible())
                _queue.popleft()
                _turn.notify_all()  # the next may want the same number
            _holders += 1
            use_threads(self._count)

    def __exit__(self, *_: object) -> None:
        global _holders
        _own.depth -= 1
        if _own.depth:
            return
        with _turn:
            _holders -= 1
            if _queue:
                _turn.notify_all()

    def _possible(self) -> bool:
        return not _holders or self._count == _in_use


def use_threads(count: int) -> None:
    """Lets linear algebra use that many threads until somebody wants another number."""
    global _in_use
    if count == _in_use == getattr(_own, "threads", 0):  # in some builds the number belongs to the thread that set it
        return
    for library in _LIBRARIES:
        if isinstance(library, OpenBLASController):
            # Otherwise it would listen to nobody but the first thread that ever set a number.
            library.clear_controlling_thread(force=True)
        library.set_num_threads(count)
    _in_use = _own.threads = count
