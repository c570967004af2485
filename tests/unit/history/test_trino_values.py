"""Trino's values as JSON's."""

from __future__ import annotations

from typing import Any

import pytest

from evoke.adapters.trino.values import converter


def kind(name: str, *arguments: Any) -> dict[str, Any]:
    """A type as Trino tells it."""
    return {"rawType": name, "arguments": list(arguments)}


def of(inner: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "TYPE", "value": inner}


def field(name: str | None, inner: dict[str, Any]) -> dict[str, Any]:
    named = {} if name is None else {"fieldName": {"name": name}}
    return {"kind": "NAMED_TYPE", "value": {**named, "typeSignature": inner}}


INSTANT = kind("timestamp with time zone", {"kind": "LONG", "value": 6})


@pytest.mark.parametrize(
    ("signature", "value", "expected"),
    [
        (kind("varchar"), "it's", "it's"),
        (kind("bigint"), 2**53 + 1, 2**53 + 1),
        (kind("double"), 1.5, 1.5),
        (kind("double"), "NaN", None),
        (kind("real"), "-Infinity", None),
        (kind("decimal"), "1.50", 1.5),
        (kind("decimal"), "12345678901234567890.123456789", "12345678901234567890.123456789"),
        (kind("varbinary"), "AP8=", "AP8="),
        (kind("date"), "2026-01-02", "2026-01-02"),
        (kind("timestamp"), "2026-01-02 03:04:05.678901", "2026-01-02T03:04:05.678"),
        (kind("timestamp"), "2026-01-02 03:04:05", "2026-01-02T03:04:05.000"),
        (kind("timestamp"), "2026-01-02 03:04:05.123456789012", "2026-01-02T03:04:05.123"),
        (INSTANT, "2026-01-02 03:04:05.678 UTC", "2026-01-02T03:04:05.678Z"),
        (INSTANT, "2026-07-02 03:04:05.678 Europe/Berlin", "2026-07-02T01:04:05.678Z"),
        (INSTANT, "2026-01-02 03:04:05.678 +05:30", "2026-01-01T21:34:05.678Z"),
        (kind("interval day to second"), "1 02:03:04.500", 93784.5),
        (kind("interval day to second"), "-0 00:00:01.000", -1.0),
        (kind("interval year to month"), "1-2", "1-2"),
        (kind("json"), '{"a":[1,null]}', {"a": [1, None]}),
        (kind("json"), "{", "{"),
        (kind("array", of(kind("double"))), [1.5, "NaN", None], [1.5, None, None]),
        (kind("array", of(INSTANT)), ["2026-01-02 03:04:05.678 UTC"], ["2026-01-02T03:04:05.678Z"]),
        (kind("map", of(kind("varchar")), of(kind("decimal"))), {"k": "2.5"}, {"k": 2.5}),
        (kind("row", field("a", kind("integer")), field("b", kind("json"))), [1, "[2]"], {"a": 1, "b": [2]}),
        (kind("row", field(None, kind("integer")), field(None, kind("varchar"))), [1, "x"], [1, "x"]),
    ],
)
def test_a_value_is_what_json_can_hold(signature: dict[str, Any], value: Any, expected: Any) -> None:
    assert converter(signature)(value) == expected
    assert converter(signature)(None) is None
