"""History on Trino at size: cold look-ups by id and SQL, over the real servers, which it starts itself.

    python -m bench.trino_history [--jobs 1000000] [--hours 500] [--folder DIR]

The archive is made through the real adapter (Iceberg REST catalog, Parquet in S3): first ten thousand jobs, then all
of them, over the same hours, three events for each; then as many again within one day. Look-ups go through
`History.events`, each for another job; what Trino itself keeps of metadata is part of the figure.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.history import TENANT, rows_of, time_of, timed_ms
from bench.report import Figure, print_table, write_json
from evoke.bootstrap import open_archive, open_history
from evoke.ports.archive import Archive
from evoke.ports.history import History, JobFilter, QueryLimits
from evoke.settings import Settings, load_settings
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.evoke_settings import addresses
from infrastructure.local.stack.server import ACCESS_KEY, SECRET_KEY
from infrastructure.local.stack.servers import SERVERS
from infrastructure.local.stack.stack import Stack

SMALL = 10_000
LOOKUPS = 100
WARM_UP = 30
HEAP_MB = 3072
"""Of Trino: to fold a million jobs at once takes more than the small heap that a local stack has."""
_COMMIT_JOBS = 20_000
_DAY_AFTER_MS = 1000 * 3_600_000
"""The full day lies so long after the first job, clear of all others."""
_LIMITS = QueryLimits(time_s=600.0, scan_bytes=1 << 40)


@dataclass(frozen=True)
class Spread:
    """So many jobs over so many hours; after_ms: how long after the first moment they begin."""

    jobs: int
    hours: int
    after_ms: int = 0

    def moment(self, number: int) -> int:
        """Unix ms of the job of that number."""
        return time_of(number, self.jobs, self.hours) + self.after_ms


async def fill(
    archive: Archive, spread: Spread, numbers: Sequence[int], seed: int
) -> tuple[list[str], float]:
    """Archive the jobs of these numbers; return their ids, and rows a second of the commits alone."""
    chance = random.Random(seed)
    ids: list[str] = []
    spent_s, count = 0.0, 0
    await archive.watermark()
    for first in range(0, len(numbers), _COMMIT_JOBS):
        some = numbers[first : first + _COMMIT_JOBS]
        rows = [row for number in some for row in rows_of(number, spread.moment(number), chance)]
        ids.extend(row.job_id for row in rows[::3])
        began_s = time.perf_counter()
        await archive.commit(rows, {})
        spent_s += time.perf_counter() - began_s
        count += len(rows)
    await archive.compact()
    return ids, count / spent_s


async def lookups_ms(history: History, ids: Sequence[str], count: int) -> list[float]:
    """Look up so many jobs, each another one; return each duration in ms. Every look-up must find all events."""
    taken = []
    for job_id in random.Random(count).sample(ids, count):
        began_s = time.perf_counter()
        events = await history.events(TENANT, job_id)
        taken.append((time.perf_counter() - began_s) * 1000)
        assert len(events) == 3
    return taken


async def measure(settings: Settings, jobs: int, hours: int) -> list[Figure]:
    """Make the archive step by step and measure it."""
    archive, history = await open_archive(settings), await open_history(settings)
    try:
        await archive.prepare()
        spread = Spread(jobs, hours)
        every = max(1, jobs // SMALL)
        few, _ = await fill(archive, spread, range(0, jobs, every), 7)
        await lookups_ms(history, few, WARM_UP)
        few_ms = await lookups_ms(history, few, LOOKUPS)
        rest = [number for number in range(jobs) if number % every]
        many, rows_per_s = await fill(archive, spread, rest, 8)
        await lookups_ms(history, many, WARM_UP)
        many_ms = await lookups_ms(history, many, LOOKUPS)
        figures = [
            Figure(name="archive (REST catalog, S3)", value=rows_per_s, unit="rows/s"),
            *_of_lookups(jobs, hours, few_ms, many_ms),
            *await _of_lists(history, many),
        ]
        # The full day takes long to make: what is known so far is not lost with it.
        print_table(figures)
        sys.stdout.flush()
        await fill(archive, Spread(jobs, 24, _DAY_AFTER_MS), range(jobs), 9)
        size = await archive.size()
        figures += await _of_queries(history, jobs)
        print(f"{size.rows:,} rows in {size.files:,} files of {size.size_bytes / (1 << 20):,.0f} MiB")
    finally:
        await archive.close()
        await history.close()
    return figures


def _of_lookups(jobs: int, hours: int, few_ms: list[float], many_ms: list[float]) -> Iterator[Figure]:
    few, many = statistics.median(few_ms), statistics.median(many_ms)
    yield Figure(
        name=f"cold look-up by id, p50, {jobs:,} jobs in {hours} partitions",
        value=many,
        unit="ms",
        aim="≤ 400 ms",
        met=many <= 400,
    )
    yield Figure(
        name=f"the same, beside {SMALL:,} jobs",
        value=many,
        unit="ms",
        peer=few,
        aim="≤ 1.3×",
        met=many <= 1.3 * few,
    )
    yield Figure(name="the same, p95", value=statistics.quantiles(many_ms, n=20)[-1], unit="ms")


async def _of_lists(history: History, ids: Sequence[str]) -> list[Figure]:
    async def unfinished() -> None:
        async for _ in history.unfinished():
            raise AssertionError("every job has ended")

    anywhere = random.Random(3).choice(ids)
    by_id = f"SELECT count(*) FROM job_events WHERE lower(job_id) = '{anywhere}'"
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "watermark": history.watermark,
        "list, newest 50": lambda: history.jobs(TENANT, JobFilter(), None, 50),
        "list, 50 from the middle": lambda: history.jobs(TENANT, JobFilter(), anywhere, 50),
        "list, 50 of one grouping in 500": lambda: history.jobs(
            TENANT, JobFilter(grouping="group-3"), None, 50
        ),
        "unfinished jobs (start of an API)": unfinished,
        "SQL: one job by a scan of all history": lambda: history.query(TENANT, by_id, _LIMITS),
    }
    return [await _figure(name, work) for name, work in asked.items()]


async def _of_queries(history: History, jobs: int) -> list[Figure]:
    first = datetime.fromtimestamp(Spread(jobs, 24, _DAY_AFTER_MS).moment(0) / 1000, UTC)
    day = (
        f"created_at >= TIMESTAMP '{first:%Y-%m-%d %H:%M:%S}' "
        f"AND created_at < TIMESTAMP '{first + timedelta(days=1):%Y-%m-%d %H:%M:%S}'"
    )
    statements = {
        "count(*) of jobs": f"SELECT count(*) FROM jobs WHERE {day}",
        "jobs by status": f"SELECT status, count(*) FROM jobs WHERE {day} GROUP BY 1",
        "usage by model": f"SELECT model, sum(jobs), sum(run_seconds) FROM usage "
        f"WHERE {day.replace('created_at', 'hour')} GROUP BY 1",
    }
    failures = (
        "SELECT model, date_trunc('hour', failed_at) AS hour, count(*) AS failures "
        f"FROM failures WHERE {day} GROUP BY 1, 2 ORDER BY 2, 1"
    )
    found = await _figure(
        f"SQL: failures by model and hour, a day of {jobs:,} jobs",
        lambda: history.query(TENANT, failures, _LIMITS),
        most_ms=5000,
    )
    others = [
        await _figure(f"SQL: {name}, the same day", partial(history.query, TENANT, sql, _LIMITS))
        for name, sql in statements.items()
    ]
    return [found, *others]


async def _figure(name: str, work: Callable[[], Awaitable[object]], most_ms: float | None = None) -> Figure:
    """The median of three calls, after one that nobody counts."""
    await work()
    value = statistics.median([await timed_ms(work) for _ in range(3)])
    aim, met = ("", None) if most_ms is None else (f"≤ {most_ms / 1000:g} s", value <= most_ms)
    return Figure(name=name, value=value, unit="ms", aim=aim, met=met)


def main() -> None:
    """Start the servers, measure, print the table and write `bench/results/trino_history.json`."""
    parser = argparse.ArgumentParser(description="Measure history on Trino over a large archive.")
    parser.add_argument(
        "--jobs", type=int, default=1_000_000, help="jobs of the archive, and of its full day"
    )
    parser.add_argument("--hours", type=int, default=500, help="partitions that the archive's jobs lie in")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to put the servers' data; default: temporary"
    )
    parser.add_argument("--out", type=Path, default=Path("bench/results/trino_history.json"))
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="evoke-trino-", dir=arguments.folder))
    os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    stack = Stack(folder, cache_folder())
    try:
        stack.up(["trino"], {name: 0 for server in SERVERS for name in server.ports}, {"trino": HEAP_MB})
        settings = load_settings({"engine": "distributed", **addresses(stack.ports)})
        figures = asyncio.run(measure(settings, arguments.jobs, arguments.hours))
    finally:
        stack.down()
        shutil.rmtree(folder)
    print_table(figures)
    write_json(figures, arguments.out)


if __name__ == "__main__":
    main()
