"""Which files a read opens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.adapters.duckdb.plan import Plan, PlannedFile, chunks, spans_of
from evoke.domain.errors import InvalidInput
from evoke.domain.ids import uuid7

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def file(
    hour: int, *, period_ms: int = HOUR_MS, ids: tuple[str, str] | None = None, rows: int = 10
) -> PlannedFile:
    """A file of that hour (or of the day that begins with it)."""
    start = hour * HOUR_MS
    return PlannedFile(
        path=f"{hour}-{period_ms}.parquet",
        size_bytes=1,
        rows=rows,
        period=(start, start + period_ms),
        start_ms=start,
        end_ms=start + period_ms - 1,
        ids=ids or (uuid7(start, bytes(10)), uuid7(start + period_ms - 1, b"\xff" * 10)),
        tenants=("a", "m"),
    )


def test_files_of_one_hour_make_one_span() -> None:
    spans = spans_of([file(2), file(1), file(2)])
    assert [(span.start_ms // HOUR_MS, len(span.files)) for span in spans] == [(1, 1), (2, 2)]


def test_hours_and_the_day_that_they_lie_in_make_one_span() -> None:
    spans = spans_of([file(25), file(24, period_ms=DAY_MS), file(47), file(48)])
    assert [(span.start_ms // HOUR_MS, span.end_ms // HOUR_MS, len(span.files)) for span in spans] == [
        (24, 48, 3),
        (48, 49, 1),
    ]


def test_a_look_up_opens_the_files_of_its_hour_that_may_hold_the_id() -> None:
    job = uuid7(5 * HOUR_MS + 7, b"5" * 10)
    fits, too_early = (
        file(5),
        file(5, ids=(uuid7(5 * HOUR_MS, bytes(10)), uuid7(5 * HOUR_MS + 6, b"\xff" * 10))),
    )
    plan = Plan(spans=spans_of([file(4), fits, too_early, file(6)]))
    assert plan.of_job("b", job) == [fits]


def test_a_look_up_opens_no_file_of_other_tenants_alone() -> None:
    plan = Plan(spans=spans_of([file(5)]))
    assert plan.of_job("z", uuid7(5 * HOUR_MS + 7, b"5" * 10)) == []


def test_what_is_no_id_cannot_be_looked_up() -> None:
    with pytest.raises(InvalidInput):
        Plan().of_job("a", "x")


@given(
    st.sets(st.integers(0, 60)),
    st.none() | st.integers(0, 60 * HOUR_MS),
    st.none() | st.integers(0, 60 * HOUR_MS),
)
def test_between_finds_exactly_the_spans_that_overlap(
    hours: set[int], low: int | None, high: int | None
) -> None:
    plan = Plan(spans=spans_of(file(hour) for hour in hours))
    expected = [
        span
        for span in plan.spans
        if (low is None or span.end_ms - 1 >= low) and (high is None or span.start_ms <= high)
    ]
    found = plan.between(low, high)
    assert list(found) == (expected if low is None or high is None or low <= high else list(found))


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 40), st.integers(40, 200))
def test_chunks_hold_every_span_once_in_order_and_are_bounded(rows: list[int], first: int, most: int) -> None:
    spans = spans_of(file(hour, rows=count) for hour, count in enumerate(rows))
    found = list(chunks(spans, first, most))
    assert [span for chunk in found for span in chunk] == list(spans)
    assert all(len(chunk) == 1 or sum(span.rows for span in chunk) <= most for chunk in found)
