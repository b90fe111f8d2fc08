"""How far the learning reaches into each layer."""

from mlp.ui import gradients
from mlp.ui.moment import inspect_page

inspect_page(
    "Gradients",
    "How strongly each layer is asked to change, step by step: the gradients that really flowed.",
    gradients.body,
)
