"""Writes that must not be given up while a job is held: tried again, with back-off, until they succeed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from evoke.domain.errors import Unavailable

T = TypeVar("T")

FIRST_S = 0.05
LONGEST_S = 5.0

_log = logging.getLogger(__name__)


async def persist(write: Callable[[], Awaitable[T]], what: str, on_retry: Callable[[], None]) -> T:
    """Do `write` until the log or the queue takes it.

    Bounded by its caller's life alone: while the log can't be written nothing that is true can be said of the job.
    Repeats are harmless: events are folded once, acknowledgements name one delivery. Raises all but Unavailable.
    """
    wait_s = FIRST_S
    while True:
        try:
            return await write()
        except Unavailable as error:
            on_retry()
            _log.warning("%s must be tried again", what, extra={"error": str(error), "code": error.code})
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
        wait_s = min(LONGEST_S, 2 * wait_s)
