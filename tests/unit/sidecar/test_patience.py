"""Writes that matter are tried until they succeed."""

from __future__ import annotations

import asyncio

import pytest

from evoke.domain.errors import LogCorrupt, StorageFull, Unavailable
from worker_sidecar.patience import persist


async def test_a_write_is_repeated_until_it_is_taken() -> None:
    failures: list[Unavailable] = [Unavailable("locked"), StorageFull("full"), Unavailable("locked")]
    retries: list[int] = []

    async def write() -> str:
        if failures:
            raise failures.pop()
        return "done"

    async with asyncio.timeout(30):
        assert await persist(write, "a write", lambda: retries.append(1)) == "done"
    assert len(retries) == 3


async def test_what_waiting_does_not_mend_is_raised_at_once() -> None:
    async def write() -> None:
        raise LogCorrupt("torn")

    with pytest.raises(LogCorrupt):
        await persist(write, "a write", lambda: pytest.fail("it must not be tried again"))


async def test_cancelling_ends_it() -> None:
    async def write() -> None:
        raise Unavailable("never")

    task = asyncio.create_task(persist(write, "a write", lambda: None))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
