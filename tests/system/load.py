"""Jobs in the background, and the wait for all of them."""

from __future__ import annotations

import asyncio
import random
import threading
import time

from evoke.bootstrap import open_event_log, parts_of
from evoke.domain.errors import Unavailable
from tests.system.promises import LogCopy, copy_of_log
from tests.system.world import World


async def read_log(world: World) -> LogCopy:
    """All entries of the world's log. A server that was just started may need a while to answer."""
    end = time.monotonic() + 90
    while True:
        try:
            return await _read_log(world)
        except Unavailable:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.5)


async def _read_log(world: World) -> LogCopy:
    log = await open_event_log(world.settings)
    try:
        return await copy_of_log(log, [world.queue], parts_of(world.settings))
    finally:
        await log.close()


def submit_for(world: World, seconds: float) -> threading.Thread:
    """Submit mixed jobs in the background for a while."""

    def submit() -> None:
        chance = random.Random(1)  # not for secrets
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = {
                "behaviour": "work",
                "seconds": chance.uniform(0, 0.2),
                "text": "é" * chance.randrange(50),
                "size_bytes": chance.randrange(100_000),
            }
            world.client.submit("scripted", value)
            time.sleep(chance.uniform(0, 0.05))

    thread = threading.Thread(target=submit)
    thread.start()
    return thread


def wait_for_all(world: World) -> None:
    """Wait until every acknowledged job is at its end, for as long as it takes within the deadline."""
    for job_id in list(world.client.acknowledged):
        world.client.wait(job_id, deadline_s=90)
