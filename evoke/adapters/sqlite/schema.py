"""The file's tables, and what every connection to it is set to."""

from __future__ import annotations

import logging
from pathlib import Path

import apsw

from evoke.domain.errors import EvokeError, LogCorrupt, StorageFull, Unavailable

APPLICATION_ID = 0x45564F4B  # "EVOK" in ASCII
VERSION = 1
OLDEST_SQLITE = (3, 51, 3)
"""Older ones have the WAL-reset bug: with two or more connections a commit can be lost (sqlite.org/wal.html)."""

BUSY_TIMEOUT_MS = 10_000
_COPY_BYTES = 64 << 10  # SQLite writes less than 128 KiB at a time

_log = logging.getLogger(__name__)

_SETTINGS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # every commit is synced; the writer takes it back for what need not last
    "wal_autocheckpoint = 0",  # the writer does it, and sees whether it worked
    "journal_size_limit = 67108864",
    "cache_size = -16384",  # KiB
    "trusted_schema = OFF",
    "cell_size_check = ON",
)

_TABLES = f"""
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,      -- the position; grows in the order of commits, is never used twice
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    payload BLOB NOT NULL,
    properties BLOB NOT NULL,     -- JSON object
    checksum INTEGER NOT NULL     -- see entries.checksum
) STRICT;
CREATE INDEX entries_by_topic ON entries (topic);
CREATE INDEX entries_by_key ON entries (key);

CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,      -- the entry that is to be delivered
    topic TEXT NOT NULL,
    state INTEGER NOT NULL,       -- see requests.State
    owner TEXT,                   -- token of the subscriber that holds it
    taken INTEGER NOT NULL,       -- how often it was taken: a receipt names one taking
    due_ms INTEGER NOT NULL,      -- delayed ones: when they are due, on the machine's monotonic clock
    queued_ms INTEGER NOT NULL    -- Unix time in ms of the submission, for the figures alone
) STRICT;
CREATE INDEX requests_by_state ON requests (topic, state);
CREATE INDEX requests_by_owner ON requests (owner) WHERE owner IS NOT NULL;

CREATE TABLE subscribers (
    token TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    worker TEXT NOT NULL,
    lease_until_ms INTEGER NOT NULL  -- on the machine's monotonic clock
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


def connect(path: Path, vfs: str | None) -> apsw.Connection:
    """Open a connection. vfs: name of a registered SQLite VFS, None for the system's. Raises apsw.Error."""
    connection = apsw.Connection(str(path), vfs=vfs)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}").fetchall()
    return connection


def close(connection: apsw.Connection) -> None:
    """Close a connection. The last one moves the WAL into the file; where that fails, the WAL stays as it is."""
    try:
        connection.close()
    except apsw.Error as error:
        _log.warning("the log was closed without tidying up", extra={"error": str(error)})
        connection.close(True)


def prepare(connection: apsw.Connection) -> None:
    """Make the tables in an empty file. Raises LogCorrupt for a file that this version can't read."""
    with connection:
        if not scalar(connection, "SELECT count(*) FROM sqlite_schema"):
            connection.execute(_TABLES)
    refuse_foreign(connection)


def refuse_foreign(connection: apsw.Connection) -> None:
    """Raises LogCorrupt for a file that is no log, or one of another version."""
    if scalar(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise LogCorrupt(f"{connection.filename} is an SQLite file, but no log of evoke's")
    version = scalar(connection, "PRAGMA user_version")
    if version != VERSION:
        raise LogCorrupt(
            f"{connection.filename} has schema version {version}; this evoke reads version {VERSION}"
        )


def require_sqlite(found: str) -> None:
    """Raises Unavailable when this version of the SQLite library is older than is safe."""
    if tuple(int(part) for part in found.split(".")[:3]) < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise Unavailable(f"SQLite {found} can lose commits; {needed} or newer is needed")


def rewrite_wal(path: Path, vfs: str | None) -> None:
    """Write the WAL's bytes once more and sync them. Only under the writer's lock. Raises apsw.Error.

    After a failed sync the kernel holds them, but takes them for written. Without this, the loss of power during the
    checkpoint that follows could leave the new pages of the file under an old, shorter WAL.
    """
    wal = Path(f"{path}-wal")
    if not wal.exists():
        return
    flags = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE
    file = apsw.VFSFile(vfs or "", str(wal), [flags, 0])
    try:
        size_bytes = file.xFileSize()
        for offset in range(0, size_bytes, _COPY_BYTES):
            file.xWrite(file.xRead(min(_COPY_BYTES, size_bytes - offset), offset), offset)
        file.xSync(apsw.SQLITE_SYNC_FULL)
    finally:
        file.xClose()


def scalar(
    connection: apsw.Connection, sql: str, bindings: tuple[apsw.SQLiteValue, ...] = ()
) -> apsw.SQLiteValue:
    """The first value of the first row, None where there is no row."""
    row = connection.execute(sql, bindings).fetchone()
    return None if row is None else row[0]


def translated(error: apsw.Error | OSError) -> EvokeError:
    """What an error of SQLite or of the operating system means to evoke."""
    if isinstance(error, apsw.FullError):
        return StorageFull("no space is left for the log")
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return LogCorrupt(f"the log is damaged: {error}")
    return Unavailable(f"the log does not answer: {error}")


def check_whole(connection: apsw.Connection) -> None:
    """Read the whole file. Raises LogCorrupt with the first thing that is wrong.

    The time grows with the file: about a second a gigabyte where the machine has it in memory.
    """
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise LogCorrupt(f"{connection.filename} is damaged: {found[0]}; restore it from a copy")
