"""Values of DuckDB as values of JSON."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

import msgspec

from evoke.sql.answers import exact_number

_TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"


def wrapped(sql: str, types: Sequence[str], limit: int) -> str:
    """Return SQL that runs `sql` and gives its first rows in a form that `json_value` takes.

    Instants become RFC 3339 text in UTC in the engine: in Python DuckDB would want another library for them.
    """
    names = [f"c{number}" for number in range(len(types))]
    columns = ", ".join(_column(name, kind) for name, kind in zip(names, types, strict=True))
    return f"SELECT {columns} FROM ({sql}) AS answer({', '.join(names)}) LIMIT {limit}"


def _column(name: str, kind: str) -> str:
    if kind == _TIMESTAMPTZ:
        return f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ')"
    if _TIMESTAMPTZ in kind:
        return f"to_json({name})"
    return name


def json_value(value: object, kind: str) -> Any:
    """Return a value of the column type `kind` (DuckDB's name of it) as JSON can hold it.

    Instants and dates: RFC 3339 text; BLOB: base64; INTERVAL: seconds; NaN and infinities: null; DECIMAL: a
    number where that is exact, else text.
    """
    if isinstance(value, str) and (kind == "JSON" or (_TIMESTAMPTZ in kind and kind != _TIMESTAMPTZ)):
        return _parsed(value)
    return _plain(value)


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _plain(value: object) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return exact_number(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case _:
            return _composed(value)


def _composed(value: object) -> Any:
    match value:
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return moment.isoformat(timespec="milliseconds")
        case date() | time_of_day():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)
