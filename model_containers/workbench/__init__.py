"""What authors of model containers work with: a new container, a run, a measurement, a check of the protocol.

It talks to containers by gRPC alone, so it works with those in any language. `run_model` and `run_together` are for
tests.
"""

from __future__ import annotations

from model_containers.workbench.in_process import run_model, run_together
from model_containers.workbench.outcome import Outcome, RunFailed

__all__ = ["Outcome", "RunFailed", "run_model", "run_together"]
