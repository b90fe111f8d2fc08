"""How many threads linear algebra gets: a small batch is faster on one, a large one on all.

The setting belongs to the process: with several runs at once, each sets it anew for its own steps.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

# Products of a chunk's digits and the network's parameters from which on a second thread pays, as measured by
# benchmarks/steps.py on two cores (784-196-10: a batch of about 100).
WORTH_THREADS = 16_000_000

_in_use = 0


def threads_for(work: int) -> int:
    """Threads for a forward and backward pass over `work` = digits x parameters."""
    return (os.cpu_count() or 1) if work >= WORTH_THREADS else 1


def use_threads(count: int) -> None:
    """Lets linear algebra use that many threads from now on; costs next to nothing when nothing changes."""
    global _in_use
    if count != _in_use:
        for library in _libraries():
            library.set_num_threads(count)
        _in_use = count


@cache
def _libraries() -> list[Any]:
    return [found for found in ThreadpoolController().lib_controllers if found.user_api == "blas"]
