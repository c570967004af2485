"""Trino's errors in evoke's words."""

from __future__ import annotations

import re

import requests
from trino import exceptions

from evoke.domain.errors import EvokeError, QueryRefused, Unavailable

_ABSENT = ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND")
_PLACE = re.compile(r"^line \d+:\d+: ")
_BEYOND = {
    "EXCEEDED_SCAN_LIMIT": "the query reads more bytes than its limit",
    "EXCEEDED_GLOBAL_MEMORY_LIMIT": "the query needs more memory than Trino's limit",
    "EXCEEDED_LOCAL_MEMORY_LIMIT": "the query needs more memory than Trino's limit",
    "EXCEEDED_SPILL_LIMIT": "the query needs more disk than Trino's limit",
    "EXCEEDED_CPU_LIMIT": "the query needs more processor time than Trino's limit",
    "EXCEEDED_FUNCTION_MEMORY_LIMIT": "a function of the query needs more memory than Trino's limit",
    "QUERY_TEXT_TOO_LARGE": "the statement is longer than Trino's limit",
    "QUERY_HAS_TOO_MANY_STAGES": "the query is more complex than Trino's limit",
}


class NoArchive(Exception):
    """The archive's table does not exist: nothing was archived yet."""


class OutOfTime(Exception):
    """Trino ended the query at the limit of time that it was given."""


class FilesGone(Exception):
    """A file that was planned is not there any more, or a server behind Trino did not give it. Ask again."""


def translated(error: Exception) -> Exception:
    """Return what an error of the client or the server means. What a user wrote wrong is QueryRefused."""
    match error:
        case exceptions.TrinoQueryError():
            return _of_query(error)
        case exceptions.TrinoAuthError():
            return Unavailable("Trino does not accept evoke's credentials")
        case requests.exceptions.SSLError():
            return Unavailable("Trino's certificate cannot be checked, see EVOKE_TRINO_CA_FILE")
        case exceptions.HttpError() if "error 401" in str(error) or "error 403" in str(error):
            return Unavailable("Trino does not accept evoke's credentials")
        case requests.RequestException() | exceptions.Error() | exceptions.HttpError() | ValueError():
            return Unavailable("Trino does not answer")
        case _:
            return error


def _of_query(error: exceptions.TrinoQueryError) -> EvokeError | NoArchive | OutOfTime | FilesGone:
    name = str(error.error_name)
    message = _PLACE.sub("", str(error.message).partition("\n")[0].strip())
    known: dict[str, EvokeError | NoArchive | OutOfTime] = {
        **{absent: NoArchive(message) for absent in _ABSENT},
        **{beyond: QueryRefused(said) for beyond, said in _BEYOND.items()},
        "EXCEEDED_TIME_LIMIT": OutOfTime(),
        "PERMISSION_DENIED": Unavailable(f"Trino does not let evoke read history: {message}"),
        "USER_CANCELED": Unavailable("the query was cancelled"),
        "CATALOG_NOT_FOUND": Unavailable("Trino has no catalog of the name in EVOKE_TRINO_CATALOG"),
    }
    if name in known:
        return known[name]
    if name.startswith("ICEBERG_"):
        return FilesGone(message)
    return (
        QueryRefused(message)
        if error.error_type == "USER_ERROR"
        else Unavailable(f"Trino cannot answer now ({name})")
    )
