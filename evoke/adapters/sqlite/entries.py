"""Rows of the log: positions, checksums, and the statements that append, read and trim."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import apsw
import msgspec

from evoke.adapters.sqlite.schema import scalar
from evoke.domain.errors import InvalidInput, LogCorrupt
from evoke.ports.event_log import LogEntry, Position, Record

BATCH = 500
"""Entries in one batch of a tail, at most."""

BATCH_BYTES = 8 << 20
"""A batch ends with the entry that brings its payloads beyond this."""

TRIMMED_AT_ONCE = 1000
MAX_RECORD_BYTES = 64 << 20
TOPICS_AT_ONCE = 100

Row = tuple[str, str, bytes, bytes, int]
"""topic, key, payload, properties, checksum"""

Cursors = dict[str, int]
"""For each topic the sequence number after which to go on."""

_INSERT = "INSERT INTO entries (topic, key, payload, properties, checksum) VALUES "
_AT_ONCE = (64, 16, 4, 1)
"""Rows in one statement. Each step of a statement gives the interpreter's lock away and waits to get it back from
a busy event loop, so few large ones are better; and few sizes, so that they stay prepared."""

_COLUMNS = "e.seq, e.topic, e.key, e.payload, e.properties, e.checksum"
_ENQUEUE = """
INSERT INTO requests (seq, topic, state, owner, taken, due_ms, queued_ms)
SELECT seq, topic, 0, NULL, 0, 0, ? FROM entries WHERE seq > ? AND topic >= 'requested_' AND topic < 'requested`'
"""  # a backtick follows the underscore in ASCII: the range holds what begins with `requested_`

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


def position_of(seq: int) -> Position:
    """The position of a sequence number: 16 hex digits, so that text order is log order."""
    return Position(f"{seq:016x}")


def seq_of(position: Position | None) -> int:
    """The sequence number of a position, 0 for None. Raises InvalidInput when it is none of this log's."""
    if position is None:
        return 0
    if len(position) != 16 or position.strip("0123456789abcdef") or position > "7fffffffffffffff":
        raise InvalidInput("position", f"{position[:40]!r} is no position of this log")
    return int(position, 16)


def checksum(topic: str, key: str, payload: bytes, properties: bytes) -> int:
    """CRC-32 (as in zlib) over all that a row says; the payload's length keeps its end apart from what follows."""
    head = f"{topic}\0{key}\0{len(payload)}\0".encode()
    return zlib.crc32(properties, zlib.crc32(payload, zlib.crc32(head)))


def row_of(record: Record) -> Row:
    """The row that holds a record. Raises InvalidInput when it can't be stored."""
    try:
        properties = _encode(record.properties)
        row = (record.topic, record.key, record.payload, properties)
        made = (*row, checksum(*row))
    except (UnicodeEncodeError, TypeError) as error:
        raise InvalidInput("record", f"topic, key and properties must be text: {error}") from error
    if not record.topic or len(record.payload) + len(properties) > MAX_RECORD_BYTES:
        raise InvalidInput("record", f"needs a topic, and at most {MAX_RECORD_BYTES} bytes")
    return made


def entry_of(row: tuple[apsw.SQLiteValue, ...]) -> LogEntry:
    """The entry in a row of `_COLUMNS`. Raises LogCorrupt, naming the position, when its checksum does not fit."""
    seq, topic, key, payload, properties, expected = row
    if not (
        isinstance(seq, int)
        and isinstance(topic, str)
        and isinstance(key, str)
        and isinstance(payload, bytes)
        and isinstance(properties, bytes)
        and checksum(topic, key, payload, properties) == expected
    ):
        raise LogCorrupt(f"the entry at position {seq:016x} of the log is damaged: its checksum does not fit")
    return LogEntry(topic, position_of(seq), key, payload, _decode(properties) if properties != b"{}" else {})


def append(connection: apsw.Connection, rows: Sequence[Row], now_ms: int) -> list[int]:
    """Append rows inside an open transaction; those of `requested_` topics become messages of their queues.

    now_ms: Unix time in ms. Returns their sequence numbers, in order. The newest entry of a topic is never deleted,
    hence no number is given twice.
    """
    _insert(connection, rows)
    last = connection.last_insert_rowid()
    first = last - len(rows) + 1
    if any(row[0].startswith("requested_") for row in rows):
        connection.execute(_ENQUEUE, (now_ms, first - 1))
    return list(range(first, last + 1))


def _insert(connection: apsw.Connection, rows: Sequence[Row]) -> None:
    start = 0
    for size in _AT_ONCE:
        while len(rows) - start >= size:
            values = chain.from_iterable(rows[start : start + size])
            connection.execute(_INSERT + ", ".join(["(?, ?, ?, ?, ?)"] * size), tuple(values))
            start += size


def read_queued(connection: apsw.Connection, seqs: Sequence[int]) -> list[LogEntry]:
    """Read the entries of those numbers, in that order. Raises LogCorrupt when one is damaged or missing."""
    sql = (
        f"SELECT {_COLUMNS} FROM json_each(?) AS wanted "  # noqa: S608
        "CROSS JOIN entries AS e ON e.seq = wanted.value ORDER BY wanted.key"
    )
    found = [entry_of(row) for row in connection.execute(sql, (_encode(seqs).decode(),))]
    missing = set(map(position_of, seqs)) - {entry.position for entry in found}
    if missing:
        raise LogCorrupt(f"the entry at position {min(missing)} of the log is missing, though it is queued")
    return found


def read_topic(connection: apsw.Connection, topic: str, after: int, limit: int) -> list[LogEntry]:
    """Read up to `limit` entries of a topic with a number greater than `after`, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM entries e WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    return [entry_of(row) for row in connection.execute(sql, (topic, after, limit))]


def read_merged(connection: apsw.Connection, cursors: Cursors) -> list[LogEntry]:
    """Read the next batch of several topics, each after its own cursor. Sequence order within the batch."""
    topics = sorted(cursors)
    batch: list[LogEntry] = []
    for start in range(0, len(topics), TOPICS_AT_ONCE):
        part = topics[start : start + TOPICS_AT_ONCE]
        bindings = [value for topic in part for value in (topic, cursors[topic])]
        rows = connection.execute(_merged(len(part)), (*bindings, BATCH))
        batch.extend(_within(BATCH_BYTES, rows))
        if len(batch) >= BATCH:
            break
    return batch


def cut_short(batch: Sequence[LogEntry]) -> bool:
    """Whether a batch ended for its size, so that more may have been there."""
    return len(batch) >= BATCH or sum(len(entry.payload) for entry in batch) > BATCH_BYTES


def _merged(topics: int) -> str:
    """SQL that walks the index of each topic and merges them, touching only the rows that it returns."""
    arms = " UNION ALL ".join(["SELECT seq FROM entries WHERE topic = ? AND seq > ?"] * topics)
    return (
        f"SELECT {_COLUMNS} FROM ({arms} ORDER BY seq LIMIT ?) AS found "  # noqa: S608
        "CROSS JOIN entries AS e ON e.seq = found.seq ORDER BY found.seq"
    )


def _within(size_bytes: int, rows: Iterable[tuple[apsw.SQLiteValue, ...]]) -> Iterable[LogEntry]:
    for row in rows:
        entry = entry_of(row)
        yield entry
        size_bytes -= len(entry.payload)
        if size_bytes < 0:
            return


def find(connection: apsw.Connection, topics: Sequence[str], keys: Sequence[str]) -> list[LogEntry]:
    """Read all entries of these topics that have one of these keys, oldest first."""
    sql = (
        f"SELECT {_COLUMNS} FROM json_each(?) AS wanted "  # noqa: S608
        "CROSS JOIN entries AS e INDEXED BY entries_by_key ON e.key = wanted.value "
        "WHERE e.topic IN (SELECT value FROM json_each(?)) ORDER BY e.seq"
    )
    bindings = tuple(_encode(list(dict.fromkeys(values))).decode() for values in (keys, topics))
    return [entry_of(row) for row in connection.execute(sql, bindings)]


def last_of(connection: apsw.Connection, topic: str) -> int | None:
    """Number of the newest entry of a topic, None while it is empty."""
    found = scalar(connection, "SELECT max(seq) FROM entries WHERE topic = ?", (topic,))
    return found if isinstance(found, int) else None


def newest_seq(connection: apsw.Connection) -> int:
    """The greatest number of any topic, 0 while there is none: numbers that are given from now on are greater."""
    found = scalar(connection, "SELECT max(seq) FROM entries")
    return found if isinstance(found, int) else 0


def verify_newest(connection: apsw.Connection, count: int) -> None:
    """Read the newest `count` entries. Raises LogCorrupt when one of them is damaged."""
    sql = f"SELECT {_COLUMNS} FROM entries e ORDER BY seq DESC LIMIT ?"  # noqa: S608
    for row in connection.execute(sql, (count,)):
        entry_of(row)


def trim(connection: apsw.Connection, topic: str, before: int) -> bool:
    """Delete some entries of a topic with a smaller number, but not the newest one and none that is still queued.

    Returns whether there may be more: so that others can write in between.
    """
    newest = last_of(connection, topic) or 0
    connection.execute(
        "DELETE FROM entries WHERE seq IN (SELECT seq FROM entries AS e WHERE topic = ? AND seq < ?"
        " AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.seq = e.seq) LIMIT ?)",
        (topic, min(before, newest), TRIMMED_AT_ONCE),
    )
    return connection.changes() == TRIMMED_AT_ONCE


def seqs_of(cursors: Mapping[str, Position | None]) -> Cursors:
    """Cursors as sequence numbers. Raises InvalidInput."""
    return {topic: seq_of(position) for topic, position in cursors.items()}
