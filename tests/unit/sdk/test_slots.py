"""So many runs at once, the others in order, further ones refused."""

from __future__ import annotations

import asyncio

import pytest

from model_containers.sdk.slots import Busy, Slots


async def test_waiting_runs_get_their_turn_in_order() -> None:
    slots, order = Slots(1, 3), []

    async def run(number: int) -> None:
        await slots.acquire()
        order.append(number)

    await slots.acquire()
    tasks = [asyncio.create_task(run(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert order == []
    for number in range(3):
        slots.release()
        await asyncio.wait({tasks[number]}, timeout=10)
    assert order == [0, 1, 2]


async def test_beyond_the_bound_a_run_is_refused_at_once() -> None:
    slots = Slots(1, 1)
    await slots.acquire()
    waiting = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await slots.acquire()
    slots.release()
    await waiting


@pytest.mark.parametrize("had_its_turn", [False, True])
async def test_a_run_that_is_cancelled_while_it_waits_takes_no_slot(had_its_turn: bool) -> None:
    slots = Slots(1, 2)
    await slots.acquire()
    cancelled = asyncio.create_task(slots.acquire())
    next_one = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    if had_its_turn:
        slots.release()
        cancelled.cancel()
    else:
        cancelled.cancel()
        await asyncio.wait({cancelled})
        slots.release()
    async with asyncio.timeout(10):
        await next_one
    assert cancelled.cancelled()
    slots.release()
    await slots.acquire()
