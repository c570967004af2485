"""All that one engine knows of a topic, oldest first: what only its archive has left, then its log."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence

import msgspec

from evoke.codec import decode, properties
from evoke.ports.archive import UNDECODABLE, Archive, EventRow
from evoke.ports.event_log import EventLog, LogEntry, Position

PAGE = 1000
SOURCE = "/migration"


async def told(
    archive: Archive, log: EventLog, topic: str, after: Position | None
) -> AsyncIterator[Sequence[LogEntry]]:
    """Yield the entries of a topic behind a position, to the log's end. Raises Unavailable, LogCorrupt."""
    first = await log.read(topic, None, 1)
    begin = first[0].position if first else None
    async for rows in archive.rows(topic, after):
        forgotten = [row for row in rows if begin is None or row.position < begin]
        if forgotten:
            yield [entry_of(row) for row in forgotten]
            after = forgotten[-1].position
        if len(forgotten) < len(rows):
            break
    while page := await log.read(topic, after, PAGE):
        yield page
        after = page[-1].position


def entry_of(row: EventRow) -> LogEntry:
    """The log's entry that a row was made of; its message properties are made anew."""
    if row.type == UNDECODABLE:
        raw = base64.b64decode(msgspec.json.decode(row.payload)["undecodable"])
        return LogEntry(row.topic, row.position, row.job_id, raw)
    payload = row.payload.encode()
    said = properties(decode(payload), SOURCE, f"{row.topic}/{row.position}", None)
    return LogEntry(row.topic, row.position, row.job_id, payload, said)
