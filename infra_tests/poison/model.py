"""A model that dies of every job, to see that a queue survives that."""

from __future__ import annotations

import os
from typing import Any

from model_containers.sdk import Manifest, Model, Result, Run


class Poison(Model):
    """Kills its own process."""

    manifest = Manifest(id="poison", task="test", input={"type": "object"})

    def setup(self) -> None:
        """Nothing to load."""

    def generate(self, input: Any, run: Run) -> Result:
        """Die."""
        os._exit(
            1
        )  # a signal would not do: as the first process of a container it is spared even SIGKILL of its own
