"""Keeps a hot view up to date: restores it, follows the log, hears progress, lets archived jobs go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

from evoke.continuity import require_continued
from evoke.domain.errors import Unavailable
from evoke.hot_view.restoring import restore
from evoke.hot_view.view import HotView
from evoke.ports.event_log import EventLog
from evoke.ports.history import History
from evoke.ports.progress_channel import ProgressChannel

_log = logging.getLogger(__name__)
_ROOM_INTERVAL_S = 1.0
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 5.0


class Follower:
    """The tasks behind a hot view. `run` is their owner; cancel it to end them."""

    def __init__(  # noqa: PLR0913  # the three ports and the view it stands between
        self,
        view: HotView,
        log: EventLog,
        history: History,
        progress: ProgressChannel,
        *,
        tenants: Callable[[], Sequence[str]],
        keys_since_ms: int,
    ) -> None:
        """tenants: whose keys and letters to restore. keys_since_ms: Unix time in ms of the oldest key that counts."""
        self._view = view
        self._log = log
        self._history = history
        self._progress = progress
        self._tenants = tenants
        self._keys_since_ms = keys_since_ms
        self.ready = asyncio.Event()
        self.lost: str | None = None
        self._archived: str | None = None

    async def run(self) -> None:
        """Follow until cancelled. Raises LogCorrupt, LogReplaced; while something is unavailable it tries again and
        again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._hear())
            tasks.create_task(self._make_room())

    async def catch_up(self, timeout_s: float) -> None:
        """Wait until everything that is in the log now is folded. Raises Unavailable."""
        topics = tuple(self._view.arrivals.cursors)
        # Side by side: on Pulsar each is a call of the broker's admin API.
        ends = await asyncio.gather(*(self._log.end(topic) for topic in topics))
        for topic, end in zip(topics, ends, strict=True):
            await self._view.arrivals.wait(topic, end, timeout_s)

    async def _follow(self) -> None:
        backoff_s = _FIRST_BACKOFF_S
        restored = False
        while True:
            try:
                if not restored:
                    await self._restore()
                    restored = True
                await self._tail()
            except Unavailable as error:
                self.lost = str(error)
                _log.warning("the log cannot be followed now: %s", error, extra={"retry_s": backoff_s})
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)

    async def _restore(self) -> None:
        self._archived = await self._history.log()
        for topic, position in (await self._history.watermark()).items():
            if topic in self._view.arrivals.cursors:
                self._view.arrivals.advance(topic, position)
        await restore(self._view, self._history, self._tenants(), self._keys_since_ms)

    async def _tail(self) -> None:
        await require_continued(self._log, self._archived, self._view.arrivals.cursors)
        ready = asyncio.create_task(self._get_ready())
        try:
            async with aclosing(cast(Any, self._log.tail(self._view.arrivals.cursors))) as batches:
                async for batch in batches:
                    self.lost = None
                    self._view.fold(batch)
        finally:
            ready.cancel()

    async def _get_ready(self) -> None:
        """Ready once what was in the log at the start of the tail is folded."""
        while not self.ready.is_set():
            try:
                await self.catch_up(_LONGEST_BACKOFF_S)
            except Unavailable:
                await asyncio.sleep(_FIRST_BACKOFF_S)
            else:
                self.lost = None
                self.ready.set()

    async def _hear(self) -> None:
        while True:
            try:
                reports = cast(Any, await self._progress.subscribe(self._view.queues))
                async with aclosing(reports):
                    async for payload in reports:
                        self._view.watchers.report(payload)
            except Unavailable as error:
                _log.warning("progress cannot be heard now: %s", error)
            await asyncio.sleep(_FIRST_BACKOFF_S)

    async def _make_room(self) -> None:
        while True:
            await asyncio.sleep(_ROOM_INTERVAL_S)
            if not self._view.crowded:
                continue
            try:
                gone = self._view.make_room(await self._history.watermark())
            except Unavailable as error:
                _log.warning("the archive's watermark cannot be read: %s", error)
            else:
                _log.debug("jobs left the hot view", extra={"jobs": gone})
