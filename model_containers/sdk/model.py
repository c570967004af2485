"""What an author writes: a class with a manifest, `setup` and `generate`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from model_containers.sdk.manifest import Manifest
from model_containers.sdk.parts import Part, Result
from model_containers.sdk.run import Run


class Model(ABC):
    """One model of a container."""

    manifest: Manifest

    def setup(self) -> None:  # noqa: B027 - most models load something, some do not
        """Load weights; called once, on a thread, before anything is served.

        CheckpointError makes every run report it while the container's other models work; any other exception ends
        the container.
        """

    @abstractmethod
    def generate(self, input: Any, run: Run) -> Result | AsyncIterator[Part] | None:
        """Serve one input.

        input: what `manifest.input` makes of it: the pydantic model's instance, or a dict. A plain method runs on a
        thread, reports by `run` and returns a Result. An async generator runs on the event loop, yields parts
        and the Result last. Raise InvalidInput, OutOfMemory or CheckpointError to say what went wrong; everything
        else is a `model_error`.
        """
