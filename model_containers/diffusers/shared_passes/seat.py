"""A run's place among those that share a model: what its pipeline is given instead of its own parts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from model_containers.diffusers.shared_passes.call import Member
from model_containers.diffusers.shared_passes.decoder import SharedVae
from model_containers.diffusers.shared_passes.denoiser import Denoiser, SharedUNet
from model_containers.diffusers.shared_passes.passes import SharedPasses


@dataclass(frozen=True)
class SharedParts:
    """The parts of a loaded model that runs use at the same time.

    reading: held while a prompt is tokenised and encoded, since the tokenizers of transformers can't be used by two
    threads at once ("Already borrowed"). encoders: text encoders in place of the pipeline's own, by their names.
    """

    unet: SharedUNet
    vae: SharedVae
    reading: threading.Lock = field(default_factory=threading.Lock)
    encoders: Mapping[str, Any] = field(default_factory=dict)


class Seat:
    """Used as a context manager, around all that a run makes."""

    def __init__(self, passes: SharedPasses, parts: SharedParts, check: Callable[[], None]) -> None:
        """check: raises when nobody wants the run any more; called while it waits for a pass."""
        self._passes = passes
        self._parts = parts
        self._member = Member(check)

    def __enter__(self) -> Seat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rise()

    def rise(self) -> None:
        """Say that the run makes no steps now, so that nobody waits for it. Its next step takes the seat again."""
        self._passes.leave(self._member)

    @property
    def batch_size(self) -> float | None:
        """How many runs, itself among them, were in one of its passes, on average; None before its first."""
        return self._member.runs / self._member.passes if self._member.passes else None

    def furnish(self, pipeline: Any) -> None:
        """Give a pipeline, which belongs to this run alone, the shared parts instead of its own."""
        encode_prompt = pipeline.encode_prompt

        def in_turn(*arguments: Any, **options: Any) -> Any:
            with self._parts.reading:
                return self._passes.compute(lambda: encode_prompt(*arguments, **options))

        # Around `DiffusionPipeline.__setattr__`, which would look for the classes of these in diffusers.
        vars(pipeline).update(
            self._parts.encoders,
            unet=Denoiser(self._parts.unet, self._passes, self._member),
            vae=self._parts.vae.by(self._passes.compute),
            encode_prompt=in_turn,
        )
