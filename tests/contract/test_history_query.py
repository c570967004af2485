"""The contract of `History.query`: what people may ask, what they get, and what they never get."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.codec import rfc3339
from evoke.domain.errors import QueryRefused
from evoke.ports.archive import Archive
from evoke.ports.history import History, QueryLimits, QueryResult
from evoke.settings import Settings
from tests.contract.archive_world import HOUR_MS, LONG_AGO_MS, World, hours_apart

SERVERS = ("trino",)
LIMITS = QueryLimits(time_s=60.0)


@pytest.fixture
async def archive(settings: Settings) -> AsyncIterator[Archive]:
    opened = await open_archive(settings)
    await opened.prepare()
    await opened.watermark()
    yield opened
    await opened.close()


@pytest.fixture
async def history(settings: Settings) -> AsyncIterator[History]:
    opened = await open_history(settings)
    yield opened
    await opened.close()


@pytest.fixture
def world(archive: Archive, queue: str) -> World:
    return World(archive, queue)


async def only_row(history: History, world: World, sql: str) -> dict[str, object]:
    result = await history.query(world.tenant, sql, LIMITS)
    (row,) = result.rows
    return dict(zip((name for name, _ in result.columns), row, strict=True))


async def values(
    history: History, world: World, sql: str, limits: QueryLimits = LIMITS
) -> list[list[object]]:
    return [list(row) for row in (await history.query(world.tenant, sql, limits)).rows]


async def test_a_job_is_one_row_with_its_whole_life(history: History, world: World) -> None:
    tale = world.job(
        LONG_AGO_MS,
        input={"prompt": "a red circle", "steps": 20},
        metadata={"grouping": "g1", "n": 3},
        priority=5,
    )
    tale.started("a1", 100).attempt_failed("a1", 200).started("a2", 1000).succeeded(
        "a2", 3000, sizes=(400, 600)
    )
    await world.commit()
    row = await only_row(history, world, "SELECT * FROM jobs")
    assert row == {
        "id": tale.id,
        "status": "succeeded",
        "model": "shapes-64",
        "queue": world.queue,
        "created_at": rfc3339(LONG_AGO_MS),
        "started_at": rfc3339(LONG_AGO_MS + 1000),
        "finished_at": rfc3339(LONG_AGO_MS + 3000),
        "attempts": 2,
        "queue_ms": 100,
        "run_ms": 2000,
        "total_ms": 3000,
        "error_code": None,
        "error_message": None,
        "seed": 7,
        "grouping": "g1",
        "lane": "interactive",
        "priority": 5,
        "door": "jobs",
        "metadata": {"grouping": "g1", "n": 3},
        "input": {"prompt": "a red circle", "steps": 20},
        "result": {},
        "artifacts": 2,
        "artifact_bytes": 1000,
        "replay_of": None,
        "superseded_by": None,
    }


async def test_failures_name_what_went_wrong(history: History, world: World) -> None:
    world.job(LONG_AGO_MS).started().succeeded()
    tale = (
        world.job(LONG_AGO_MS, metadata={"grouping": "g2"})
        .started()
        .attempt_failed()
        .started("a2")
        .failed("boom")
    )
    await world.commit()
    assert await only_row(history, world, "SELECT * FROM failures") == {
        "job_id": tale.id,
        "model": "shapes-64",
        "queue": world.queue,
        "error_code": "model_error",
        "error_message": "boom",
        "failed_at": rfc3339(LONG_AGO_MS + 900),
        "attempts": 2,
        "created_at": rfc3339(LONG_AGO_MS),
        "grouping": "g2",
    }


async def test_usage_counts_by_model_and_hour(history: History, world: World) -> None:
    first, second = hours_apart(2)
    world.job(first).started(after_ms=100).succeeded(after_ms=1600)
    world.job(first).started(after_ms=100).succeeded(after_ms=2600, sizes=(5,))
    world.job(first).started(after_ms=100).failed(after_ms=600)
    world.job(first).cancelled()
    world.job(first)
    world.job(second)
    await world.commit()
    rows = await values(history, world, "SELECT * FROM usage ORDER BY hour")
    hours = [rfc3339(moment // HOUR_MS * HOUR_MS) for moment in (first, second)]
    assert rows == [
        [hours[0], "shapes-64", world.queue, 5, 2, 1, 1, 4.5, 3, 1005],
        [hours[1], "shapes-64", world.queue, 1, 0, 0, 0, 0.0, 0, 0],
    ]


async def test_job_events_are_all_events_as_they_were_written(history: History, world: World) -> None:
    tale = world.job(LONG_AGO_MS).started("a1").succeeded("a1").dead_lettered()
    await world.commit()
    rows = await values(
        history,
        world,
        "SELECT type, attempt, topic, position, payload FROM job_events ORDER BY topic, position",
    )
    assert [row[3] for row in rows] == [position for position, _ in tale.told]
    assert [json.loads(str(row[4]))["type"] for row in rows] == [row[0] for row in rows]
    assert [row[1] for row in rows] == ["a1", "a1", None, None]


async def test_the_dialect_is_trinos(history: History, world: World) -> None:
    tale = world.job(LONG_AGO_MS, input={"prompt": 'it\'s a "red" circle'}).started().succeeded()
    await world.commit()
    row = await only_row(
        history,
        world,
        """
        SELECT json_extract_scalar(input, '$.prompt') AS prompt,
               date_trunc('day', created_at) AS day,
               7 / 2 AS whole, approx_distinct(id) OVER () AS ids,
               element_at(ARRAY[1, 2], 2) AS second, cardinality(ARRAY[1, 2, 3]) AS three,
               try_cast('x' AS integer) AS nothing, strpos('abc', 'c') AS place,
               coalesce(error_code, 'none') AS code, regexp_like(id, '^[0-9a-f-]+$') AS looks
        FROM jobs WHERE created_at < current_timestamp - INTERVAL '1' DAY
        """,
    )
    assert row == {
        "prompt": 'it\'s a "red" circle',
        "day": rfc3339(LONG_AGO_MS // (24 * HOUR_MS) * 24 * HOUR_MS),
        "whole": 3,
        "ids": 1,
        "second": 2,
        "three": 3,
        "nothing": None,
        "place": 3,
        "code": "none",
        "looks": True,
    }
    assert tale.id


async def test_an_instant_in_a_zone_is_local_time_without_one(history: History, world: World) -> None:
    summer = "TIMESTAMP '2026-07-01 12:00:00 UTC'"
    row = await only_row(
        history,
        world,
        f"""
        SELECT {summer} AT TIME ZONE 'Europe/Berlin' AS berlin, at_timezone({summer}, 'America/New_York') AS york,
               date_trunc('day', {summer} AT TIME ZONE 'Pacific/Auckland') AS day, {summer} AS instant,
               CAST({summer} AT TIME ZONE 'Pacific/Auckland' AS date) AS tomorrow
        """,
    )
    assert row == {
        "berlin": "2026-07-01T14:00:00.000",
        "york": "2026-07-01T08:00:00.000",
        "day": "2026-07-02T00:00:00.000",
        "instant": "2026-07-01T12:00:00.000Z",
        "tomorrow": "2026-07-02",
    }


async def test_values_are_what_json_can_hold(history: History, world: World) -> None:
    row = await only_row(
        history,
        world,
        """
        SELECT nan() AS nan, -infinity() AS endless, CAST(1.50 AS decimal(10, 2)) AS d,
               12345678901234567890.123456789 AS exact, DATE '2026-01-02' AS day, from_hex('00ff') AS raw,
               TIMESTAMP '2026-01-02 03:04:05.678' AS moment, ARRAY[1.5, NULL] AS some, true AS yes,
               CAST(ROW(1, 'x') AS ROW(a integer, b varchar)) AS pair, MAP(ARRAY['k'], ARRAY[2]) AS lookup,
               9007199254740993 AS large, ARRAY[from_unixtime(0)] AS instants, NULL AS nothing
        """,
    )
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row == {
        "nan": None,
        "endless": None,
        "d": 1.5,
        "exact": "12345678901234567890.123456789",
        "day": "2026-01-02",
        "raw": "AP8=",
        "moment": "2026-01-02T03:04:05.678",
        "some": [1.5, None],
        "yes": True,
        "pair": {"a": 1, "b": "x"},
        "lookup": {"k": 2},
        "large": 9007199254740993,
        "instants": [row["instants"][0]],  # type: ignore[index]  # a list
        "nothing": None,
    }


async def test_order_and_names_of_columns_are_the_querys(history: History, world: World) -> None:
    tales = [world.job(LONG_AGO_MS + number) for number in range(50)]
    await world.commit()
    result = await history.query(world.tenant, 'SELECT id AS "The Id", id FROM jobs ORDER BY id DESC', LIMITS)
    assert result.columns == [("The Id", "varchar"), ("id", "varchar")]
    assert [row[0] for row in result.rows] == [tale.id for tale in reversed(tales)]


async def test_rows_beyond_the_limit_are_cut_and_said_so(history: History, world: World) -> None:
    for number in range(7):
        world.job(LONG_AGO_MS + number)
    await world.commit()
    cut = await history.query(world.tenant, "SELECT id FROM jobs", QueryLimits(rows=5))
    whole = await history.query(world.tenant, "SELECT id FROM jobs", QueryLimits(rows=7))
    assert (len(cut.rows), cut.truncated, len(whole.rows), whole.truncated) == (5, True, 7, False)


async def test_a_query_that_would_read_too_much_is_refused_and_less_is_not(
    history: History, world: World
) -> None:
    first, *_, last = hours_apart(6)
    for moment in hours_apart(6):
        for number in range(200):
            world.job(moment + number)
    await world.commit()
    limits = QueryLimits(scan_bytes=40_000)
    with pytest.raises(QueryRefused, match="limit of 40,000"):
        await history.query(world.tenant, "SELECT count(*) FROM jobs", limits)
    for condition in (
        f"created_at >= TIMESTAMP '{as_sql(last)}'",
        f"created_at BETWEEN TIMESTAMP '{as_sql(first - HOUR_MS)}' AND TIMESTAMP '{as_sql(first + 60_000)}'",
        f"TIMESTAMP '{as_sql(last)}' <= created_at AND status = 'queued'",
    ):
        result = await history.query(world.tenant, f"SELECT count(*) FROM jobs WHERE {condition}", limits)
        assert result.rows == [[200]]


async def test_what_prunes_never_changes_the_answer(history: History, world: World) -> None:
    tales = [world.job(moment) for moment in hours_apart(5)]
    await world.commit()
    third = tales[2]
    moment = f"TIMESTAMP '{as_sql(third.time_ms)}'"
    expected = {
        f"SELECT count(*) FROM jobs WHERE created_at > {moment}": 2,
        f"SELECT count(*) FROM jobs WHERE created_at >= {moment}": 3,
        f"SELECT count(*) FROM jobs WHERE NOT created_at >= {moment}": 2,
        f"SELECT count(*) FROM jobs WHERE created_at < {moment} OR id = '{third.id}'": 3,
        f"SELECT count(*) FROM jobs WHERE created_at = {moment}": 1,
        f"SELECT count(*) FROM jobs WHERE id IN ('{tales[0].id}', '{tales[4].id}')": 2,
        "SELECT count(*) FROM jobs WHERE id = 'nobody'": 0,
        f"SELECT count(*) FROM job_events WHERE job_id = '{third.id}'": 1,
        f"SELECT sum(jobs) FROM usage WHERE hour > {moment}": 2,
        f"SELECT sum(jobs) FROM usage WHERE hour <= {moment}": 3,
        f"SELECT count(*) FROM jobs a JOIN jobs b ON a.id >= b.id WHERE a.created_at > {moment}": 9,
        f"SELECT count(*) FROM jobs j WHERE EXISTS (SELECT 1 FROM jobs k WHERE j.created_at > {moment})": 2,
        f"WITH late AS (SELECT * FROM jobs WHERE created_at > {moment}) "
        "SELECT count(*) FROM jobs WHERE id NOT IN (SELECT id FROM late)": 3,
        f"SELECT count(*) FROM (SELECT created_at + INTERVAL '9' DAY AS created_at FROM jobs) "
        f"WHERE created_at > {moment}": 5,
        "SELECT count(*) FROM jobs WHERE created_at > now() - INTERVAL '30' DAY": 5,
        "SELECT count(*) FROM jobs WHERE created_at > TIMESTAMP '2001-01-01 00:00:00' + random() * INTERVAL '1' DAY": 5,
    }
    found = {sql: (await values(history, world, sql))[0][0] for sql in expected}
    assert found == expected


def as_sql(time_ms: int) -> str:
    return datetime.fromisoformat(rfc3339(time_ms)).strftime("%Y-%m-%d %H:%M:%S.%f")


_MANY = "UNNEST(sequence(1, 10000))"
ENDLESS = (
    f"SELECT count(*) FROM {_MANY} a(w), {_MANY} b(x), {_MANY} c(y), {_MANY} d(z) WHERE w * x + y * z < 0"
)
"""Ten thousand million million sums: it runs for years."""


async def test_a_query_that_runs_too_long_is_stopped(history: History, world: World) -> None:
    started = time.monotonic()
    with pytest.raises(QueryRefused, match=r"0.5 s"):
        await history.query(world.tenant, ENDLESS, QueryLimits(time_s=0.5))
    assert time.monotonic() - started < 30
    assert await values(history, world, "SELECT 1") == [[1]]


async def test_cancelling_a_query_stops_it_and_frees_its_place(history: History, world: World) -> None:
    running = [asyncio.create_task(history.query(world.tenant, ENDLESS, LIMITS)) for _ in range(8)]
    await asyncio.sleep(0.5)
    for task in running:
        task.cancel()
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert await values(history, world, "SELECT 1") == [[1]]


async def test_a_query_that_needs_too_much_memory_or_gives_too_much_is_refused(
    history: History, world: World
) -> None:
    many = "UNNEST(sequence(1, 400)) AS t(n)"
    with pytest.raises(QueryRefused, match="limit"):
        await history.query(world.tenant, f"SELECT lpad('x', 1000000, 'y') FROM {many}", LIMITS)


async def test_what_there_is_can_be_found_out(history: History, world: World) -> None:
    world.job(LONG_AGO_MS)
    await world.commit()
    assert await values(history, world, "SHOW TABLES") == [["job_events"], ["jobs"], ["usage"], ["failures"]]
    described = await values(history, world, "DESCRIBE jobs")
    assert ["id", "varchar"] in described
    assert described == await values(history, world, "show columns from jobs;")
    assert await values(history, world, "VALUES (1, 'a'), (2, 'b')") == [[1, "a"], [2, "b"]]


async def test_a_plan_is_shown_without_the_machines_paths(
    history: History, world: World, settings: Settings
) -> None:
    world.job(LONG_AGO_MS)
    await world.commit()
    plan = await history.query(world.tenant, "EXPLAIN SELECT status, count(*) FROM jobs GROUP BY 1", LIMITS)
    assert plan.columns == [("plan", "varchar")]
    shown = "".join(str(row) for row in plan.rows)
    assert shown
    assert settings.data_dir.name + "/" not in shown
    assert ".parquet" not in shown


WRITING = [
    "INSERT INTO jobs VALUES (1)",
    "DELETE FROM jobs",
    "UPDATE jobs SET status = 'failed'",
    "MERGE INTO jobs USING jobs AS j ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE TABLE jobs",
    "CREATE TABLE mine AS SELECT * FROM jobs",
    "CREATE VIEW mine AS SELECT 1",
    "DROP VIEW jobs",
    "ALTER TABLE jobs ADD COLUMN x integer",
    "COPY jobs TO '/tmp/stolen.csv'",
    "EXPORT DATABASE '/tmp/stolen'",
    "ATTACH '/tmp/other.db' AS other",
    "DETACH other",
    "PRAGMA database_list",
    "SET memory_limit = '100GB'",
    "SET SESSION x = 1",
    "RESET memory_limit",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "USE main",
    "BEGIN",
    "GRANT SELECT ON jobs TO PUBLIC",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN DELETE FROM jobs",
    "EXPLAIN EXPLAIN SELECT 1",
    "SELECT 1; DELETE FROM jobs",
    "WITH gone AS (DELETE FROM jobs RETURNING *) SELECT * FROM gone",
    "SELECT * INTO mine FROM jobs",
    "SELECT * FROM jobs FOR UPDATE",
    "SELECT ?",
    "SELECT $1",
    "",
    "   ",
    ";",
    "--",
]


ELSEWHERE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('**/*.parquet')",
    "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json_auto('/etc/passwd')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM 's3://bucket/key.parquet'",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM pragma_table_info('jobs')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM main.jobs",
    "SELECT * FROM memory.main.job_events",
    "SELECT * FROM system.main.duckdb_views()",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_views",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('jobs')",
    "SELECT * FROM TABLE(read_csv('/etc/passwd'))",
    "SELECT * FROM jobs, LATERAL read_csv('/etc/passwd')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT system.main.current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT json_execute_serialized_sql('x')",
    "SELECT nextval('x')",
    "SELECT txid_current()",
    "SELECT tenant FROM job_events",
    "SELECT * FROM iceberg_scan('x')",
    "SELECT * FROM job_events FOR VERSION AS OF 1",
    "SELECT * FROM jobs__",
]


async def answered(history: History, world: World, statements: list[str]) -> list[str]:
    """Those of the statements that were not refused, or whose refusal tells of the machine."""
    found = []
    for sql in statements:
        try:
            await history.query(world.tenant, sql, LIMITS)
        except QueryRefused as refused:
            if "root:" not in str(refused) and "/data/" not in str(refused):
                continue
        found.append(sql)
    return found


async def test_statements_that_do_not_only_read_are_refused(history: History, world: World) -> None:
    world.job(LONG_AGO_MS)
    await world.commit()
    assert await answered(history, world, WRITING) == []
    assert await values(history, world, "SELECT count(*) FROM jobs") == [[1]]


async def test_nothing_but_the_views_can_be_reached(history: History, world: World) -> None:
    world.job(LONG_AGO_MS)
    await world.commit()
    assert await answered(history, world, ELSEWHERE) == []


async def test_a_wrong_statement_is_refused_with_the_place_of_the_mistake(
    history: History, world: World
) -> None:
    world.job(LONG_AGO_MS)
    await world.commit()
    for sql, place in (
        ("SELECT\n  nonsense FROM jobs", "line 2, column 3"),
        ("SELECT id FROM jobs WHERE (", "line 1"),
        ("SELECT id\nFROM joobs", "line 2, column 6"),
        ("SELECT id,\n never_heard_of(id) FROM jobs", "line 2, column 2"),
    ):
        with pytest.raises(QueryRefused) as refused:
            await history.query(world.tenant, sql, LIMITS)
        assert place in str(refused.value), sql


async def test_monstrous_statements_are_refused_or_answered_never_fatal(
    history: History, world: World
) -> None:
    for sql in ("(" * 3000 + "1" + ")" * 3000, "SELECT " + "1+" * 5000 + "1", f"SELECT '{'x' * 200_000}'"):
        try:
            result: QueryResult | None = await history.query(world.tenant, sql, LIMITS)
        except QueryRefused:
            result = None
        assert result is None or len(result.rows) == 1
        assert await values(history, world, "SELECT 1") == [[1]]


@pytest.fixture
async def neighbours(world: World) -> World:
    """Two tenants whose rows lie in the same files: the other one's hold a secret."""
    other = World(world.archive, world.queue, "a_neighbour")
    for number in range(300):
        other.job(LONG_AGO_MS + number, input={"prompt": f"secret {number}"}, metadata={"grouping": "secret"})
        world.job(LONG_AGO_MS + number, input={"prompt": "17"})
    world.entries.extend(other.entries)
    await world.commit()
    return world


CURIOUS = [
    "SELECT count(*) FROM job_events WHERE payload LIKE '%secret%'",
    "SELECT count(*) FROM jobs WHERE \"grouping\" = 'secret' OR true AND \"grouping\" = 'secret'",
    "SELECT count(*) FROM jobs WHERE CAST(json_extract_scalar(input, '$.prompt') AS integer) <> 17",
    "SELECT count(*) FROM job_events "
    "WHERE CAST(json_extract_scalar(payload, '$.input.prompt') AS integer) <> 17",
    "SELECT count(*) FROM job_events WHERE 1 / (CASE WHEN payload LIKE '%secret%' THEN 0 ELSE 1 END) = 0",
    "SELECT count(*) FROM (SELECT * FROM job_events UNION ALL SELECT * FROM job_events) "
    "WHERE CAST(json_extract_scalar(payload, '$.input.prompt') AS integer) <> 17",
    "SELECT count(*) FROM jobs a LEFT JOIN jobs b ON a.id = b.id OR b.\"grouping\" = 'secret' "
    "WHERE b.\"grouping\" = 'secret'",
    "WITH tenant AS (SELECT 'a_neighbour' AS tenant) SELECT count(*) FROM job_events, tenant "
    "WHERE payload LIKE '%secret%'",
    "SELECT sum(jobs) - 300 FROM usage",
]
"""Each gives 0, unless it sees the other tenant's rows, and fails if it is evaluated on them."""


async def test_no_query_sees_or_feels_another_tenants_rows(history: History, neighbours: World) -> None:
    """A filter that fails on the other tenant's values would tell of them, were it evaluated on them."""
    found = {sql: await values(history, neighbours, sql) for sql in CURIOUS}
    assert found == {sql: [[0]] for sql in CURIOUS}


async def test_a_tenants_name_is_never_sql(history: History, archive: Archive, queue: str) -> None:
    odd = World(archive, queue, "it's'; DROP VIEW jobs; -- \\ \"x\"")
    odd.job(LONG_AGO_MS)
    await odd.commit()
    assert await values(history, odd, "SELECT count(*) FROM jobs") == [[1]]
    empty = World(archive, queue, "' OR '1'='1")
    assert await values(history, empty, "SELECT count(*) FROM jobs") == [[0]]
