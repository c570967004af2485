"""Lists of jobs, newest first: the hot view and history as one, by cursor.

A page is exact: it neither skips nor repeats a job while others arrive, finish, are archived or leave the hot view.
The hot view is read first and history after it: what is not in the one by then is in the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from evoke.domain.errors import Unavailable
from evoke.domain.ids import job_time_ms
from evoke.domain.job import Job
from evoke.hot_view import HotJob
from evoke.ports.history import JobFilter
from services.api.context import Context
from services.api.found import Found
from services.api.lookup import HISTORY_TIMEOUT_S


class Listing:
    """Pages of a tenant's jobs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._newest_archived: dict[str, str] = {}

    async def page(self, tenant: str, wanted: JobFilter, before: str | None, limit: int) -> list[Found]:
        """Up to `limit` jobs with id < `before` that match, by descending id. Raises Unavailable."""
        view = self._context.view
        hot: list[Found] = []
        for job in self._hot(tenant, wanted, before):
            hot.append(Found(job.fold(), job))
            if len(hot) == limit:
                break
        horizon = await self._horizon(tenant)
        if horizon is None or (len(hot) == limit and hot[-1].job.id > horizon):
            return hot
        known = {found.job.id for found in hot}
        cold: list[Found] = []
        while len(cold) < limit:
            batch = await self._archived(tenant, wanted, before, limit)
            cold += [
                Found(job, None) for job in batch if job.id not in known and view.get(tenant, job.id) is None
            ]
            if len(batch) < limit:
                break
            before = batch[-1].id
        merged = sorted((*hot, *cold), key=lambda found: found.job.id, reverse=True)
        return merged[:limit]

    def _hot(self, tenant: str, wanted: JobFilter, before: str | None) -> Iterator[HotJob]:
        for job in self._context.view.newest_first(tenant, wanted.grouping, before):
            if wanted.since_ms is not None and job_time_ms(job.id) < wanted.since_ms:
                return
            if _matches(job, wanted):
                yield job

    async def _horizon(self, tenant: str) -> str | None:
        """All of the tenant's jobs with a greater id are in the hot view; None: all of them are."""
        if tenant not in self._newest_archived:
            newest = await self._archived(tenant, JobFilter(), None, 1)
            self._newest_archived[tenant] = newest[0].id if newest else ""
        return max(self._newest_archived[tenant], self._context.view.greatest_left(tenant) or "") or None

    async def _archived(self, tenant: str, wanted: JobFilter, before: str | None, limit: int) -> list[Job]:
        try:
            async with asyncio.timeout(HISTORY_TIMEOUT_S):
                return list(await self._context.history.jobs(tenant, wanted, before, limit))
        except TimeoutError:
            raise Unavailable(f"history did not answer within {HISTORY_TIMEOUT_S:g} s") from None


def _matches(job: HotJob, wanted: JobFilter) -> bool:
    return (
        (not wanted.statuses or job.status in wanted.statuses)
        and (not wanted.models or job.model in wanted.models)
        and (wanted.door is None or job.door == wanted.door)
        and (wanted.until_ms is None or job_time_ms(job.id) < wanted.until_ms)
    )
