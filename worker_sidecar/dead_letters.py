"""Requests that are put aside for people to look at."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from evoke.codec import decode
from evoke.domain import topics
from evoke.domain.errors import ErrorClass, UndecodableEvent
from evoke.domain.events import DeadLettered, Failed, Requested
from evoke.domain.ids import RANDOM_BYTES, is_job_id, uuid7
from evoke.ports.request_queue import Delivery
from worker_sidecar.journal import now_ms
from worker_sidecar.workplace import Workplace

_log = logging.getLogger(__name__)


def dead_letter(
    common: Mapping[str, Any], delivery: Delivery, error: ErrorClass, message: str, attempts: int
) -> DeadLettered:
    """The event that puts a request aside. common: job_id, tenant, queue, model, time_ms."""
    return DeadLettered(
        **common,
        letter_id=uuid7(now_ms(), os.urandom(RANDOM_BYTES)),
        request=delivery.payload,
        error=error,
        message=message,
        attempts=attempts,
        origin=topics.requested(delivery.queue, delivery.lane),
    )


def read_request(delivery: Delivery) -> Requested:
    """The request in a delivery. Raises UndecodableEvent when it holds anything else."""
    event = decode(delivery.payload)
    if not isinstance(event, Requested):
        raise UndecodableEvent(f"a {type(event).__name__} is no request")
    if event.job_id != delivery.key or event.queue != delivery.queue:
        raise UndecodableEvent("the request is of another job or queue than its message says")
    return event


async def bury(place: Workplace, delivery: Delivery, reason: str) -> None:
    """Put aside a message that is no request, and end the job that it names, if it names one."""
    _log.error("a message is no request", extra={"key": delivery.key[:80], "reason": reason})
    job_id = delivery.key if is_job_id(delivery.key) else ""
    common: dict[str, Any] = {
        "job_id": job_id,
        "tenant": "",
        "queue": place.queue,
        "model": "",
        "time_ms": now_ms(),
    }
    message = f"the message is no request: {reason}"[:500]
    letter = dead_letter(common, delivery, ErrorClass.POISON, message, 0)
    await place.journal.append(letter, f"{letter.letter_id}.DeadLettered", None)
    if job_id:
        failed = Failed(**common, error=ErrorClass.POISON, message=message)
        await place.journal.append(failed, f"{letter.letter_id}.Failed", None)
    place.failpoints.reach("sidecar.before_ack")
    place.metrics.attempts.labels("poison").inc()
    await place.ack(delivery)
