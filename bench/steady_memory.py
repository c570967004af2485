"""Whether a container's memory stays where it is over many jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.processes import resident_bytes
from bench.report import Figure

_MIB = 1 << 20


async def memory(job: Callable[[int], Awaitable[object]], pid: int, jobs: int, at_a_time: int) -> Figure:
    """The container's resident memory after so many jobs, beside that after a tenth of them.

    job: asks for job number n and waits for its end; `at_a_time` are under way at any moment.
    """
    warm = max(at_a_time * 2, jobs // 10)
    await _all(job, range(warm), at_a_time)
    before = resident_bytes(pid)
    await _all(job, range(warm, jobs), at_a_time)
    after = resident_bytes(pid)
    return Figure(
        name=f"the container's memory after {jobs} jobs, beside {warm}",
        value=after / _MIB,
        unit="MiB",
        peer=before / _MIB,
        aim="≤ 1.02 ×",
        met=after <= 1.02 * before,
    )


async def _all(job: Callable[[int], Awaitable[object]], numbers: range, at_a_time: int) -> None:
    left = iter(numbers)

    async def one_after_the_other() -> None:
        for number in left:
            if not await job(number):
                raise RuntimeError("a run gave nothing")

    async with asyncio.TaskGroup() as group:
        for _ in range(at_a_time):
            group.create_task(one_after_the_other())
