"""History at size: look-ups by id, lists and SQL over an archive of a million jobs, beside one of ten thousand.

    python -m bench.history [--jobs 1000000] [--folder DIR]

Both archives are made through the real adapter: three events for each job (requested, attempt started, and a
terminal one), spread over 240 hours, committed in batches, compacted as the archiver does.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench.report import Figure, print_table, write_json
from evoke import codec
from evoke.adapters.duckdb.history import DuckDbHistory
from evoke.adapters.iceberg.archive import IcebergArchive
from evoke.adapters.iceberg.local import local_home
from evoke.domain.errors import ErrorClass
from evoke.domain.events import AnyEvent, Artifact, AttemptStarted, Failed, Requested, Succeeded
from evoke.domain.ids import uuid7
from evoke.ports.archive import EventRow
from evoke.ports.event_log import Position
from evoke.ports.history import JobFilter, QueryLimits

SMALL = 10_000
HOURS = 240
LOOKUPS = 200
TENANT = "default"
_HOUR_MS = 3_600_000
_COMMIT_JOBS = 20_000
_FIRST_MS = 1_767_225_600_000
"""2026-01-01T00:00Z."""
_LIMITS = QueryLimits(time_s=600.0, scan_bytes=1 << 40)


def time_of(number: int, jobs: int, hours: int = HOURS) -> int:
    """Return the Unix time in ms of the job of that number, of so many over so many hours."""
    return _FIRST_MS + number * hours * _HOUR_MS // jobs


def events_of(number: int, time_ms: int, chance: random.Random) -> tuple[str, list[tuple[str, AnyEvent]]]:
    """Return the id of the job of that number and time and its events with their topics."""
    job_id = uuid7(time_ms, chance.randbytes(10))
    attempt = f"{job_id}-1"
    about: dict[str, Any] = {
        "job_id": job_id,
        "tenant": TENANT,
        "queue": "images",
        "model": f"model-{number % 7}",
    }
    prompt = f"a {chance.choice(('red', 'green', 'blue'))} shape number {number} on a wide background"
    asked = {"prompt": prompt, "steps": 20, "seed": number, "width": 512, "height": 512, "cfg_scale": 7.5}
    grouping = {"grouping": f"group-{number % 500}"}
    requested = Requested(**about, time_ms=time_ms, input=asked, metadata=grouping)
    started = AttemptStarted(**about, time_ms=time_ms + 40, attempt_id=attempt, worker="worker-1")
    end: AnyEvent
    if number % 20 == 0:
        end = Failed(**about, time_ms=time_ms + 900, error=ErrorClass.MODEL_ERROR, message="boom")
    else:
        artifact = Artifact(
            name="0.png",
            media_type="image/png",
            size_bytes=400_000,
            sha256=f"{number:064x}",
            key=f"{job_id}/0.png",
        )
        end = Succeeded(
            **about, time_ms=time_ms + 1500, attempt_id=attempt, artifacts=(artifact,), seed=number
        )
    topics = ("requested_images", "attempts_images", "completed_images")
    return job_id, list(zip(topics, (requested, started, end), strict=True))


def rows_of(number: int, time_ms: int, chance: random.Random) -> Iterator[EventRow]:
    """Yield the rows of the job of that number, accepted at that Unix time in ms."""
    job_id, events = events_of(number, time_ms, chance)
    for topic, event in events:
        yield EventRow(
            tenant=TENANT,
            job_id=job_id,
            job_time_ms=time_ms,
            queue=event.queue,
            model=event.model,
            type=str(type(event).__struct_config__.tag),
            attempt=getattr(event, "attempt_id", None),
            time_ms=event.time_ms,
            topic=topic,
            position=Position(f"{number:016x}"),
            payload=codec.encode(event).decode(),
        )


async def fill(folder: Path, jobs: int) -> tuple[list[str], float]:
    """Make an archive of so many jobs; return a sample of their ids, and rows a second of the commits alone."""
    archive = IcebergArchive(local_home(folder))
    chance = random.Random(7)
    sample: list[str] = []
    spent_s, rows_written = 0.0, 0
    try:
        await archive.prepare()
        await archive.watermark()
        for first in range(0, jobs, _COMMIT_JOBS):
            numbers = range(first, min(first + _COMMIT_JOBS, jobs))
            rows = [row for number in numbers for row in rows_of(number, time_of(number, jobs), chance)]
            sample.extend(
                row.job_id for row in rows[:: max(3, len(rows) * jobs // _COMMIT_JOBS // LOOKUPS // 3 * 3)]
            )
            started_s = time.perf_counter()
            await archive.commit(rows, {row.topic: row.position for row in rows[-3:]})
            spent_s += time.perf_counter() - started_s
            rows_written += len(rows)
        await archive.compact()
        await archive.expire_snapshots(time.time_ns() // 1_000_000 + 1)
    finally:
        await archive.close()
    return sample, rows_written / spent_s


async def timed_ms(work: Callable[[], Awaitable[object]]) -> float:
    """Return how long one call takes, in ms."""
    started_s = time.perf_counter()
    await work()
    return (time.perf_counter() - started_s) * 1000


async def lookups(*archives: tuple[DuckDbHistory, list[str]]) -> list[float]:
    """Return for each archive the median duration of looking up a job by id, in ms.

    They take turns, so that whatever else the machine does is shared. Every look-up must find all events.
    """
    chance = random.Random(11)
    times: list[list[float]] = [[] for _ in archives]
    for _ in range(LOOKUPS):
        for (history, ids), taken in zip(archives, times, strict=True):
            job_id = chance.choice(ids)
            started_s = time.perf_counter()
            events = await history.events(TENANT, job_id)
            taken.append((time.perf_counter() - started_s) * 1000)
            assert len(events) == 3
    return [statistics.median(taken) for taken in times]


async def measure(folder: Path, jobs: int, small: int) -> list[Figure]:
    """Make both archives and measure them."""
    small_ids, _ = await fill(folder / "small", small)
    ids, rows_per_s = await fill(folder / "large", jobs)
    few = await DuckDbHistory.open(folder / "small")
    many = await DuckDbHistory.open(folder / "large")
    try:
        before_bytes = psutil.Process().memory_info().rss
        first_ms = await timed_ms(lambda: many.events(TENANT, ids[0]))
        await few.events(TENANT, small_ids[0])
        few_ms, many_ms = await lookups((few, small_ids), (many, ids))
        figures = [
            Figure(name=f"archive, {jobs:,} jobs", value=rows_per_s, unit="rows/s"),
            Figure(name="first look-up of a process", value=first_ms, unit="ms"),
            Figure(
                name=f"look-up by id, p50, {jobs:,} jobs",
                value=many_ms,
                unit="ms",
                aim="≤ 100 ms",
                met=many_ms <= 100,
            ),
            Figure(
                name=f"the same, beside {small:,} jobs",
                value=many_ms,
                unit="ms",
                peer=few_ms,
                aim="≤ 1.5×",
                met=many_ms <= 1.5 * few_ms,
            ),
        ]
        figures.extend(await _lists(many, ids))
        figures.extend(await _queries(many))
        grown = psutil.Process().memory_info().rss - before_bytes
        figures.append(Figure(name="memory that reading added", value=grown / (1 << 20), unit="MiB"))
    finally:
        await few.close()
        await many.close()
    return figures


async def _lists(history: DuckDbHistory, ids: list[str]) -> list[Figure]:
    async def unfinished() -> None:
        async for _ in history.unfinished():
            raise AssertionError("every job has ended")

    old = ids[len(ids) // 3]
    newest = await timed_ms(lambda: history.jobs(TENANT, JobFilter(), None, 50))
    older = await timed_ms(lambda: history.jobs(TENANT, JobFilter(), old, 50))
    rare = await timed_ms(lambda: history.jobs(TENANT, JobFilter(grouping="group-3"), None, 50))
    start = await timed_ms(unfinished)
    return [
        Figure(name="list, newest 50", value=newest, unit="ms"),
        Figure(name="list, 50 from the middle", value=older, unit="ms"),
        Figure(name="list, 50 of one grouping in 500", value=rare, unit="ms"),
        Figure(name="unfinished jobs (start of an API)", value=start, unit="ms"),
    ]


async def _queries(history: DuckDbHistory) -> list[Figure]:
    statements = {
        "SQL: count(*) of job_events": "SELECT count(*) FROM job_events",
        "SQL: count(*) of jobs": "SELECT count(*) FROM jobs",
        "SQL: jobs by status": "SELECT status, count(*) FROM jobs GROUP BY 1",
        "SQL: failures by model and hour": (
            "SELECT model, date_trunc('hour', failed_at) AS hour, count(*) AS failures "
            "FROM failures GROUP BY 1, 2 ORDER BY 2, 1"
        ),
        "SQL: usage of one day": (
            "SELECT model, sum(jobs), sum(run_seconds) FROM usage "
            "WHERE hour >= TIMESTAMP '2026-01-05 00:00:00' AND hour < TIMESTAMP '2026-01-06 00:00:00' GROUP BY 1"
        ),
    }
    # The first query of a process loads the SQL parser.
    await history.query(TENANT, "SELECT 1", _LIMITS)
    return [
        Figure(name=name, value=await timed_ms(partial(history.query, TENANT, sql, _LIMITS)), unit="ms")
        for name, sql in statements.items()
    ]


def main() -> None:
    """Measure, print the table and write `bench/results/history.json`."""
    parser = argparse.ArgumentParser(description="Measure look-ups and SQL over a large archive.")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="jobs of the large archive")
    parser.add_argument("--small", type=int, default=SMALL, help="jobs of the small one")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to make them; default: a temporary folder"
    )
    parser.add_argument("--out", type=Path, default=Path("bench/results/history.json"))
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="evoke-history-", dir=arguments.folder))
    try:
        figures = asyncio.run(measure(folder, arguments.jobs, arguments.small))
    finally:
        shutil.rmtree(folder)
    print_table(figures)
    write_json(figures, arguments.out)


if __name__ == "__main__":
    main()
