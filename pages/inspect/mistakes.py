"""The digits that the network gets wrong."""

from mlp.ui import mistakes
from mlp.ui.moment import inspect_page

inspect_page(
    "Mistakes",
    "The digits that the network gets most wrong, what it takes them for, and how far its confidence can be trusted.",
    mistakes.body,
)
