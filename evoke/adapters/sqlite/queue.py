"""The workers' side of the queues in SQLite. See `evoke/ports/request_queue.py` for what it promises."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import apsw

from evoke.adapters.sqlite import requests
from evoke.adapters.sqlite.database import Database
from evoke.adapters.sqlite.requests import Receipt, Subscriber, Taken
from evoke.adapters.sqlite.wakeups import Wakeup, takeable
from evoke.adapters.sqlite.writer import Change, Removal
from evoke.domain.errors import EvokeError, InvalidInput, Unavailable
from evoke.domain.topics import Lane
from evoke.ports.request_queue import Delivery, QueueStats

LOOK_S = 0.1
"""How often a waiting subscription looks by itself: for requests, and for others that died."""

_log = logging.getLogger(__name__)


class SqliteQueue:
    """A `RequestQueue` over the log's file. A dead worker is known by its file lock, a hung one by its lease."""

    def __init__(self, database: Database, lease_s: float) -> None:
        self._database: Database | None = database
        self._lease_s = lease_s
        self._subscriptions: set[SqliteSubscription] = set()

    @classmethod
    async def open(cls, path: Path, *, lease_s: float = 10.0, vfs: str | None = None) -> SqliteQueue:
        """Open the file, making it where it is missing.

        lease_s: how long a worker that hangs keeps its requests. Raises as `SqliteLog.open`.
        """
        return cls(await Database.acquire(path, vfs), lease_s)

    async def subscribe(self, queue: str, worker: str, *, bulk_every: int = 8) -> SqliteSubscription:
        """Open a subscription; see `RequestQueue.subscribe`. Raises Unavailable, InvalidInput."""
        if bulk_every < 2:
            raise InvalidInput("bulk_every", "must be at least 2")
        subscriber = Subscriber(secrets.token_hex(12), queue, worker)
        subscription = SqliteSubscription(self._open_database(), subscriber, self._lease_s, bulk_every)
        self._subscriptions.add(subscription)
        try:
            await subscription.start()
        except BaseException:
            await self._closed(subscription)
            raise
        return subscription

    async def stats(self, queue: str) -> QueueStats:
        """Count; see `RequestQueue.stats`. Takes about 10 ms for each 100,000 requests."""
        database = self._open_database()
        found = await database.read(lambda connection: requests.count(connection, queue))
        oldest_s = None if found.oldest_ms is None else max(0.0, time.time() - found.oldest_ms / 1000)
        return QueueStats(
            depth={Lane.INTERACTIVE: found.waiting[0], Lane.BULK: found.waiting[1]},
            delayed=found.delayed,
            in_flight=found.taken,
            oldest_age_s=oldest_s,
            workers=sum(not database.locks.is_dead(token) for token in found.tokens),
        )

    async def close(self) -> None:
        """Close every subscription and release the file; see `RequestQueue.close`."""
        database, self._database = self._database, None
        for subscription in list(self._subscriptions):
            await self._closed(subscription)
        if database is not None:
            await database.release()

    async def _closed(self, subscription: SqliteSubscription) -> None:
        self._subscriptions.discard(subscription)
        await subscription.close()

    def _open_database(self) -> Database:
        if self._database is None:
            raise Unavailable("the queue is closed")
        return self._database


class SqliteSubscription:
    """A `Subscription`."""

    def __init__(self, database: Database, subscriber: Subscriber, lease_s: float, bulk_every: int) -> None:
        self._database = database
        self._subscriber = subscriber
        self._lease_ms = int(lease_s * 1000)
        self._turns = requests.LaneTurns(bulk_every)
        self._lock = database.locks.subscriber(subscriber.token)
        self._lanes = requests.lanes_of(subscriber.queue)
        self._takeable = tuple(takeable(topic) for topic in self._lanes)
        self._wakeups: set[Wakeup] = set()
        self._heartbeat: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Make the subscriber known, and keep its lease from running out."""
        await asyncio.to_thread(self._lock.take)
        await self._renew()
        self._heartbeat = asyncio.create_task(self._keep_lease(), name=f"lease of {self._subscriber.worker}")

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Wait for requests and take some; see `Subscription.receive`. Raises Unavailable, LogCorrupt."""
        if limit < 1:
            raise InvalidInput("limit", "must be at least 1")
        wakeup = self._database.wakeups.listen((*self._lanes, *self._takeable))
        self._wakeups.add(wakeup)
        try:
            while True:
                wakeup.expect()
                if taken := await self._take(limit):
                    return [self._delivery(each) for each in taken]
                await self._something_to_take(wakeup)
        finally:
            self._wakeups.discard(wakeup)

    async def ack(self, delivery: Delivery) -> None:
        """The request is done with; see `Subscription.ack`."""
        await self._write(Removal(self._subscriber.token, Receipt.parse(delivery.receipt)))

    async def give_back(self, delivery: Delivery) -> None:
        """Let others have the request; see `Subscription.give_back`."""
        await self._write(self._giving_back([Receipt.parse(delivery.receipt)]))

    async def retry_later(self, delivery: Delivery, delay_s: float) -> None:
        """Let the request wait; see `Subscription.retry_later`."""
        receipt, token, delay_ms = (
            Receipt.parse(delivery.receipt),
            self._subscriber.token,
            int(delay_s * 1000),
        )
        await self._write(
            Change(
                lambda connection: requests.delay(connection, token, receipt, delay_ms),
                durable=True,
                subjects=self._takeable,
            )
        )

    async def close(self) -> None:
        """Give everything back and end; see `Subscription.close`."""
        if self._closed:
            return
        self._closed = True
        for wakeup in self._wakeups:
            wakeup.fire()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        token = self._subscriber.token
        try:
            await self._database.write(
                Change(lambda connection: requests.forget(connection, token), subjects=self._takeable)
            )
        except EvokeError as error:
            _log.warning(
                "a subscription ended without a word: its lock tells the others", extra={"error": str(error)}
            )
        finally:
            self._lock.close()
            self._database.locks.remove_subscriber(token)

    async def _take(self, limit: int) -> list[Taken]:
        """Take what waits. When this is cancelled, what was taken in vain goes back."""
        subscriber, lease_ms, turns = self._subscriber, self._lease_ms, self._turns
        change = Change(lambda connection: requests.take(connection, subscriber, lease_ms, turns, limit))
        self._require_open()
        self._database.submit(change)
        try:
            taken: list[Taken] = await asyncio.shield(change.future)
        except asyncio.CancelledError:
            change.future.add_done_callback(self._return_unseen)
            raise
        return taken

    def _return_unseen(self, future: asyncio.Future[list[Taken]]) -> None:
        if future.cancelled() or future.exception() is not None or not future.result():
            return
        if self._closed:
            return  # which gave back everything
        try:
            self._database.submit(self._giving_back([each.receipt for each in future.result()]))
        except EvokeError as error:
            _log.warning("what was taken in vain waits for its lease to end", extra={"error": str(error)})

    def _giving_back(self, receipts: Sequence[Receipt]) -> Change:
        token = self._subscriber.token

        def release(connection: apsw.Connection) -> None:
            for receipt in receipts:
                requests.release(connection, token, receipt)

        return Change(release, subjects=self._takeable)

    async def _something_to_take(self, wakeup: Wakeup) -> None:
        """Return when there may be something to take, having looked after the dead meanwhile."""
        timeout_s = LOOK_S
        while not await wakeup.wait(timeout_s):
            view = await self._database.read(lambda connection: requests.look(connection, self._subscriber))
            now_ms = requests.clock_ms()
            if await self._bury(view.others, now_ms) or view.waiting:
                return
            if view.due_ms is not None:
                timeout_s = min(LOOK_S, max(0.0, (view.due_ms - now_ms) / 1000))
                if not timeout_s:
                    return

    async def _bury(self, others: Sequence[tuple[str, int]], now_ms: int) -> bool:
        """Free what dead or hung subscribers hold; tell whether there were any."""
        found = False
        for token, until_ms in others:
            dead = self._database.locks.is_dead(token)
            if dead or until_ms < now_ms:
                found = True
                await self._free(token, dead)
        return found

    async def _free(self, token: str, dead: bool) -> None:
        ended = requests.forget if dead else requests.forget_expired
        await self._write(Change(lambda connection: ended(connection, token), subjects=self._takeable))
        _log.warning(
            "a worker is gone; others take its requests", extra={"subscriber": token, "hung": not dead}
        )
        if dead:
            self._database.locks.remove_subscriber(token)

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 4000)
            try:
                await self._renew()
            except EvokeError as error:
                _log.warning("a lease could not be renewed", extra={"error": str(error)})

    async def _renew(self) -> None:
        subscriber, lease_ms = self._subscriber, self._lease_ms
        await self._write(Change(lambda connection: requests.renew(connection, subscriber, lease_ms)))

    async def _write(self, change: Change | Removal) -> None:
        self._require_open()
        await self._database.write(change)

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("the subscription is closed")

    def _delivery(self, taken: Taken) -> Delivery:
        entry = taken.entry
        return Delivery(
            queue=self._subscriber.queue,
            lane=taken.lane,
            key=entry.key,
            payload=entry.payload,
            receipt=str(taken.receipt),
            properties=entry.properties,
        )
