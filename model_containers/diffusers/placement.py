"""How the models of a container run: where, and how many pictures together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from model_containers.diffusers.checkpoint_facts import Facts
from model_containers.diffusers.input_schema import Bounds

SMALL_SIDE = 256


@dataclass(frozen=True)
class Placement:
    """How the models of a container run.

    device, dtype: as `choose_device` takes them. threads: as `ComputeThread` does.

    batch: runs at once, and pictures of one forward pass that they share (see `shared_passes`); 1: one run at a time.
    lanes: pictures of one run that are made together (see `generation.py`); None: few enough that the first one does
    not wait long. lazy: load a checkpoint at its first run rather than at start. loras: the folder of LoRAs.
    safety_checker: load a checkpoint's own, where it has one. tile_pixels: larger pictures go through the VAE in tiles.
    compiled: compile the blocks that a network repeats.
    """

    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    batch: int = 8
    lanes: int | None = None
    lazy: bool = False
    loras: Path | None = None
    safety_checker: bool = True
    tile_pixels: int = 1536 * 1536
    compiled: bool = False
    bounds: Bounds = field(default_factory=Bounds)

    def batch_for(self, facts: Facts) -> int:
        """Runs of a checkpoint that share passes; 1: none do."""
        return self.batch if facts.shares_passes else 1

    def lanes_for(self, facts: Facts, *, shared: bool = False, on_gpu: bool = False) -> int:
        """Pictures of one group of a checkpoint. Where passes are not shared, a group is always full."""
        small = facts.defaults.width <= SMALL_SIDE
        if shared:
            return self.lanes or (4 if small or on_gpu else 1)
        return self.lanes or (2 if small else 1)
