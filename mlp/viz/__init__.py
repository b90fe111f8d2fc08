"""Arrays in, plotly figures and picture data out. Nothing here knows of Streamlit or of a session."""

from mlp.viz.activations import activation_strips, around, class_means_bar, projection_figure, projection_picture
from mlp.viz.curves import learning_curve, smooth, thin
from mlp.viz.distributions import histogram_figure, percentile_bands_figure
from mlp.viz.export import to_gif, to_png
from mlp.viz.heatmaps import UPDATE_RATIO_BAND, layer_heatmap
from mlp.viz.layout import layer_labels
from mlp.viz.palette import DARK, LIGHT, Palette, palette
from mlp.viz.weights import matrix_heatmap, weight_limit, weight_tiles

__all__ = [
    "DARK",
    "LIGHT",
    "UPDATE_RATIO_BAND",
    "Palette",
    "activation_strips",
    "around",
    "class_means_bar",
    "histogram_figure",
    "layer_heatmap",
    "layer_labels",
    "learning_curve",
    "matrix_heatmap",
    "palette",
    "percentile_bands_figure",
    "projection_figure",
    "projection_picture",
    "smooth",
    "thin",
    "to_gif",
    "to_png",
    "weight_limit",
    "weight_tiles",
]
