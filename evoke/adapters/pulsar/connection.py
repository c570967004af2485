"""A client of the broker whose blocking calls run on threads, each with a deadline."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pulsar

from evoke.adapters.pulsar.administration import Administration
from evoke.adapters.pulsar.place import CALL_S, Place, translated
from evoke.domain.errors import Unavailable

T = TypeVar("T")
_THREADS = 16
_SWITCH_S = 0.0005
"""How long a thread may keep Python's lock from others. The client's threads want it for every message and every
acknowledgement: by the usual 5 ms a busy event loop lets them do some hundred of these a second."""


class Connection:
    """Opened by its first use. `closed` once `close` was called.

    epoch: of the positions of what is read and appended. reading: held by the reader that takes messages just now.
    """

    def __init__(self, place: Place) -> None:
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
        self.place = place
        self.closed = False
        self.epoch = 0
        self.reading = threading.Lock()
        self.client = pulsar.Client(place.url, **place.client_options())
        self.administration = Administration(place)
        self._threads = ThreadPoolExecutor(_THREADS, "pulsar")

    def require_open(self) -> None:
        """Raises Unavailable once it is closed."""
        if self.closed:
            raise Unavailable("the connection to Pulsar is closed")

    async def call(
        self, what: str, work: Callable[..., T], *arguments: Any, within_s: float = 2 * CALL_S
    ) -> T:
        """Do blocking work on a thread. Raises Unavailable when it fails, or takes longer than `within_s` seconds."""
        self.require_open()
        doing = asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments))
        try:
            return await asyncio.wait_for(asyncio.shield(doing), within_s)
        except TimeoutError:
            doing.add_done_callback(_forget)
            raise Unavailable(f"{what}: the broker does not answer") from None
        except asyncio.CancelledError:
            doing.add_done_callback(_forget)
            raise
        except pulsar.PulsarException as error:
            raise translated(error, what) from error

    async def close(self) -> None:
        """Close the client; what still waits ends. Idempotent."""
        if self.closed:
            return
        closing = asyncio.get_running_loop().run_in_executor(self._threads, self.client.close)
        self.closed = True
        done, _ = await asyncio.wait({closing}, timeout=CALL_S)
        for each in done:
            _forget(each)
        self._threads.shutdown(wait=False, cancel_futures=True)


def _forget(future: asyncio.Future[Any]) -> None:
    """Nobody waits for the outcome any more."""
    if not future.cancelled():
        future.exception()
