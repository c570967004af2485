"""DuckDB's values as JSON's."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.adapters.duckdb.results import json_value, wrapped

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.uuids(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("1.50"), 1.5),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("NaN"), None),
        (b"\x00\xff", "AP8="),
        (datetime(2026, 1, 2, 3, 4, 5, 678000), "2026-01-02T03:04:05.678"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00.000"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"a": [Decimal(1), {"b": b""}], 2: None}, {"a": [1.0, {"b": ""}], "2": None}),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    assert json_value(value, "ANY") == expected


def test_json_columns_are_parsed_and_text_columns_are_not() -> None:
    assert json_value('{"a": [1]}', "JSON") == {"a": [1]}
    assert json_value('{"a": [1]}', "VARCHAR") == '{"a": [1]}'
    assert json_value('["1970-01-01 00:00:00+00"]', "TIMESTAMP WITH TIME ZONE[]") == [
        "1970-01-01 00:00:00+00"
    ]
    assert json_value("2026-01-01T00:00:00.000Z", "TIMESTAMP WITH TIME ZONE") == "2026-01-01T00:00:00.000Z"
    assert json_value("not JSON", "JSON") == "not JSON"


@given(ANYTHING)
def test_whatever_comes_json_can_hold_it(value: object) -> None:
    json.dumps(json_value(value, "ANY"), allow_nan=False)


def test_instants_are_written_by_the_engine() -> None:
    sql = wrapped("SELECT 1", ["INTEGER", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE[]"], 5)
    assert sql.startswith("SELECT c0, strftime(c1 AT TIME ZONE 'UTC'")
    assert "to_json(c2)" in sql
    assert sql.endswith("FROM (SELECT 1) AS answer(c0, c1, c2) LIMIT 5")
