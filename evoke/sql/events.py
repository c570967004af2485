"""Rows of history as events and jobs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from evoke import codec
from evoke.domain.errors import UndecodableEvent
from evoke.domain.events import AnyEvent
from evoke.domain.job import Job, evolve

log = logging.getLogger(__name__)


def decoded(payload: str) -> Iterator[AnyEvent]:
    """Yield the event; nothing when a newer version than this wrote it."""
    try:
        yield codec.decode(payload.encode())
    except UndecodableEvent as error:
        log.warning("an archived event is left out", extra={"reason": str(error)[:200]})


def folded(events: Iterable[AnyEvent]) -> Job | None:
    """Return the job of these events; None without any."""
    job: Job | None = None
    for event in events:
        job = evolve(job, event)
    return job
