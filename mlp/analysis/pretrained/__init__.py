"""The network that ships with the project and reads drawn digits: `pretrained_network()`.

It has seen MNIST's training digits alone, as they are and in other people's handwriting (`handwriting.py`). Its file
is built anew by `python -m mlp.analysis.pretrained`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mlp.nn import MLP
from mlp.training import network_from_bytes

FILE = Path(__file__).parent / "network.safetensors"


def pretrained_network() -> MLP:
    """The network that ships with the project, a fresh copy at each call.

    It takes (N, 28, 28) or (N, 784) uint8 digits prepared as MNIST's, as `digit_from_strokes` gives them.
    """
    return _network().copy()


@cache
def _network() -> MLP:
    return network_from_bytes(FILE.read_bytes())


__all__ = ["pretrained_network"]
