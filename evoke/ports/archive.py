"""The archiver's side of history: one Iceberg table of all events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

from evoke.ports.event_log import Position

NAMESPACE = "evoke"
TABLE = "job_events"
WATERMARK_PROPERTY = "evoke.watermark"
"""Key in a snapshot's summary: a JSON object, topic to position. The newest snapshot that has it counts."""
LOG_PROPERTY = "evoke.log"
"""Key in a snapshot's summary: which log the watermark is of (`EventLog.identity`). The newest snapshot that has it
counts."""
UNDECODABLE = "undecodable"
"""Type of the rows whose payload could not be decoded."""


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `job_events`.

    job_time_ms: Unix ms inside the job's id, by which the table is partitioned; time_ms: the event's own.
    type: the event's tag (`succeeded.v1`); attempt: id of the attempt, if any; payload: the event as JSON text
    (undecodable bytes: a JSON object `{"undecodable": base64}`, type `undecodable`).
    """

    tenant: str
    job_id: str
    job_time_ms: int
    queue: str
    model: str
    type: str
    attempt: str | None
    time_ms: int
    topic: str
    position: Position
    payload: str


class ArchiveSize(msgspec.Struct, frozen=True, kw_only=True):
    """How much the newest snapshot holds. size_bytes: of its data files; snapshots: how many are kept."""

    rows: int
    files: int
    size_bytes: int
    snapshots: int


class Archive(Protocol):
    """Exactly-once storage of events. One writer at a time; a second one's commit raises Conflict."""

    async def prepare(self) -> None:
        """Make the table, or bring an older one up to date. Idempotent, safe to run concurrently."""
        ...

    async def watermark(self) -> Mapping[str, Position]:
        """For each topic the position up to which, inclusively, everything is archived."""
        ...

    async def log(self) -> str | None:
        """Which log the watermark is of, None while no commit has told it."""
        ...

    async def commit(
        self, rows: Sequence[EventRow], watermark: Mapping[str, Position], log: str | None = None
    ) -> None:
        """Add the rows and move the watermark, both or neither, durably. log: which one they are of.

        Raises Conflict when another writer has committed since this writer last read the watermark, or when a row
        lies before the watermark; LogReplaced when the archive is of another log; Unavailable.
        """
        ...

    async def continue_with(self, log: str) -> None:
        """Let the archive be of that log from now on, whichever it was of: after the loss of that one alone.

        Raises as `commit`.
        """
        ...

    async def newest_ms(self) -> int | None:
        """Unix ms of the newest event that is archived, None while there is none. Raises Unavailable."""
        ...

    def rows(self, topic: str, after: Position | None = None) -> AsyncIterator[Sequence[EventRow]]:
        """Yield all rows of a topic behind a position (None: from the first), in the log's order, some at a time.

        What is committed meanwhile may be missing. Raises Unavailable.
        """
        ...

    async def size(self) -> ArchiveSize:
        """Say how much there is. Raises Unavailable."""
        ...

    async def compact(self) -> None:
        """Rewrite small files of closed partitions into few large ones. Safe beside readers."""
        ...

    async def expire_snapshots(self, older_than_ms: int) -> None:
        """Forget snapshots older than that Unix time in ms (never the current one) and remove their files."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...
