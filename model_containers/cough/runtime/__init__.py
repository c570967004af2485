"""The pipeline without any server: for training, tests and notebooks."""

from __future__ import annotations

from model_containers.cough.runtime.config import Config, load_config
from model_containers.cough.runtime.pipeline import Diagnosis, Finding, execute
from model_containers.cough.runtime.work import WorkUnit

__all__ = ["Config", "Diagnosis", "Finding", "WorkUnit", "execute", "load_config"]
