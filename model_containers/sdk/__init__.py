"""The library that authors of model containers use; see `README.md` here and `docs/write-a-model.md`."""

from __future__ import annotations

from model_containers.sdk.batch_run import BatchRun
from model_containers.sdk.errors import (
    Cancelled,
    CheckpointError,
    DeadlineExceeded,
    InvalidInput,
    OutOfMemory,
)
from model_containers.sdk.manifest import Manifest
from model_containers.sdk.model import BatchModel, Model, Servable
from model_containers.sdk.parts import Log, Metric, Output, Part, Preview, Progress, Result
from model_containers.sdk.run import OutputWriter, Run
from model_containers.sdk.serving import main

__all__ = [
    "BatchModel",
    "BatchRun",
    "Cancelled",
    "CheckpointError",
    "DeadlineExceeded",
    "InvalidInput",
    "Log",
    "Manifest",
    "Metric",
    "Model",
    "OutOfMemory",
    "Output",
    "OutputWriter",
    "Part",
    "Preview",
    "Progress",
    "Result",
    "Run",
    "Servable",
    "main",
]
