from __future__ import annotations

import asyncio

import pytest

from services.api.begun import Begun


async def nothing_to_wait_for() -> str:
    return "read"


async def test_what_waits_for_nothing_is_over_at_once() -> None:
    reading = Begun(nothing_to_wait_for())
    assert reading.over
    assert await reading == "read"


async def test_what_waits_goes_on_where_it_waits() -> None:
    steps = []

    async def twice() -> str:
        for step in (1, 2):
            await asyncio.sleep(0.001)
            steps.append(step)
        return "read"

    reading = Begun(twice())
    assert not reading.over
    assert await reading == "read"
    assert steps == [1, 2]


async def test_an_error_before_the_first_wait_is_raised_at_once() -> None:
    async def fails() -> None:
        raise ValueError("too large")

    with pytest.raises(ValueError, match="too large"):
        Begun(fails())


async def test_an_error_after_a_wait_is_raised_to_who_waits() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("too large")

    with pytest.raises(ValueError, match="too large"):
        await Begun(fails())


async def test_a_time_limit_reaches_the_coroutine_which_cleans_up() -> None:
    cleaned = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    reading = Begun(waits())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await reading
    assert cleaned == [True]


async def test_a_coroutine_may_take_a_cancellation_for_its_own() -> None:
    async def survives() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "ended by itself"
        return ""

    reading = Begun(survives())
    waiting = asyncio.ensure_future(_result(reading))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await waiting == "ended by itself"


async def _result(reading: Begun[str]) -> str:
    return await reading
