"""Training: the settings of a run, the trainer, what it measures, and the run in the background."""

from mlp.training.background import BackgroundRun, Inspection, RunSlots, RunView, Status
from mlp.training.code import FRAMEWORKS, Framework, as_code
from mlp.training.config import FULL_BATCH, LIVE_SETTINGS, Bounds, RunConfig
from mlp.training.history import Curve, EpochRecord, Evaluation, History, StepRecord, ValidationCheck
from mlp.training.probes import LayerProbes, ProbeLog
from mlp.training.snapshots import Snapshot, SnapshotLog
from mlp.training.teaching import Lesson, teach
from mlp.training.trainer import BatchView, Trainer, TrainingDivergedError, load_digits
from mlp.training.weights import (
    WeightsFileError,
    network_from_bytes,
    network_to_bytes,
    notes_from_bytes,
    settings_of,
    why_not_saved,
)

__all__ = [
    "FRAMEWORKS",
    "FULL_BATCH",
    "LIVE_SETTINGS",
    "BackgroundRun",
    "BatchView",
    "Bounds",
    "Curve",
    "EpochRecord",
    "Evaluation",
    "Framework",
    "History",
    "Inspection",
    "LayerProbes",
    "Lesson",
    "ProbeLog",
    "RunConfig",
    "RunSlots",
    "RunView",
    "Snapshot",
    "SnapshotLog",
    "Status",
    "StepRecord",
    "Trainer",
    "TrainingDivergedError",
    "ValidationCheck",
    "WeightsFileError",
    "as_code",
    "load_digits",
    "network_from_bytes",
    "network_to_bytes",
    "notes_from_bytes",
    "settings_of",
    "teach",
    "why_not_saved",
]
