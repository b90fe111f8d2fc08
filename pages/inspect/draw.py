"""Draw a digit, see what the network makes of it."""

from mlp.ui import draw

draw.page()
