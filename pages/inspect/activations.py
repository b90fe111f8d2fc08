"""How the classes come apart inside the network."""

from mlp.ui import activations
from mlp.ui.moment import inspect_page

inspect_page(
    "Activations",
    "How the network sees the test digits, layer by layer: what it learns is to pull the classes apart.",
    activations.body,
)
