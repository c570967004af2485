"""The archive's table in Trino's SQL: where it is, what its metadata tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from evoke.adapters.trino.client import Session
from evoke.ports.archive import LOG_PROPERTY, TABLE, WATERMARK_PROPERTY
from evoke.ports.event_log import Position
from evoke.sql.literals import text

_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""


@dataclass(frozen=True)
class Window:
    """Unix ms of job times, both inclusive; None: without bound."""

    low_ms: int | None = None
    high_ms: int | None = None

    @property
    def empty(self) -> bool:
        """No time lies in it."""
        return self.low_ms is not None and self.high_ms is not None and self.low_ms > self.high_ms

    def condition(self, column: str = "job_time") -> str:
        """Return the condition that a time lies in it."""
        parts = [] if self.low_ms is None else [f"{column} >= {instant(self.low_ms)}"]
        parts += [] if self.high_ms is None else [f"{column} < {instant(self.high_ms + 1)}"]
        return " AND ".join(parts) or "true"


@dataclass(frozen=True)
class Partition:
    """One partition: Unix ms of its first job, and its rows."""

    start_ms: int
    rows: int


def instant(time_ms: int) -> str:
    """Return a Unix time in ms as a literal; what lies beyond Python's years is taken as their end."""
    moment = datetime.fromtimestamp(min(max(time_ms, 0), _LAST_MS) // 1000, UTC)
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}.{min(max(time_ms, 0), _LAST_MS) % 1000:03} UTC'"


def quoted(name: str) -> str:
    """Return an identifier."""
    return '"' + name.replace('"', '""') + '"'


class Table:
    """`job_events` in a catalog of Trino's."""

    def __init__(self, catalog: str, namespace: str) -> None:
        self._schema = f"{quoted(catalog)}.{quoted(namespace)}"
        self.name = self._named(TABLE)

    def _named(self, table: str) -> str:
        return f"{self._schema}.{quoted(table)}"

    def watermark(self, session: Session) -> dict[str, Position]:
        """Return the watermark of the newest snapshot that tells one."""
        told = self._newest(session, WATERMARK_PROPERTY)
        return {topic: Position(position) for topic, position in json.loads(told or "{}").items()}

    def log(self, session: Session) -> str | None:
        """Return which log the archive is of, by the newest snapshot that tells it."""
        return self._newest(session, LOG_PROPERTY)

    def _newest(self, session: Session, name: str) -> str | None:
        rows = session.rows(f"""
            SELECT (SELECT snapshot_id FROM {self._named(f"{TABLE}$refs")} WHERE name = 'main'),
                   snapshot_id, parent_id, element_at(summary, '{name}')
            FROM {self._named(f"{TABLE}$snapshots")}
        """)
        return told_by({row[1]: (row[2], row[3]) for row in rows}, rows[0][0] if rows else None)

    def partitions(self, session: Session) -> list[Partition]:
        """Return the partitions, oldest first."""
        rows = session.rows(f"""
            SELECT CAST(floor(to_unixtime(data.job_time.min) * 1000) AS BIGINT), record_count
            FROM {self._named(f"{TABLE}$partitions")}
        """)
        return sorted((Partition(*row) for row in rows), key=lambda found: found.start_ms)

    def size_bytes(self, session: Session, tenant: str, window: Window) -> int:
        """Return the size of the files that may hold rows of a tenant with job times in the window."""
        low, high = _bound("job_time", "lower"), _bound("job_time", "upper")
        reaches = [] if window.low_ms is None else [f"{_time(high)} >= {instant(window.low_ms)}"]
        reaches += [] if window.high_ms is None else [f"{_time(low)} <= {instant(window.high_ms)}"]
        rows = session.rows(f"""
            SELECT coalesce(sum(file_size_in_bytes), 0) FROM {self._named(f"{TABLE}$files")}
            WHERE {text(tenant)} BETWEEN {_bound("tenant", "lower")} AND {_bound("tenant", "upper")}
              AND {" AND ".join(reaches) or "true"}
        """)
        return int(rows[0][0])


def told_by(snapshots: Mapping[Any, tuple[Any, str | None]], newest: Any) -> str | None:
    """Return what the newest snapshot tells, or its nearest ancestor that tells anything.

    snapshots: parent and what is told, by id.
    """
    while newest in snapshots:
        newest, told = snapshots[newest]
        if told is not None:
            return told
    return None


def windows_back(
    partitions: Sequence[Partition], bounds: Window, first_rows: int, most_rows: int
) -> Iterable[Window]:
    """Yield windows that together are `bounds`, newest first, of some `first_rows` rows and then ever more.

    What the partitions tell may be old: it decides about sizes alone, never about what is looked at.
    """
    high_ms, rows, wanted = bounds.high_ms, 0, first_rows
    for partition in reversed(partitions):
        if high_ms is not None and partition.start_ms > high_ms:
            continue
        if bounds.low_ms is not None and partition.start_ms <= bounds.low_ms:
            break
        rows += partition.rows
        if rows >= wanted:
            yield Window(partition.start_ms, high_ms)
            high_ms, rows, wanted = partition.start_ms - 1, 0, min(most_rows, wanted * 4)
    yield Window(bounds.low_ms, high_ms)


def _bound(column: str, which: str) -> str:
    return f"json_extract_scalar(readable_metrics, '$.{column}.{which}_bound')"


def _time(bound: str) -> str:
    return f"from_iso8601_timestamp_nanos({bound})"
