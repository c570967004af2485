"""Values of Trino's JSON as the values of results, by the types of their columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from evoke.sql.answers import exact_number

Convert = Callable[[Any], Any]
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_DAY_TIME = re.compile(r"(-?)(\d+) (\d+):(\d+):(\d+(?:\.\d+)?)")


def converter(signature: Mapping[str, Any]) -> Convert:
    """Return what turns a value of that type (Trino's `typeSignature`) into JSON. Nothing stays nothing.

    Instants, dates and times: RFC 3339 text in UTC, to the millisecond; varbinary: base64; intervals of days and
    less: seconds; NaN and infinities: null; decimal: a number where that is exact, else text; json: what it holds.
    """
    convert = _converter(signature)
    return lambda value: None if value is None else convert(value)


def _converter(signature: Mapping[str, Any]) -> Convert:
    kind, arguments = signature["rawType"], signature["arguments"]
    match kind:
        case "array":
            item = converter(arguments[0]["value"])
            return lambda value: [item(part) for part in value]
        case "map":
            item = converter(arguments[1]["value"])
            return lambda value: {str(key): item(part) for key, part in value.items()}
        case "row":
            return _row_converter([argument["value"] for argument in arguments])
        case _:
            return _SIMPLE.get(kind, _same)


def _row_converter(fields: list[Mapping[str, Any]]) -> Convert:
    items = [converter(field["typeSignature"]) for field in fields]
    names = [(field.get("fieldName") or {}).get("name") for field in fields]
    if any(name is None for name in names):
        return lambda value: [item(part) for item, part in zip(items, value, strict=True)]
    return lambda value: {name: item(part) for name, item, part in zip(names, items, value, strict=True)}


def _same(value: Any) -> Any:
    return value


def _number(value: Any) -> Any:
    """Not a number and infinities come as text."""
    return None if isinstance(value, str) else value


def _json(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def _local(value: str) -> str:
    return _moment(value).isoformat(timespec="milliseconds")


def _instant(value: str) -> str:
    local, _, zone = value.rpartition(" ")
    moment = _moment(local)
    if zone != "UTC":
        moment = _in_zone(moment, zone)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _moment(value: str) -> datetime:
    """Beyond microseconds Python knows nothing."""
    head, _, fraction = value.partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}")


def _in_zone(moment: datetime, zone: str) -> datetime:
    if _OFFSET.fullmatch(zone):
        return datetime.fromisoformat(f"{moment.isoformat()}{zone}").astimezone(UTC)
    try:
        return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except ZoneInfoNotFoundError:
        return moment


def _seconds(value: str) -> Any:
    found = _DAY_TIME.fullmatch(value)
    if found is None:
        return value
    sign, days, hours, minutes, seconds = found.groups()
    total = int(days) * 86_400 + int(hours) * 3_600 + int(minutes) * 60 + float(seconds)
    return -total if sign else total


_SIMPLE: dict[str, Convert] = {
    "double": _number,
    "real": _number,
    "decimal": lambda value: exact_number(Decimal(value)),
    "json": _json,
    "timestamp": _local,
    "timestamp with time zone": _instant,
    "interval day to second": _seconds,
}
