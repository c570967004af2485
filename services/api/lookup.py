"""One job: from the hot view, else from history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from evoke.domain.errors import NotFound, Unavailable
from evoke.domain.events import AnyEvent
from evoke.domain.ids import is_job_id
from evoke.domain.job import Job, evolve
from evoke.hot_view import HotJob
from evoke.ports.event_log import Position
from services.api.context import Context
from services.api.found import Found
from services.api.schemas.jobs import JobDocument, job_document
from services.api.tokens import position_token

HISTORY_TIMEOUT_S = 20.0


class Lookup:
    """Finds jobs by id. Another tenant's job is not there."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def find(self, tenant: str, job_id: str) -> Found:
        """Raises NotFound; Unavailable when history is needed and does not answer."""
        hot = await self.find_hot(tenant, job_id)
        if hot is not None:
            return Found(hot.fold(), hot)
        events = await self.archived(tenant, job_id)
        job: Job | None = None
        for _position, event in events:
            job = evolve(job, event)
        if job is None or job.requested is None:
            raise _unknown(job_id)
        return Found(job, None)

    async def find_hot(self, tenant: str, job_id: str) -> HotJob | None:
        """The job in the hot view, after everything that is in the log now was read; None when it is not hot.

        So a job that another replica has accepted is never missed. Raises NotFound for what can be nobody's job.
        """
        view = self._context.view
        hot = view.get(tenant, job_id)
        if hot is not None:
            return hot
        if not is_job_id(job_id) or view.has_foreign(tenant, job_id):
            raise _unknown(job_id)
        await self._context.follower.catch_up(self._context.settings.position_wait_s)
        hot = view.get(tenant, job_id)
        if hot is None and view.has_foreign(tenant, job_id):
            raise _unknown(job_id)
        return hot

    async def archived(self, tenant: str, job_id: str) -> Sequence[tuple[Position, AnyEvent]]:
        """A job's events by history. Raises Unavailable."""
        try:
            async with asyncio.timeout(HISTORY_TIMEOUT_S):
                return await self._context.history.events(tenant, job_id)
        except TimeoutError:
            raise Unavailable(f"history did not answer within {HISTORY_TIMEOUT_S:g} s") from None

    async def finished(self, found: Found, wait_s: float) -> Found:
        """Wait up to `wait_s` seconds for the job's end; return it as it then is."""
        hot, context = found.hot, self._context
        if hot is None or wait_s <= 0:
            return found
        deadline = time.monotonic() + wait_s
        with context.view.watchers.watching(hot.id) as watcher:
            while not hot.status.terminal and not context.closing.is_set():
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not await watcher.wait(left_s):
                    break
        return Found(hot.fold(), hot)

    def document(self, found: Found) -> JobDocument:
        """The job as users see it."""
        hot, view = found.hot, self._context.view
        if hot is None:
            return job_document(found.job, None, None)
        place = view.positions(hot)
        return job_document(found.job, position_token(*place) if place else None, view.place_in_line(hot))


def _unknown(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id[:80]!r}")
