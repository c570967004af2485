"""The checkpoints of a container that are in memory. Imports no torch, which takes seconds, before one is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_containers.diffusers.residency import Residency

if TYPE_CHECKING:
    from model_containers.diffusers.checkpoints import LoadedModel


class Shelf(Residency["LoadedModel"]):
    """Bounded by the bytes of the checkpoints' networks."""

    def __init__(self, limit_bytes: int | None) -> None:
        """limit_bytes: of all checkpoints together; None: none."""
        super().__init__(limit_bytes, _measured, _released)


def _measured(model: LoadedModel) -> int:
    import torch

    from model_containers.diffusers.memory import bytes_of

    return bytes_of(part for part in model.pipeline.components.values() if isinstance(part, torch.nn.Module))


def _released() -> None:
    from model_containers.diffusers.memory import release

    release()
