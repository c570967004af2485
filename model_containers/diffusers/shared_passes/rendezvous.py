"""The place where runs of a container meet. Imports no torch, which takes seconds, before a run asks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from model_containers.checkpoints.compute_thread import ComputeThread
from model_containers.diffusers.painter import Painter

if TYPE_CHECKING:
    from model_containers.diffusers.shared_passes.passes import SharedPasses

ROWS_OF_A_PICTURE = 2
"""With guidance: one with the prompt, one with the negative prompt."""


class Rendezvous:
    """Where the runs of all models of a container meet: their passes take turns on the one device.

    compute: where their networks run. painter: of their previews.
    """

    def __init__(self, batch: int, threads: int | None = None) -> None:
        """batch: pictures that share a pass. threads: as `ComputeThread` takes them."""
        self._batch = batch
        self.compute = ComputeThread(threads)
        self.painter = Painter()
        self._lock = threading.Lock()
        self._passes: SharedPasses | None = None

    def passes(self) -> SharedPasses:
        """The shared passes, made when the first run asks: torch is not imported before."""
        from model_containers.diffusers.shared_passes.passes import SharedPasses

        with self._lock:
            if self._passes is None:
                self._passes = SharedPasses(ROWS_OF_A_PICTURE * self._batch, compute=self.compute.do)
            return self._passes
