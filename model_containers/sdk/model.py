"""What an author writes: a class with a manifest, `setup`, and `generate` or `generate_batch`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Generator, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from model_containers.sdk.manifest import Manifest
from model_containers.sdk.parts import Part, Result
from model_containers.sdk.run import Run

if TYPE_CHECKING:
    from model_containers.sdk.batch_run import BatchRun


class Servable(ABC):
    """What every model has: a manifest and a set-up."""

    manifest: Manifest

    def setup(self) -> None:  # noqa: B027 - most models load something, some do not
        """Load weights; called once, on a thread, before anything is served.

        CheckpointError makes every run report it while the container's other models work; any other exception ends
        the container.
        """

    @property
    def capacity(self) -> int:
        """Runs that this model takes at once."""
        return self.manifest.max_concurrency


class Model(Servable):
    """A model that serves one input at a time."""

    @abstractmethod
    def generate(
        self, input: Any, run: Run
    ) -> Result | Iterator[Part] | Generator[Part, None, Result | None] | AsyncIterator[Part] | None:
        """Serve one input.

        input: what `manifest.input` makes of it: the pydantic model's instance, or a dict. A plain method runs on a
        thread, reports by `run` and returns a Result. A generator runs on a thread too, yields parts, and yields or
        returns the Result last. An async generator does the same on the event loop. Raise InvalidInput, OutOfMemory
        or CheckpointError to say what went wrong; everything else is a `model_error`.
        """


class BatchModel(Servable):
    """A model that serves several inputs together.

    max_batch: inputs of one batch, at most. batch_wait_s: how long the first of them waits for others. The container
    takes at least so many runs at once; with a larger `max_concurrency` the next batch gathers while one is at work.
    """

    max_batch: int = 8
    batch_wait_s: float = 0.01

    @property
    def capacity(self) -> int:
        """Runs that this model takes at once: a batch, at least."""
        return max(self.manifest.max_concurrency, self.max_batch)

    def batch_key(self, input: Any) -> Hashable:
        """Inputs of one batch have the same key, e.g. (width, height). Called on the event loop: must be quick."""
        return None

    @abstractmethod
    def generate_batch(
        self, inputs: Sequence[Any], runs: Sequence[BatchRun]
    ) -> Sequence[Result | Exception | None]:
        """Serve these inputs; called on a thread, one batch at a time.

        Return one end for each input, in order: a Result, None for an empty one, or an exception, which is the end
        of that job alone. `runs[i]` reports for `inputs[i]` and never raises for a run that nobody wants any more;
        `runs[i].over` tells of it, so that its work can be left out. When this method raises, nobody knows which
        input was at fault: those that have written nothing yet are served again, each by itself.
        """
