"""What is read from a user's SQL before it runs."""

from __future__ import annotations

import pytest
from sqlglot import exp

from evoke.domain.errors import QueryRefused
from evoke.domain.ids import uuid7
from evoke.sql.pruning import NOTHING, Stretch, stretch_of
from evoke.sql.statement import MAX_SQL_CHARACTERS, read_statement, written

HOUR_MS = 3_600_000


def seconds(value: exp.Expr) -> float | None:
    """Constants of the tests are numbers of ms."""
    return float(value.this) if isinstance(value, exp.Literal) and not value.is_string else None


def stretch(condition: str, view: str = "jobs") -> Stretch | None:
    return stretch_of(read_statement(f"SELECT * FROM {view} WHERE {condition}").tree, seconds)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("created_at > 5", Stretch(5, None)),
        ("created_at >= 5", Stretch(5, None)),
        ("created_at < 5", Stretch(None, 5)),
        ("5 < created_at", Stretch(5, None)),
        ("5 >= created_at", Stretch(None, 5)),
        ("created_at = 5", Stretch(5, 5)),
        ("created_at BETWEEN 5 AND 9", Stretch(5, 9)),
        ("(created_at > 5 AND model = 'm') AND created_at < 9.5", Stretch(5, 10)),
        ("jobs.created_at > 5", Stretch(5, None)),
        ("other.created_at > 5", Stretch()),
        ("created_at > 5 OR model = 'm'", Stretch()),
        ("NOT created_at > 5", Stretch()),
        ("created_at <> 5", Stretch()),
        ("finished_at > 5", Stretch()),
        ("created_at > finished_at", Stretch()),
        ("created_at > (SELECT 5)", Stretch()),
        ("created_at > random()", Stretch()),
        ("id = 'x'", NOTHING),
        (f"id = '{uuid7(77, bytes(10))}'", Stretch(77, 77)),
        (f"id IN ('{uuid7(77, bytes(10))}', '{uuid7(99, bytes(10))}')", Stretch(77, 99)),
        (f"id NOT IN ('{uuid7(77, bytes(10))}')", Stretch()),
        ("id = model", Stretch()),
        (f"id >= '{uuid7(77, bytes(10))}'", Stretch(77, None)),
        (f"id < '{uuid7(77, bytes(10))}'", Stretch(None, 77)),
        ("id > '0199'", Stretch()),
    ],
)
def test_only_what_is_certain_narrows_a_scan(condition: str, expected: Stretch) -> None:
    assert stretch(condition) == expected


def test_a_plain_moment_needs_no_engine_and_anything_else_does() -> None:
    asked: list[str] = []

    def engine(value: exp.Expr) -> float:
        asked.append(value.sql("trino"))
        return 5.0

    def found(moment: str) -> Stretch | None:
        return stretch_of(read_statement(f"SELECT * FROM jobs WHERE created_at >= {moment}").tree, engine)

    assert found("TIMESTAMP '1970-01-02 00:00:01.500'") == Stretch(86_401_500, None)
    assert found("DATE '1970-01-02'") == Stretch(86_400_000, None)
    assert asked == []
    for moment in (
        "TIMESTAMP '1970-01-02 00:00:01 Europe/Berlin'",
        "TIMESTAMP '1970-01-02 00:00:01' + INTERVAL '1' HOUR",
        "CAST('1970-01-02T00' AS timestamp)",
        "TIMESTAMP '1970-13-02 00:00:01'",
        "DATE '1970-01-02 10:00:00'",
        "now()",
    ):
        assert found(moment) == Stretch(5, None)
    assert len(asked) == 6


def test_each_view_is_narrowed_by_its_own_columns() -> None:
    assert stretch("job_time > 5", "job_events") == Stretch(5, None)
    assert stretch("time > 5", "job_events") == Stretch()
    assert stretch(f"job_id > '{uuid7(77, bytes(10))}'", "job_events") == Stretch(77, None)
    # Letters without a job have an empty id, which is below all others.
    assert stretch(f"job_id < '{uuid7(77, bytes(10))}'", "job_events") == Stretch()
    assert stretch("created_at > 5", "failures") == Stretch(5, None)
    assert stretch("hour <= 5", "usage") == Stretch(None, 5 + HOUR_MS)


def test_a_statement_over_several_views_needs_what_any_of_them_needs() -> None:
    both = "SELECT * FROM (SELECT id FROM jobs WHERE created_at > 5) UNION SELECT job_id FROM failures WHERE "
    assert stretch_of(read_statement(both + "created_at > 3").tree, seconds) == Stretch(3, None)
    assert stretch_of(read_statement(both + "attempts > 3").tree, seconds) == Stretch()
    joined = "SELECT * FROM jobs JOIN failures ON id = job_id WHERE jobs.created_at > 5"
    assert stretch_of(read_statement(joined).tree, seconds) == Stretch()


def test_a_statement_without_a_view_needs_nothing() -> None:
    assert stretch_of(read_statement("SELECT 1").tree, seconds) is None


def test_a_stretch_overlaps_what_touches_it() -> None:
    assert Stretch(5, 9).overlaps(9, 12)
    assert Stretch(5, 9).overlaps(1, 5)
    assert not Stretch(5, 9).overlaps(10, 12)
    assert not Stretch(5, 9).overlaps(1, 4)
    assert Stretch().overlaps(1, 1)
    assert not NOTHING.overlaps(0, 10)


def test_what_the_user_typed_does_not_reach_the_engine_as_it_was_typed() -> None:
    statement = read_statement("select id -- secret remark\nfrom jobs /* another */ where id = 'it''s'")
    for dialect in ("duckdb", "trino"):
        sql = written(statement.tree, dialect)
        without_remarks = sql.replace("/* secret remark */ ", "").replace(" /* another */", "")
        assert without_remarks.endswith("FROM jobs WHERE id = 'it''s'")
        assert "--" not in sql


def test_a_statement_may_have_one_end_and_no_second_beginning() -> None:
    assert written(read_statement("SELECT 1;").tree, "trino") == "SELECT 1"
    with pytest.raises(QueryRefused, match="exactly one"):
        read_statement("SELECT 1; SELECT 2")


def test_a_very_long_statement_is_not_even_read() -> None:
    with pytest.raises(QueryRefused, match="longer"):
        read_statement("SELECT 1" + " " * MAX_SQL_CHARACTERS)
