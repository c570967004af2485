"""Everything that ever happened, by SQL. What it knows ends at the archive's watermark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from evoke.domain.events import AnyEvent
from evoke.domain.job import Job, Status
from evoke.ports.event_log import Position


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list. Times are Unix ms of submission, `since_ms` inclusive, `until_ms` exclusive."""

    statuses: frozenset[Status] = frozenset()
    models: frozenset[str] = frozenset()
    grouping: str | None = None
    door: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class QueryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one query. scan_bytes counts what the engine has to read."""

    rows: int = 10_000
    time_s: float = 30.0
    scan_bytes: int = 4 << 30


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """columns: (name, SQL type) pairs; rows: JSON-able values; truncated: the row limit cut the rest."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    truncated: bool
    elapsed_ms: float


class History(Protocol):
    """Read-only. Every method may raise Unavailable; jobs and new submissions never depend on it."""

    async def watermark(self) -> Mapping[str, Position]:
        """For each topic the position up to which the other methods see everything, now.

        Fresh, never cached past a commit.
        """
        ...

    async def log(self) -> str | None:
        """Which log the watermark is of (`EventLog.identity`), None while the archive does not tell. Fresh."""
        ...

    async def events(self, tenant: str, job_id: str) -> Sequence[tuple[Position, AnyEvent]]:
        """All archived events of one job, by topic and then in log order.

        Empty when it is not there, or not that tenant's.
        """
        ...

    async def jobs(self, tenant: str, wanted: JobFilter, before: str | None, limit: int) -> Sequence[Job]:
        """Jobs by descending id (newest first) with id < `before`, folded, at most `limit`.

        The statuses filter applies to the folded status as of the watermark.
        """
        ...

    def unfinished(self) -> AsyncIterator[Sequence[AnyEvent]]:
        """For every job of any tenant with no terminal event archived, all its archived events. For start-up.

        Yields once for each job.
        """
        ...

    async def query(self, tenant: str, sql: str, limits: QueryLimits) -> QueryResult:
        """Run one read-only statement over the views `job_events`, `jobs`, `usage`, `failures` of that tenant alone.

        Raises QueryRefused (not read-only, syntax, unknown name, a limit), Unavailable.
        Cancelling stops the engine's work.
        """
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...
