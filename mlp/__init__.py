"""MLP Microscope: a numpy multilayer perceptron to watch while it learns handwritten digits."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlp import analysis, data, nn, training
    from mlp.data import load_dataset
    from mlp.nn import MLP
    from mlp.training import RunConfig, Trainer

__all__ = ["MLP", "RunConfig", "Trainer", "analysis", "data", "load_dataset", "nn", "training"]

_HOMES = {"MLP": "mlp.nn", "RunConfig": "mlp.training", "Trainer": "mlp.training", "load_dataset": "mlp.data"}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for (PEP 562), so that the app's server can answer before all is there."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"mlp.{name}")
    raise AttributeError(f"module 'mlp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
