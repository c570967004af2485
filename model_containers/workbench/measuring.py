"""`evoke model bench`: how many runs a second a container serves, and how long each takes."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from model_containers.workbench.connection import Request
from model_containers.workbench.container import Container
from model_containers.workbench.outcome import RunFailed, outcome_of
from model_containers.workbench.running import run_request


@dataclass(frozen=True)
class Measured:
    """So many runs at once. runs: those that succeeded. p50_s, p95_s: of one run, from its call to its end."""

    concurrency: int
    runs: int
    failed: int
    per_s: float
    p50_s: float
    p95_s: float
    first_failure: str = ""


async def measure(container: Container, request: Request, concurrency: int, runs: int) -> Measured:
    """Run the request `runs` times, `concurrency` at once; one run before it is not counted."""
    await run_request(container.connection, request)
    left = iter(range(runs))
    times_s: list[float] = []
    failures: list[str] = []

    async def work() -> None:
        for number in left:
            one = replace(request, job_id=f"bench-{number}")
            transcript = await run_request(container.connection, one)
            try:
                times_s.append(outcome_of(transcript).took_s)
            except RunFailed as failure:
                failures.append(str(failure))

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    took_s = time.monotonic() - began
    return Measured(
        concurrency=concurrency,
        runs=len(times_s),
        failed=len(failures),
        per_s=len(times_s) / took_s,
        p50_s=statistics.median(times_s) if times_s else 0.0,
        p95_s=percentile(times_s, 0.95),
        first_failure=failures[0] if failures else "",
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all is not above (nearest rank); 0 for none."""
    ordered = sorted(values)
    rank = -(-len(ordered) * round(share * 1000) // 1000)
    return ordered[max(0, rank - 1)] if ordered else 0.0


def table(lines: Sequence[Measured]) -> str:
    """The measurements for people."""
    head = f"{'at once':>8} {'runs':>6} {'failed':>6} {'runs/s':>9} {'p50 ms':>9} {'p95 ms':>9}"
    rows = [
        f"{m.concurrency:>8} {m.runs:>6} {m.failed:>6} {m.per_s:>9.2f} {m.p50_s * 1e3:>9.1f} {m.p95_s * 1e3:>9.1f}"
        for m in lines
    ]
    return "\n".join([head, *rows])


def as_json(lines: Sequence[Measured]) -> str:
    """The measurements for programs."""
    return json.dumps([vars(line) for line in lines], indent=2)
