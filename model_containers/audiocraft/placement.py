"""How the models of a container run."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_containers.audiocraft.input_schema import Bounds


@dataclass(frozen=True)
class Placement:
    """How the models of a container run.

    device, dtype: as `choose_device` takes them. threads: as `ComputeThread` does.

    batch: runs that are served together. lazy: load a checkpoint at its first run rather than at start.
    """

    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    batch: int = 8
    lazy: bool = False
    bounds: Bounds = field(default_factory=Bounds)
