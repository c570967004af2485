"""A page of the list of jobs, and its conditions on the view `jobs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evoke.domain.ids import job_time_ms
from evoke.ports.history import JobFilter
from evoke.sql.literals import id_prefix, text, texts


@dataclass(frozen=True)
class Page:
    """Which jobs are asked for: at most `limit` of a tenant's, by descending id, with ids below `before`."""

    tenant: str
    wanted: JobFilter
    before: str | None
    limit: int

    def until_ms(self) -> int | None:
        """The last Unix ms that an id of it may carry. Raises InvalidInput when `before` is no job id."""
        bounds = [job_time_ms(self.before)] if self.before is not None else []
        bounds += [self.wanted.until_ms - 1] if self.wanted.until_ms is not None else []
        return min(bounds, default=None)

    def conditions(self) -> str:
        """Return the condition on rows of the view `jobs`."""
        return " AND ".join(_conditions(self.wanted, self.before)) or "true"


def _conditions(wanted: JobFilter, before: str | None) -> Iterator[str]:
    if before is not None:
        yield f"id < {text(before)}"
    if wanted.since_ms is not None:
        yield f"id >= {text(id_prefix(wanted.since_ms))}"
    if wanted.until_ms is not None:
        yield f"id < {text(id_prefix(wanted.until_ms))}"
    if wanted.statuses:
        yield f"status IN ({texts(wanted.statuses)})"
    if wanted.models:
        yield f"model IN ({texts(wanted.models)})"
    if wanted.grouping is not None:
        yield f'"grouping" = {text(wanted.grouping)}'
    if wanted.door is not None:
        yield f"door = {text(wanted.door)}"
