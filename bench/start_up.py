"""How long an API takes to be ready after a week of traffic, over the real servers, which it starts itself.

    python -m bench.start_up [--jobs 1000000] [--unfinished 1000] [--starts 3] [--folder DIR]

The archive holds the jobs of the last seven days, three events each, and jobs that were only ever submitted; the topics
hold nothing. Ready means: /readyz answers 200 and the API knows every unfinished job, by id and in its count of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.history import rows_of, time_of
from bench.processes import free_port, python, running
from bench.report import Figure, print_table, write_json
from bench.trino_history import Spread, fill
from evoke.bootstrap import open_archive, prepare_engine
from evoke.settings import Settings, load_settings
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.evoke_settings import addresses, environment
from infrastructure.local.stack.server import ACCESS_KEY, SECRET_KEY
from infrastructure.local.stack.servers import SERVERS
from infrastructure.local.stack.stack import Stack

HOURS = 7 * 24
QUEUE = "images"
"""That of the jobs which `bench.history` makes."""
READY_S = 600.0
AIM_S = 20.0
CATALOGUE = f"""
models:
  - {{id: images, title: Images, task: text-to-image, queue: {QUEUE}, container: images, input: {{type: object}}}}
"""


async def fill_week(settings: Settings, jobs: int, unfinished: int) -> list[str]:
    """Archive the last week's jobs; return the ids of those that have not ended."""
    archive = await open_archive(settings)
    week = Spread(jobs, HOURS, _until_now_ms(jobs))
    chance = random.Random(11)  # not that of `fill`: its jobs have ended
    try:
        await archive.prepare()
        await fill(archive, week, range(jobs), 7)
        every = max(1, jobs // unfinished)
        submitted = [next(rows_of(number, week.moment(number), chance)) for number in range(0, jobs, every)]
        await archive.commit(submitted, {})
    finally:
        await archive.close()
    return [row.job_id for row in submitted]


def _until_now_ms(jobs: int) -> int:
    """How long after the first moment the week begins that ends now."""
    return time.time_ns() // 1_000_000 - time_of(jobs - 1, jobs, HOURS) - 60_000


def start_s(settings: dict[str, str], folder: Path, waiting: list[str]) -> float:
    """Start an API and return the seconds until it is ready. Every job of `waiting` must be known then."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    began_s = time.perf_counter()
    with running(python("services.api"), folder / "api.log", {**settings, "EVOKE_PORT": str(port)}):
        while _get(f"{url}/readyz") is None:
            if time.perf_counter() - began_s > READY_S:
                raise SystemExit(f"the API was not ready within {READY_S:.0f} s; see {folder / 'api.log'}")
            time.sleep(0.05)
        took_s = time.perf_counter() - began_s
        shown = (_get(f"{url}/metrics") or b"").decode()
        known = sum(map(float, re.findall(r"^evoke_queue_waiting{.*} (.+)$", shown, re.MULTILINE)))
        assert known == len(waiting), f"{known} of {len(waiting)} unfinished jobs are known"
        for job_id in random.Random(1).sample(waiting, min(20, len(waiting))):
            assert json.loads(_get(f"{url}/v1/jobs/{job_id}") or b"{}").get("status") == "queued", job_id
    return took_s


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            found: bytes = answer.read()
    except OSError:
        return None
    return found


def figures_of(jobs: int, unfinished: int, taken_s: list[float]) -> Iterator[Figure]:
    """The median of the starts, and the longest."""
    median_s = statistics.median(taken_s)
    yield Figure(
        name=f"API ready, {jobs:,} jobs in a week, {unfinished:,} unfinished, p50",
        value=median_s,
        unit="s",
        aim=f"≤ {AIM_S:g} s",
        met=median_s <= AIM_S,
    )
    yield Figure(name=f"the longest of {len(taken_s)} starts", value=max(taken_s), unit="s")


def measure(stack: Stack, folder: Path, jobs: int, unfinished: int, starts: int) -> list[Figure]:
    """Make the week, then start an API again and again."""
    (folder / "models.yaml").write_text(CATALOGUE, encoding="utf-8")
    settings = load_settings({"engine": "distributed", **addresses(stack.ports)})
    for _ in prepare_engine(settings, [QUEUE]):
        pass
    waiting = asyncio.run(fill_week(settings, jobs, unfinished))
    told = {**environment(stack.ports), "EVOKE_CATALOGUE": str(folder / "models.yaml")}
    taken_s = [start_s(told, folder, waiting) for _ in range(starts)]
    return list(figures_of(jobs, len(waiting), taken_s))


def main() -> None:
    """Start the servers, measure, print the table and write `bench/results/start_up.json`."""
    parser = argparse.ArgumentParser(description="Measure the start of an API after a week of traffic.")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="jobs of the week")
    parser.add_argument(
        "--unfinished", type=int, default=1_000, help="about so many more that have not ended"
    )
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="for the servers' data; default: temporary")
    parser.add_argument("--out", type=Path, default=Path("bench/results/start_up.json"))
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="evoke-start-up-", dir=arguments.folder))
    os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    stack = Stack(folder / "stack", cache_folder())
    try:
        stack.up((), {name: 0 for server in SERVERS for name in server.ports})
        figures = measure(stack, folder, arguments.jobs, arguments.unfinished, arguments.starts)
    finally:
        stack.down()
        shutil.rmtree(folder)
    print_table(figures)
    write_json(figures, arguments.out)


if __name__ == "__main__":
    main()
