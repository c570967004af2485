"""The life of a worker: while there is room and a model, take jobs; at the end, let them finish or give them back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from evoke.domain.errors import EvokeError, LogCorrupt, Unavailable, UndecodableEvent
from evoke.domain.events import Requested
from evoke.ports.request_queue import Delivery
from evoke.telemetry import log_context, trace_id_of
from worker_sidecar.attempt import Attempt
from worker_sidecar.dead_letters import bury, read_request
from worker_sidecar.held_jobs import HeldJob, Interruption
from worker_sidecar.room import suspected
from worker_sidecar.workplace import Workplace

AGAIN_S = 0.25
BROKEN_S = 1.0
"""How long a job waits whose attempt broke in the sidecar itself."""

_log = logging.getLogger(__name__)


class Worker:
    """Takes requests of one queue and runs them in one container, up to a number of them at once. It holds none that it
    is not running: a request is received only when there is a slot for it."""

    def __init__(self, place: Workplace, concurrency: int | None, drain_s: float) -> None:
        """concurrency: most jobs at once, None: what the container allows. drain_s: what jobs get at the end."""
        self._place = place
        self._concurrency = concurrency
        self._drain_s = drain_s
        self._running: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        place.metrics.in_flight.set_function(lambda: len(self._tasks))

    async def work(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain. Raises LogCorrupt, and what ends the following of the log."""
        await self._place.held.open()
        following = asyncio.create_task(self._place.held.follow(), name="follow the log")
        taking = asyncio.create_task(self._take_jobs(), name="take jobs")
        stopping = asyncio.create_task(stop.wait(), name="wait for the end")
        try:
            await asyncio.wait({following, taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await _ended(taking)
            if not following.done():
                await self._drain()
        finally:
            for task in (taking, stopping, following, *self._tasks):
                await _ended(task)
        if not following.cancelled():
            following.result()

    async def _take_jobs(self) -> None:
        """Take jobs while the container is there; wait for it when it is not."""
        while True:
            await self._place.link.connect()
            receiving = asyncio.create_task(self._receive(), name="receive")
            lost = asyncio.create_task(self._place.link.lost(), name="watch the container")
            try:
                await asyncio.wait({receiving, lost}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _ended(receiving)
                await _ended(lost)
            if not receiving.cancelled() and (error := receiving.exception()) is not None:
                if isinstance(error, LogCorrupt) or not isinstance(error, EvokeError):
                    raise error
                _log.warning("no jobs can be taken", extra={"error": str(error)})
                await asyncio.sleep(AGAIN_S)

    async def _receive(self) -> None:
        """Receive as many requests as there are free slots, for ever; none while a job is to run alone.

        Raises Unavailable, LogCorrupt.
        """
        while True:
            while (free := self._slots - len(self._tasks)) <= 0 or not self._place.room.open:
                self._freed.clear()
                await self._freed.wait()
            deliveries = await self._place.subscription.receive(free)
            self._place.failpoints.reach("sidecar.after_receive")
            await self._begin(deliveries)
            await asyncio.sleep(0)  # their starts are written first, not behind the next look into the queue

    @property
    def _slots(self) -> int:
        return min(self._concurrency or self._place.link.max_concurrency, self._place.link.max_concurrency)

    async def _begin(self, deliveries: Sequence[Delivery]) -> None:
        """Start what was received. Raises Unavailable when the log does not tell of their past: then all goes back."""
        fresh: dict[str, tuple[Requested, list[Delivery]]] = {}
        for delivery in deliveries:
            try:
                request = read_request(delivery)
            except UndecodableEvent as error:
                self._spawn(delivery.key, self._bury(delivery, str(error)))
                continue
            if delivery.key in self._running:
                self._running[delivery.key].delivered_again(delivery)
            else:
                fresh.setdefault(delivery.key, (request, []))[1].append(delivery)
        try:
            held = await self._place.held.hold(list(fresh))
        except BaseException:
            await self._return([delivery for _, mine in fresh.values() for delivery in mine])
            raise
        for each in held:
            request, mine = fresh[each.job_id]
            await self._begin_one(request, mine, each)

    async def _begin_one(self, request: Requested, deliveries: list[Delivery], held: HeldJob) -> None:
        room = self._place.room
        if not held.ended and not (self._place.link.up and room.open):
            self._place.held.release(held)
            await self._return(deliveries)
            return
        alone = not held.ended and suspected(held.job)
        if not held.ended:
            room.come_in(request.job_id, alone=alone)
        attempt = self._running[request.job_id] = Attempt(self._place, deliveries, request, held, alone)
        self._spawn(request.job_id, self._live(attempt, request, held))

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._free)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._freed.set()

    async def _live(self, attempt: Attempt, request: Requested, held: HeldJob) -> None:
        """One job in its slot, to its end. What the attempt can't answer for is told here, and tried again later."""
        with log_context(job_id=request.job_id, trace_id=trace_id_of(request.traceparent)):
            try:
                await attempt.live()
            except Exception:
                _log.exception("an attempt broke in the sidecar")
                await attempt.put_off(BROKEN_S)
            finally:
                self._place.room.leave(request.job_id)
                self._place.held.release(held)
                self._running.pop(request.job_id, None)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        try:
            await bury(self._place, delivery, reason)
        except Exception:
            _log.exception("a message could not be put aside")
            await self._place.retry_later(delivery, BROKEN_S)

    async def _return(self, deliveries: Sequence[Delivery]) -> None:
        """Give back what was not started."""
        for delivery in deliveries:
            try:
                await self._place.subscription.give_back(delivery)
            except Unavailable as error:  # it stays ours until the subscription ends or the lease runs out
                _log.warning("a request could not be given back", extra={"error": str(error)})

    async def _drain(self) -> None:
        """Let the jobs finish for a while, then give them back."""
        if self._tasks:
            _log.info("draining", extra={"jobs": len(self._tasks), "for_s": self._drain_s})
            await asyncio.wait(self._tasks, timeout=self._drain_s)
        for held in self._place.held.values():
            held.interrupt(Interruption.DRAIN)
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended; its result is read elsewhere."""
    task.cancel()
    await asyncio.wait({task})
