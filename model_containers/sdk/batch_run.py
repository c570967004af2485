"""One run among those of a batch: it reports like any run, and its end never disturbs its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from model_containers.sdk.errors import Cancelled, DeadlineExceeded
from model_containers.sdk.run import Run


class BatchRun:
    """A run of a batch. Reports of a run that is over are left out instead of raising.

    job_id, attempt, traceparent, files: as of `Run`.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.failure: Exception | None = None
        self.wrote = False

    @property
    def job_id(self) -> str:
        """The job's id, for the model's own logs."""
        return self._run.job_id

    @property
    def attempt(self) -> int:
        """The attempt's number, from 1."""
        return self._run.attempt

    @property
    def traceparent(self) -> str:
        """W3C trace context, may be empty."""
        return self._run.traceparent

    @property
    def files(self) -> Mapping[str, BinaryIO]:
        """Input name → an open file."""
        return self._run.files

    @property
    def remaining_s(self) -> float:
        """Seconds until the run's deadline; negative after it."""
        return self._run.remaining_s

    @property
    def over(self) -> bool:
        """True once nobody wants this run's output: cancelled, failed, or past its deadline."""
        return self.failure is not None or self._run.cancelled or self._run.remaining_s < 0

    def fail(self, error: Exception) -> None:
        """End this run with an error, e.g. InvalidInput; the others go on. The first error counts."""
        self.failure = self.failure or error

    def progress(self, step: int, total: int, unit: str = "steps") -> None:
        """As `Run.progress`."""
        self._report(lambda: self._run.progress(step, total, unit))

    def log(self, text: str) -> None:
        """As `Run.log`."""
        self._report(lambda: self._run.log(text))

    def preview(self, media_type: str, data: bytes) -> None:
        """As `Run.preview`."""
        self._report(lambda: self._run.preview(media_type, data))

    def metric(self, name: str, value: float) -> None:
        """As `Run.metric`."""
        self._report(lambda: self._run.metric(name, value))

    def write_output(
        self, name: str, media_type: str, data: bytes, details: Mapping[str, Any] | None = None
    ) -> None:
        """As `Run.write_output`. A reader that is far behind makes it wait, and the batch with it."""
        self.wrote = True
        self._report(lambda: self._run.write_output(name, media_type, data, details))

    def _report(self, report: Callable[[], None]) -> None:
        if self.over:
            return
        try:
            report()
        except (Cancelled, DeadlineExceeded):
            return  # `over` tells of both
