"""DuckDB: connections, limits, cancellation and its errors in evoke's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from evoke.domain.errors import EvokeError, QueryRefused, Unavailable
from evoke.sql.literals import text

MEMORY = "512MB"
THREADS = 2
SPILL = "2GB"
"""Most disk that one instance may use for what does not fit into its memory."""


class FilesGone(Exception):
    """A planned file is not there any more: a compaction replaced it and its snapshot expired. Plan anew."""


def connect(scratch: str) -> duckdb.DuckDBPyConnection:
    """Open an instance of its own, in memory, that keeps little and spills to the folder `scratch`."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": str(THREADS),
            "memory_limit": MEMORY,
            "temp_directory": scratch,
            "max_temp_directory_size": SPILL,
            "enable_external_file_cache": "false",
            "python_enable_replacements": "false",
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "integer_division": "true",
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def confine(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> None:
    """Let the instance read these files alone, and nothing change that any more."""
    connection.execute(f"SET allowed_paths = [{', '.join(text(path) for path in paths)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


class Session:
    """One piece of work's connection. `interrupt` ends the statement that runs and refuses those that follow."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._interrupted = False

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> duckdb.DuckDBPyConnection:
        """Run a statement. Raises FilesGone and evoke's errors."""
        if self._interrupted:
            raise Unavailable("the query was cancelled")
        try:
            return (
                self.connection.execute(sql, list(parameters)) if parameters else self.connection.execute(sql)
            )
        except duckdb.Error as error:
            raise translated(error) from error

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return all its rows. Raises as `execute`."""
        answer = self.execute(sql, parameters)
        try:
            return answer.fetchall()
        except duckdb.Error as error:
            raise translated(error) from error

    def interrupt(self) -> None:
        """Stop, from any thread."""
        self._interrupted = True
        # It may have come to its end, and closed the connection, at this very moment.
        with suppress(duckdb.ConnectionException):
            self.connection.interrupt()


@contextmanager
def session(open_connection: Callable[[], duckdb.DuckDBPyConnection]) -> Iterator[Session]:
    """Open a connection, and close it in the end."""
    with open_connection() as connection:
        yield Session(connection)


def translated(error: duckdb.Error) -> EvokeError | FilesGone:
    """Return what a DuckDB error means. What users wrote wrong is QueryRefused, in DuckDB's first line."""
    message = str(error).partition("\n")[0].strip()
    match error:
        case duckdb.InterruptException():
            return Unavailable("the query was cancelled")
        case duckdb.OutOfMemoryException():
            return QueryRefused(f"the query needs more memory than its limit of {MEMORY}")
        case duckdb.IOException():
            gone = "No such file" in message or "No files found" in message
            return FilesGone() if gone else Unavailable("the archive's files cannot be read")
        case duckdb.InternalException() | duckdb.FatalException():
            return Unavailable("the SQL engine failed")
        case _:
            return QueryRefused(re.sub(r"^\w+ Error: ", "", message))
