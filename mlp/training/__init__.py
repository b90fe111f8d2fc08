"""Training: the settings of a run, the trainer, what it measures, and the run in the background."""

from mlp.training.background import BackgroundRun, Inspection, RunSlots, RunView, Status
from mlp.training.config import FULL_BATCH, LIVE_SETTINGS, Bounds, RunConfig
from mlp.training.history import Curve, EpochRecord, Evaluation, History, StepRecord, ValidationCheck
from mlp.training.probes import LayerProbes, ProbeLog
from mlp.training.snapshots import Snapshot, SnapshotLog
from mlp.training.trainer import BatchView, Trainer, TrainingDivergedError, load_digits

__all__ = [
    "FULL_BATCH",
    "LIVE_SETTINGS",
    "BackgroundRun",
    "BatchView",
    "Bounds",
    "Curve",
    "EpochRecord",
    "Evaluation",
    "History",
    "Inspection",
    "LayerProbes",
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
    "load_digits",
]
