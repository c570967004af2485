"""History on a real Trino: when it dies, what it ends when nobody waits any more, and what its own rules forbid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from evoke.adapters.trino.client import Session, session
from evoke.adapters.trino.errors import OutOfTime
from evoke.adapters.trino.place import Place
from evoke.bootstrap import open_archive, open_history
from evoke.domain.errors import QueryRefused, Unavailable
from evoke.ports.archive import Archive
from evoke.ports.history import History, JobFilter, QueryLimits
from evoke.settings import Settings, load_settings
from tests.contract.archive_world import LONG_AGO_MS, World, hours_apart
from tests.stack.servers import PrivateStack

pytestmark = pytest.mark.distributed

LIMITS = QueryLimits(time_s=60.0)
EVENTS = '"evoke"."evoke"."job_events"'
_MANY = "UNNEST(sequence(1, 10000))"
ENDLESS = (
    f"SELECT count(*) FROM {_MANY} a(w), {_MANY} b(x), {_MANY} c(y), {_MANY} d(z) WHERE w * x + y * z < 0"
)


@pytest.fixture
def settings(servers: PrivateStack, monkeypatch: pytest.MonkeyPatch) -> Settings:
    servers.start("trino")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    servers.forget_archive()
    return load_settings({"engine": "distributed", **servers.settings()})


@pytest.fixture
def place(settings: Settings) -> Place:
    assert settings.trino_url is not None
    return Place(
        settings.trino_url,
        settings.trino_catalog,
        settings.catalog_namespace,
        settings.trino_user,
        settings.trino_tenant_user,
    )


@pytest.fixture
def asked(place: Place) -> Iterator[Session]:
    """Statements as they come to Trino, past evoke's list of what is allowed."""
    with session(place) as opened:
        yield opened


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
async def neighbours(archive: Archive) -> tuple[World, World]:
    """Two tenants whose rows lie in the same files."""
    own, other = World(archive, "images", "größe"), World(archive, "images", "other")
    own.job(LONG_AGO_MS, input={"prompt": "own"})
    other.job(LONG_AGO_MS, input={"prompt": "secret"})
    own.entries.extend(other.entries)
    await own.commit()
    return own, other


def reads(history: History, world: World, job_id: str) -> list[Callable[[], Coroutine[Any, Any, object]]]:
    """Every way to ask history."""
    return [
        history.watermark,
        lambda: history.events(world.tenant, job_id),
        lambda: history.jobs(world.tenant, JobFilter(), None, 5),
        lambda: first(history.unfinished()),
        lambda: history.query(world.tenant, "SELECT count(*) FROM jobs", LIMITS),
    ]


async def first(found: AsyncIterator[object]) -> object:
    return await anext(found)


async def answers_again(read: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Wait until Trino has found its own worker: it says that it is ready a moment before."""
    async with asyncio.timeout(30):
        while True:
            try:
                await read()
            except Unavailable:
                await asyncio.sleep(0.2)
            else:
                return


async def test_while_trino_is_dead_every_read_is_unavailable_and_afterwards_all_answer_again(
    history: History, archive: Archive, servers: PrivateStack
) -> None:
    world = World(archive, "images")
    tale = world.job(LONG_AGO_MS)
    await world.commit()
    every = reads(history, world, tale.id)
    for read in every:
        await read()
    servers.kill("trino")
    for read in every:
        with pytest.raises(Unavailable) as refused:
            await read()
        assert "127.0.0.1" not in str(refused.value)
    await asyncio.to_thread(servers.start, "trino")
    await answers_again(every[0])
    assert await history.events(world.tenant, tale.id) == tale.told
    for read in every:
        await read()


async def test_a_trino_that_hangs_is_given_up_and_answers_again_when_it_goes_on(
    history: History, archive: Archive, servers: PrivateStack
) -> None:
    world = World(archive, "images")
    tale = world.job(LONG_AGO_MS)
    await world.commit()
    assert await history.events(world.tenant, tale.id) == tale.told
    (pid,) = (server.pid for server in servers.stack.status() if server.name == "trino")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        for read in reads(history, world, tale.id):
            waiting = asyncio.create_task(read())
            await asyncio.sleep(0.3)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        with pytest.raises(Unavailable):
            await history.events(world.tenant, tale.id)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await history.events(world.tenant, tale.id) == tale.told


async def test_the_archive_goes_on_while_trino_is_dead(archive: Archive, servers: PrivateStack) -> None:
    world = World(archive, "images")
    world.job(LONG_AGO_MS)
    servers.kill("trino")
    watermark = await world.commit()
    assert (await archive.watermark()).items() >= watermark.items()
    await asyncio.to_thread(servers.start, "trino")


def statements(place: Place, user: str) -> list[dict[str, Any]]:
    """The statements of a user that Trino knows of, oldest first."""
    request = urllib.request.Request(f"{place.url}/v1/query", headers={"X-Trino-User": user})
    with urllib.request.urlopen(request, timeout=10) as answer:
        known: list[dict[str, Any]] = json.load(answer)
    return sorted(known, key=lambda statement: str(statement["queryId"]))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.1)


def at_work(place: Place, user: str) -> int:
    return sum(statement["state"] == "RUNNING" for statement in statements(place, user))


def ended(place: Place, user: str) -> bool:
    """Trino knows statements of the user, and none of them is at work or waits."""
    return {statement["state"] for statement in statements(place, user)} == {"FAILED"}


async def test_a_statement_that_nobody_waits_for_any_more_is_ended_on_the_server(
    history: History, place: Place
) -> None:
    running = [asyncio.create_task(history.query("cancelled", ENDLESS, LIMITS)) for _ in range(3)]
    user = place.user_of("cancelled")
    await until(lambda: at_work(place, user) == 3)
    for task in running:
        task.cancel()
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 3
    await until(lambda: ended(place, user))


async def test_a_statement_beyond_its_time_is_ended_on_the_server(history: History, place: Place) -> None:
    with pytest.raises(QueryRefused, match=r"limit of 1 s"):
        await history.query("too_long", ENDLESS, QueryLimits(time_s=1.0))
    await until(lambda: ended(place, place.user_of("too_long")))


def test_trino_itself_holds_a_tenants_statement_to_its_limits(asked: Session, place: Place) -> None:
    user = place.user_of("somebody")
    with pytest.raises(OutOfTime):
        asked.rows(ENDLESS, user, {"query_max_run_time": "1s"})


async def test_every_statement_of_a_tenant_carries_its_limits(history: History, place: Place) -> None:
    limits = QueryLimits(time_s=7.5, scan_bytes=123_456)
    await history.query(
        "limited", "SELECT count(*) FROM jobs WHERE created_at > now() - INTERVAL '1' DAY", limits
    )
    user = place.user_of("limited")
    known = statements(place, user)
    assert known
    for statement in known:
        url = f"{place.url}/v1/query/{statement['queryId']}"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"X-Trino-User": user})) as answer:
            session_of = json.load(answer)["session"]
        assert session_of["systemProperties"] == {
            "query_max_run_time": "7500ms",
            "query_max_scan_physical_bytes": "123456B",
        }


def test_what_is_interrupted_before_it_begins_never_begins(asked: Session) -> None:
    asked.interrupt()
    with pytest.raises(Unavailable):
        asked.rows("SELECT 1")


async def test_a_tenants_user_sees_the_rows_of_that_tenant_alone(
    neighbours: tuple[World, World], asked: Session, place: Place
) -> None:
    for world in neighbours:
        payloads = asked.rows(f"SELECT tenant, payload FROM {EVENTS}", place.user_of(world.tenant))
        assert [row[0] for row in payloads] == [world.tenant]
    assert asked.rows(f"SELECT count(*) FROM {EVENTS}", place.user_of("nobody")) == [[0]]
    assert asked.rows(f"SELECT count(*) FROM {EVENTS}", place.user_of("")) == [[0]]
    assert asked.rows(f"SELECT count(*) FROM {EVENTS}") == [[2]]


async def test_a_filter_that_fails_on_another_tenants_rows_is_never_evaluated_on_them(
    neighbours: tuple[World, World], asked: Session, place: Place
) -> None:
    fails = (
        f"SELECT count(*) FROM {EVENTS} WHERE 1 / (CASE WHEN payload LIKE '%secret%' THEN 0 ELSE 1 END) = 1"
    )
    assert asked.rows(fails, place.user_of("größe")) == [[1]]
    with pytest.raises(QueryRefused):
        asked.rows(fails, place.user_of("other"))


FORBIDDEN = [
    f"INSERT INTO {EVENTS} SELECT * FROM {EVENTS}",
    f"DELETE FROM {EVENTS}",
    f"UPDATE {EVENTS} SET tenant = 'mine'",
    f"TRUNCATE TABLE {EVENTS}",
    f"DROP TABLE {EVENTS}",
    f"ALTER TABLE {EVENTS} ADD COLUMN mine varchar",
    f"ALTER TABLE {EVENTS} EXECUTE optimize",
    f"ALTER TABLE {EVENTS} EXECUTE expire_snapshots(retention_threshold => '0s')",
    'CREATE TABLE "evoke"."evoke"."mine" AS SELECT 1 AS one',
    f'CREATE VIEW "evoke"."evoke"."mine" AS SELECT * FROM {EVENTS}',
    'CREATE SCHEMA "evoke"."mine"',
    'SELECT * FROM "evoke"."evoke"."job_events$files"',
    'SELECT * FROM "evoke"."evoke"."job_events$partitions"',
    'SELECT * FROM "evoke"."evoke"."job_events$snapshots"',
    'SELECT * FROM "evoke"."evoke"."job_events$properties"',
    "SELECT * FROM TABLE(\"evoke\".\"system\".table_changes('evoke', 'job_events', 1, 2))",
    "SELECT * FROM system.runtime.queries",
    "SELECT * FROM system.runtime.nodes",
    "CALL system.runtime.kill_query(query_id => 'x', message => 'y')",
    "CALL \"evoke\".system.unregister_table('evoke', 'job_events')",
    'GRANT SELECT ON "evoke"."evoke"."job_events" TO USER stranger',
    "SET SESSION AUTHORIZATION evoke",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
async def test_a_tenants_user_can_neither_write_nor_look_around(
    sql: str, neighbours: tuple[World, World], asked: Session, place: Place
) -> None:
    with pytest.raises((QueryRefused, Unavailable)):
        asked.rows(sql, place.user_of("größe"))
    assert asked.rows(f"SELECT count(*) FROM {EVENTS}") == [[2]]


@pytest.mark.parametrize(
    "sql", [sql for sql in FORBIDDEN if sql.split()[0] not in ("SELECT", "ALTER", "SET")]
)
async def test_evokes_own_user_cannot_write_either(
    sql: str, neighbours: tuple[World, World], asked: Session
) -> None:
    with pytest.raises((QueryRefused, Unavailable)):
        asked.rows(sql)


async def test_somebody_unknown_may_ask_nothing(asked: Session) -> None:
    with pytest.raises(Unavailable, match="Access Denied"):
        asked.rows("SELECT 1", "stranger")


async def test_a_user_who_may_not_read_makes_history_unavailable_and_not_empty(
    settings: Settings, neighbours: tuple[World, World]
) -> None:
    history = await open_history(settings.model_copy(update={"trino_user": "stranger"}))
    with pytest.raises(Unavailable):
        await history.jobs("other", JobFilter(), None, 5)
    await history.close()


async def test_a_job_is_looked_up_in_its_own_partition(
    history: History, archive: Archive, asked: Session, place: Place
) -> None:
    world = World(archive, "images")
    tales = [world.job(moment) for moment in hours_apart(6)]
    await world.commit()
    assert await history.events(world.tenant, tales[3].id) == tales[3].told
    looked_up = [found for found in statements(place, place.user) if "job_id =" in found["query"]][-1]
    plan = str(asked.rows(f"EXPLAIN ANALYZE {looked_up['query']}"))
    assert "(job_time >= timestamp" in plan, plan
    assert "Splits: 1," in plan, plan
