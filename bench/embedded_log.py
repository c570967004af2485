"""The embedded log and queue by themselves: appends, wake-ups between processes, deliveries.

`python -m bench.embedded_log [--seconds 3]` prints a table and writes JSON. Beside each rate of appends stands what the
disk allows: one `fdatasync` after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import Figure, print_table, write_json
from evoke.adapters.sqlite.log import SqliteLog
from evoke.adapters.sqlite.queue import SqliteQueue
from evoke.ports.event_log import Record

RESULTS = Path(__file__).parent / "results" / "embedded_log.json"
QUEUE = "bench"
PAYLOAD = b"{" + b"x" * 598 + b"}"
PROPERTIES = {"ce_id": "0" * 36, "ce_type": "requested.v1", "ce_subject": "0" * 36, "traceparent": "0" * 55}


def record(topic: str, payload: bytes = PAYLOAD) -> Record:
    """A record of the size that a submission has."""
    return Record(topic, "01900000-0000-7000-8000-000000000000", payload, PROPERTIES)


def syncs_per_second(folder: Path, seconds: float) -> float:
    """How often this disk can make 4 KiB durable in a second."""
    descriptor = os.open(folder / "syncs", os.O_RDWR | os.O_CREAT)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        os.pwrite(descriptor, bytes(4096), (count % 1000) * 4096)
        os.fdatasync(descriptor)
        count += 1
    os.close(descriptor)
    return count / (time.perf_counter() - begin)


async def appends_per_second(path: Path, tasks: int, seconds: float) -> float:
    """Durable appends from so many concurrent tasks of one process."""
    log = await SqliteLog.open(path)
    end, counts = time.perf_counter() + seconds, [0] * tasks

    async def one(task: int) -> None:
        while time.perf_counter() < end:
            await log.append(record(f"requested_{QUEUE}"))
            counts[task] += 1

    begin = time.perf_counter()
    await asyncio.gather(*(one(task) for task in range(tasks)))
    rate = sum(counts) / (time.perf_counter() - begin)
    await log.close()
    return rate


async def follow(path: Path) -> None:
    """The other process of `wakeups_ms`: tell the time at which each entry came out of its tail."""
    log = await SqliteLog.open(path)
    print("ready", flush=True)
    async for batch in log.tail({"attempts_bench": None}):
        now = time.monotonic_ns()
        for entry in batch:
            if entry.payload == b"end":
                await log.close()
                return
            print(json.dumps([now, int(entry.payload)]), flush=True)


async def wakeups_ms(path: Path, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the begin, and from the end, of an append until the tail of another process has it."""
    log = await SqliteLog.open(path)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.embedded_log", "--follow", str(path), stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    await other.stdout.readline()
    acknowledged: dict[int, int] = {}
    for _ in range(count):
        begin = time.monotonic_ns()
        await log.append(record("attempts_bench", b"%d" % begin))
        acknowledged[begin] = time.monotonic_ns()
        await asyncio.sleep(0.005)
    await log.append(record("attempts_bench", b"end"))
    seen = [json.loads(line) async for line in other.stdout]
    await other.wait()
    await log.close()
    whole = [(now - begin) / 1e6 for now, begin in seen]
    return whole, [(now - acknowledged[begin]) / 1e6 for now, begin in seen]


async def deliveries_per_second(path: Path, slots: int, count: int) -> float:
    """Requests that one worker with so many slots takes and acks in a second, one by one."""
    log, queue = await SqliteLog.open(path), await SqliteQueue.open(path)
    await asyncio.gather(*(log.append(record(f"requested_{QUEUE}_2")) for _ in range(count)))
    subscription = await queue.subscribe(f"{QUEUE}_2", "worker")
    left = count

    async def slot() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            for delivery in await subscription.receive(1):
                await subscription.ack(delivery)

    begin = time.perf_counter()
    await asyncio.gather(*(slot() for _ in range(slots)))
    rate = count / (time.perf_counter() - begin)
    await queue.close()
    await log.close()
    return rate


async def tailed_per_second(path: Path) -> float:
    """Entries that a tail reads in a second when it is behind."""
    log = await SqliteLog.open(path)
    count, begin = 0, time.perf_counter()
    async for batch in log.tail(
        {f"requested_{QUEUE}": None, "attempts_bench": None, "completed_bench": None}
    ):
        count += len(batch)
        if len(batch) < 500 or count >= 50_000:
            break
    rate = count / (time.perf_counter() - begin)
    await log.close()
    return rate


def percentile(values: list[float], percent: int) -> float:
    """By `statistics.quantiles`, inclusive."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def figure(
    name: str, value: float, unit: str, at_least: float | None = None, below: float | None = None
) -> Figure:
    """A figure and whether it met its aim."""
    if at_least is not None:
        return Figure(name=name, value=value, unit=unit, aim=f"≥ {at_least:,.0f}", met=value >= at_least)
    if below is not None:
        return Figure(name=name, value=value, unit=unit, aim=f"≤ {below:g}", met=value <= below)
    return Figure(name=name, value=value, unit=unit)


async def measure(folder: Path, seconds: float) -> list[Figure]:
    """All figures, on an empty log. The peer of a rate of appends is the disk."""
    path = folder / "log.sqlite"
    syncs = syncs_per_second(folder, seconds / 3)
    figures = []
    for tasks, aim, met_at in ((1, "", 0.0), (64, "≥ 10,000", 1e4), (512, "", 0.0)):
        rate = await appends_per_second(path, tasks, seconds)
        met = rate >= met_at if aim else None
        name = f"durable appends, {tasks} concurrent (peer: fdatasync of 4 KiB)"
        figures.append(Figure(name=name, value=rate, unit="/s", peer=syncs, aim=aim, met=met))
    whole, after = await wakeups_ms(path, 400)
    return [
        *figures,
        figure("append → tail of another process, p50", percentile(whole, 50), "ms"),
        figure("append → tail of another process, p99", percentile(whole, 99), "ms"),
        figure("acknowledged → tail of another process, p50", percentile(after, 50), "ms", below=2),
        figure("acknowledged → tail of another process, p99", percentile(after, 99), "ms"),
        figure("receive + ack, 32 slots", await deliveries_per_second(path, 32, 6000), "/s", at_least=2000),
        figure("receive + ack, 1 slot", await deliveries_per_second(path, 1, 1000), "/s"),
        figure("tail that is behind", await tailed_per_second(path), "/s"),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement of appends")
    parser.add_argument("--folder", type=Path, help="where to put the log; unset: a temporary folder")
    parser.add_argument("--follow", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.follow is not None:
        asyncio.run(follow(chosen.follow))
        return
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        figures = asyncio.run(measure(Path(folder), chosen.seconds))
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
