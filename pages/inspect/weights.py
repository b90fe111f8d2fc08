"""What every unit looks for."""

from mlp.ui import weights
from mlp.ui.moment import inspect_page

inspect_page(
    "Weights",
    "What every unit looks for in a picture, drawn in its own weights.",
    weights.body,
)
