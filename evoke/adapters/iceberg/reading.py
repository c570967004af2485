"""Rows of one topic in the order of its log, for who tells the log again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.table import Table
from pyiceberg.types import TimestamptzType

from evoke.adapters.iceberg.table import SCHEMA
from evoke.ports.archive import EventRow
from evoke.ports.event_log import Position

PAGE = 50_000
"""Rows that are in memory at once."""


def positions_of(table: Table, topic: str, after: Position | None) -> list[Position]:
    """All positions of a topic behind `after`, in order."""
    found = table.scan(_of(topic, after), selected_fields=("topic", "position")).to_arrow()
    return sorted(found.column("position").to_pylist())


def rows_between(table: Table, topic: str, after: Position | None, last: Position) -> Sequence[EventRow]:
    """The rows of a topic behind `after`, up to `last` inclusively, in order."""
    found = table.scan(f"{_of(topic, after)} and position <= '{last}'").to_arrow().sort_by("position")
    return [_row_of(row) for row in found.to_pylist()]


def newest_time_ms(table: Table) -> int | None:
    """Unix ms of the newest event, by the bounds of the files; None for an empty table."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot is not None else []
    column = SCHEMA.find_field("time").field_id
    newest_us = [
        int(from_bytes(TimestamptzType(), entry.data_file.upper_bounds[column]))
        for manifest in manifests
        for entry in manifest.fetch_manifest_entry(table.io)
    ]
    return max(newest_us) // 1000 if newest_us else None


def _of(topic: str, after: Position | None) -> str:
    """A filter in the words of Iceberg; neither topics nor positions have quotes in them."""
    of_topic = f"topic = '{topic}'"
    return of_topic if after is None else f"{of_topic} and position > '{after}'"


def _row_of(row: dict[str, Any]) -> EventRow:
    return EventRow(
        tenant=row["tenant"],
        job_id=row["job_id"],
        job_time_ms=_ms(row["job_time"]),
        queue=row["queue"],
        model=row["model"],
        type=row["type"],
        attempt=row["attempt"],
        time_ms=_ms(row["time"]),
        topic=row["topic"],
        position=Position(row["position"]),
        payload=row["payload"],
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
