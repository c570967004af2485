"""Threads on which models run, and those who wait for them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from model_containers.sdk.threads import ModelThreads


async def test_who_waits_may_go_and_the_thread_goes_on_to_other_work() -> None:
    threads, began, over, order = ModelThreads(), threading.Event(), threading.Event(), []

    def long() -> None:
        began.set()
        over.wait(30)
        order.append("long")

    waiting = asyncio.create_task(threads.call(long))
    await asyncio.to_thread(began.wait, 30)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    over.set()
    async with asyncio.timeout(30):
        while threads.busy:
            await asyncio.sleep(0.005)
        await threads.call(lambda: order.append("next"))
        while threads.busy:
            await asyncio.sleep(0.005)
    assert order == ["long", "next"]


async def test_who_waits_hears_what_went_wrong() -> None:
    def fail() -> None:
        raise SystemExit("of a library")

    with pytest.raises(SystemExit):
        await ModelThreads().call(fail)
