"""What an attempt writes: its events in the log, and what becomes of its request in the queue."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    Artifact,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Failed,
    Requested,
    Succeeded,
)
from evoke.domain.ids import RANDOM_BYTES, uuid7
from evoke.ports.event_log import Position
from evoke.ports.model_client import Done
from evoke.ports.request_queue import Delivery
from worker_sidecar.attempt_trace import AttemptTrace
from worker_sidecar.dead_letters import dead_letter
from worker_sidecar.journal import now_ms
from worker_sidecar.workplace import Workplace


class AttemptRecord:
    """The pen of one attempt. Every write is tried until it succeeds; repeats of an event are harmless."""

    def __init__(self, place: Workplace, request: Requested, deliveries: list[Delivery]) -> None:
        """deliveries: of this one job; more than one when its request was delivered twice."""
        self._place = place
        self._request = request
        self.deliveries = deliveries
        self.attempt_id = uuid7(now_ms(), os.urandom(RANDOM_BYTES))
        self.trace = AttemptTrace(place.traces, request, place.worker)

    async def started(self) -> tuple[str, Position]:
        """The attempt begins; return where that was written."""
        return await self._write(AttemptStarted(**self._own, worker=self._place.worker))

    async def yielded(self, reason: str) -> None:
        """The attempt is given up without blame."""
        await self._write(AttemptYielded(**self._own, reason=reason))

    async def failed(self, error: ErrorClass, message: str, retry_in_s: float | None) -> None:
        """The attempt failed. retry_in_s: seconds until the next one, None when there is none."""
        self._place.metrics.failures.labels(error).inc()
        self.trace.error = error
        retry_at_ms = None if retry_in_s is None else now_ms() + int(retry_in_s * 1000)
        await self._write(AttemptFailed(**self._own, error=error, message=message, retry_at_ms=retry_at_ms))

    async def succeeded(
        self, done: Done, artifacts: tuple[Artifact, ...], timings_ms: Mapping[str, float]
    ) -> None:
        """The job succeeded, by this attempt."""
        event = Succeeded(
            **self._own,
            artifacts=artifacts,
            seed=done.seed,
            timings_ms=dict(timings_ms),
            result=dict(done.result),
        )
        await self._end(event, "succeeded")

    async def gave_out(self, error: ErrorClass, message: str, attempts: int) -> None:
        """The job failed for good after so many attempts; unless its input is to blame, it becomes a dead letter."""
        if error is not ErrorClass.INVALID_INPUT:
            await self._write(dead_letter(self._common, self.deliveries[-1], error, message, attempts))
        outcome = "poison" if error is ErrorClass.POISON else "failed"
        await self._end(Failed(**self._own, error=error, message=message), outcome)

    async def ack(self, outcome: str) -> None:
        """The request is done with. outcome: for the metrics."""
        self._place.failpoints.reach("sidecar.before_ack")
        self._count(outcome)
        await self._all(self._place.ack)

    async def give_back(self) -> None:
        """The request goes to whoever is there."""
        self._count("yielded")
        await self._all(self._place.give_back)

    async def put_off(self, delay_s: float) -> None:
        """The request waits for its next attempt."""
        self._count("retried")
        if self.deliveries:
            newest = self.deliveries[-1]
            await self._place.retry_later(newest, delay_s)
            self.deliveries.remove(newest)
        await self._all(self._place.ack)

    async def _all(self, do: Callable[[Delivery], Awaitable[None]]) -> None:
        """Do it with every delivery, also with those that come meanwhile."""
        while self.deliveries:
            await do(self.deliveries[0])
            del self.deliveries[0]

    async def _end(self, event: Succeeded | Failed, outcome: str) -> None:
        await self._write(event)
        self._place.failpoints.reach("sidecar.after_terminal")
        model = self._place.metrics.label(event.model)
        if isinstance(event, Failed):
            self._place.metrics.ended.labels(model, "failed", event.error).inc()
        else:
            self._place.metrics.ended.labels(model, "succeeded", "").inc()
        await self.ack(outcome)

    async def _write(self, event: AnyEvent) -> tuple[str, Position]:
        event_id = f"{self.attempt_id}.{type(event).__name__}"
        context, start_ns = self.trace.sending(), time.time_ns()
        topic, position = await self._place.journal.append(event, event_id, context)
        self.trace.sent(context, event, topic, start_ns)
        return topic, position

    def _count(self, outcome: str) -> None:
        self._place.metrics.attempts.labels(outcome).inc()
        self.trace.outcome = outcome

    @property
    def _own(self) -> dict[str, Any]:
        """The fields that all events of this attempt have."""
        return {**self._common, "attempt_id": self.attempt_id}

    @property
    def _common(self) -> dict[str, Any]:
        """The fields that all events of the job have."""
        request = self._request
        return {
            "job_id": request.job_id,
            "tenant": request.tenant,
            "queue": request.queue,
            "model": request.model,
            "time_ms": now_ms(),
        }
