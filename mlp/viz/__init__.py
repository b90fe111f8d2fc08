"""Arrays in, plotly figures and picture data out. Nothing here knows of Streamlit or of a session."""

from mlp.viz.activations import activation_strips, around, class_means_bar, projection_figure, projection_picture
from mlp.viz.curves import learning_curve, smooth, thin
from mlp.viz.distributions import histogram_figure, percentile_bands_figure
from mlp.viz.explanations import (
    angle_strip,
    contribution_bars,
    epsilon_curve,
    forgetting_bars,
    shift_map,
    signed_picture,
)
from mlp.viz.export import to_gif, to_png
from mlp.viz.graph import computation_graph
from mlp.viz.heatmaps import layer_heatmap
from mlp.viz.layout import layer_labels
from mlp.viz.mistakes import biography_figure, mistake_colours, mistake_scale, reliability_figure
from mlp.viz.palette import DARK, LIGHT, Palette, palette
from mlp.viz.recipes import StudyLine, study_figure
from mlp.viz.walk import step_blocks, step_curve_figure
from mlp.viz.weights import ink_picture, matrix_heatmap, weight_limit, weight_tiles

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "StudyLine",
    "activation_strips",
    "angle_strip",
    "around",
    "biography_figure",
    "class_means_bar",
    "computation_graph",
    "contribution_bars",
    "epsilon_curve",
    "forgetting_bars",
    "histogram_figure",
    "ink_picture",
    "layer_heatmap",
    "layer_labels",
    "learning_curve",
    "matrix_heatmap",
    "mistake_colours",
    "mistake_scale",
    "palette",
    "percentile_bands_figure",
    "projection_figure",
    "projection_picture",
    "reliability_figure",
    "shift_map",
    "signed_picture",
    "smooth",
    "step_blocks",
    "step_curve_figure",
    "study_figure",
    "thin",
    "to_gif",
    "to_png",
    "weight_limit",
    "weight_tiles",
]
