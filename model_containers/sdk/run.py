"""What `generate` is given beside its input: the run's facts, its files, and its way to report and to write outputs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, BinaryIO

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import parts
from model_containers.sdk.errors import Cancelled, DeadlineExceeded
from model_containers.sdk.outbox import Outbox


class Run:
    """One run of a model.

    job_id, attempt, traceparent: for the model's own logs. files: input name → an open file. Methods may be called from
    any thread except the event loop's (an async model yields parts instead); each raises Cancelled once the run is
    cancelled, so a model that reports its progress is cancellable at every step.
    """

    def __init__(self, start: pb.Start, files: Mapping[str, BinaryIO], outbox: Outbox) -> None:
        self.job_id = start.job_id
        self.attempt = start.attempt
        self.traceparent = start.traceparent
        self.files = files
        self._ends_at = time.monotonic() + start.deadline_s
        self.outbox = outbox

    @property
    def cancelled(self) -> bool:
        """True once nobody wants the run any more."""
        return self.outbox.cancelled

    @property
    def remaining_s(self) -> float:
        """Seconds until the run's deadline; negative after it."""
        return self._ends_at - time.monotonic()

    def check_cancelled(self) -> None:
        """Raises Cancelled when nobody wants the run any more, DeadlineExceeded when its time is over."""
        if self.cancelled:
            raise Cancelled
        if self.remaining_s < 0:
            raise DeadlineExceeded

    def progress(self, step: int, total: int, unit: str = "steps") -> None:
        """Report that `step` of `total` are done. Cheap: reports that the network can't follow are left out."""
        self.check_cancelled()
        self.outbox.offer(parts.message_of(parts.Progress(step, total, unit)))

    def log(self, text: str) -> None:
        """Tell the user something in a line of text."""
        self.outbox.put(parts.message_of(parts.Log(text)))

    def preview(self, media_type: str, data: bytes) -> None:
        """Show the work so far: a small picture or sound, at most 96 KiB; larger ones are left out."""
        self.check_cancelled()
        if len(data) <= parts.MAX_PREVIEW_BYTES:
            self.outbox.offer(parts.message_of(parts.Preview(media_type, data)))

    def metric(self, name: str, value: float) -> None:
        """Report a number about this run."""
        self.outbox.put(parts.message_of(parts.Metric(name, value)))

    def output(self, name: str, media_type: str, details: Mapping[str, Any] | None = None) -> OutputWriter:
        """Open an output, to be written piece by piece and closed (`with run.output(...) as file`).

        name: file name, unique within the run. details: small JSON, e.g. width and height in pixels.
        """
        self.outbox.put(parts.output_start(name, media_type, details or {}))
        return OutputWriter(self.outbox, name)

    def write_output(
        self, name: str, media_type: str, data: bytes, details: Mapping[str, Any] | None = None
    ) -> None:
        """Write a whole output at once."""
        with self.output(name, media_type, details) as output:
            output.write(data)


class OutputWriter:
    """Writes one output. A slow reader makes `write` wait, so memory stays bounded; small pieces travel together."""

    def __init__(self, outbox: Outbox, name: str) -> None:
        self._outbox = outbox
        self._name = name
        self._pending = bytearray()
        self._closed = False

    def write(self, data: bytes) -> int:
        """Add bytes and return how many. Raises Cancelled, ValueError once it is closed."""
        if self._closed:
            raise ValueError(f"output {self._name} is closed")
        self._pending += data
        if len(self._pending) > parts.CHUNK_BYTES:
            self._send(last=False)
        elif self._outbox.cancelled:
            raise Cancelled
        return len(data)

    def close(self) -> None:
        """End the output. Idempotent."""
        if not self._closed:
            self._closed = True
            self._send(last=True)

    def __enter__(self) -> OutputWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()

    def _send(self, *, last: bool) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        for message in parts.output_chunks(self._name, data, last):
            self._outbox.put(message)
