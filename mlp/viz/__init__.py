"""Arrays in, plotly figures and picture data out. Nothing here knows of Streamlit or of a session."""

from mlp.viz.curves import learning_curve, smooth, thin
from mlp.viz.palette import DARK, LIGHT, Palette, palette

__all__ = ["DARK", "LIGHT", "Palette", "learning_curve", "palette", "smooth", "thin"]
