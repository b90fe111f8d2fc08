"""Looking into a trained network: what is wrong with a run, what its units do, how its numbers spread."""

from mlp.analysis.adversarial import (
    EpsilonAnswers,
    answers_by_epsilon,
    fast_gradient_sign,
    random_sign_noise,
    smallest_epsilon,
)
from mlp.analysis.biographies import Biographies, first_right, forgetting_events
from mlp.analysis.calibration import Reliability, reliability
from mlp.analysis.confusion import ClassScores, class_scores, confusion_matrix, rates
from mlp.analysis.diagnosis import Finding, diagnose
from mlp.analysis.drawing import (
    Preparation,
    Stage,
    digit_from_image,
    digit_from_strokes,
    stages_from_image,
    stages_from_strokes,
)
from mlp.analysis.mistakes import (
    NO_ANSWER,
    Answers,
    MistakeOrder,
    answers_from,
    classify,
    order_digits,
    predictions_csv,
)
from mlp.analysis.neighbours import HiddenDigits, Neighbours, nearest_digits
from mlp.analysis.neurons import (
    LayerValues,
    UnitPassport,
    input_patterns,
    logits_without,
    passport,
    spoken_class,
    unit_order,
)
from mlp.analysis.pictures import PictureError, gray_picture
from mlp.analysis.pretrained import pretrained_network
from mlp.analysis.projection import Projection, project
from mlp.analysis.saliency import Saliency, Units, saliency, strongest_units
from mlp.analysis.spread import gradient_at, histogram, histogram_limits, percentile_bands, weight_bands
from mlp.analysis.step_curve import StepCurve, step_curve
from mlp.analysis.transformations import ChangeMap, answers_under_change
from mlp.analysis.walk import Walk, walk_step

__all__ = [
    "NO_ANSWER",
    "Answers",
    "Biographies",
    "ChangeMap",
    "ClassScores",
    "EpsilonAnswers",
    "Finding",
    "HiddenDigits",
    "LayerValues",
    "MistakeOrder",
    "Neighbours",
    "PictureError",
    "Preparation",
    "Projection",
    "Reliability",
    "Saliency",
    "Stage",
    "StepCurve",
    "UnitPassport",
    "Units",
    "Walk",
    "answers_by_epsilon",
    "answers_from",
    "answers_under_change",
    "class_scores",
    "classify",
    "confusion_matrix",
    "diagnose",
    "digit_from_image",
    "digit_from_strokes",
    "fast_gradient_sign",
    "first_right",
    "forgetting_events",
    "gradient_at",
    "gray_picture",
    "histogram",
    "histogram_limits",
    "input_patterns",
    "logits_without",
    "nearest_digits",
    "order_digits",
    "passport",
    "percentile_bands",
    "predictions_csv",
    "pretrained_network",
    "project",
    "random_sign_noise",
    "rates",
    "reliability",
    "saliency",
    "smallest_epsilon",
    "spoken_class",
    "stages_from_image",
    "stages_from_strokes",
    "step_curve",
    "strongest_units",
    "unit_order",
    "walk_step",
    "weight_bands",
]
