"""Events and jobs by the files that may hold them, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from evoke.adapters.duckdb.engine import Session
from evoke.adapters.duckdb.plan import Plan, PlannedFile, Span, chunks, may_hold
from evoke.adapters.duckdb.views import JOBS, scan
from evoke.domain.events import AnyEvent
from evoke.domain.job import Job
from evoke.ports.archive import UNDECODABLE
from evoke.ports.event_log import Position
from evoke.sql.events import decoded, folded
from evoke.sql.literals import text, texts
from evoke.sql.pages import Page

FIRST_ROWS, MOST_ROWS = 30_000, 500_000
"""Rows that a list looks through at once, at first and at most: the first page is near, a rare match is far."""


def events_of(session: Session, plan: Plan, tenant: str, job_id: str) -> list[tuple[Position, AnyEvent]]:
    """Return the events of one job, by topic and then in log order."""
    files = plan.of_job(tenant, job_id)
    if not files:
        return []
    rows = session.rows(
        f"SELECT position, payload FROM {scan(files)} "
        f"WHERE job_id = {text(job_id)} AND tenant = {text(tenant)} AND type <> '{UNDECODABLE}' "
        "ORDER BY topic, position"
    )
    return [(Position(position), event) for position, payload in rows for event in decoded(payload)]


def jobs_page(session: Session, plan: Plan, page: Page) -> list[Job]:
    """Return the jobs of a page, folded. Raises InvalidInput when its `before` is no job id."""
    found: list[Job] = []
    spans = plan.between(page.wanted.since_ms, page.until_ms())
    for chunk in chunks(reversed(spans), FIRST_ROWS, MOST_ROWS):
        files = [file for span in chunk for file in span.files if may_hold(file, page.tenant)]
        if files:
            ids = _matching(session, files, page, page.limit - len(found))
            found.extend(_folded(session, files, ids))
        if len(found) >= page.limit:
            break
    return found


def unfinished_ids(session: Session, files: Sequence[PlannedFile]) -> list[str]:
    """Return the ids of the jobs, of any tenant, that have no terminal event in these files."""
    rows = session.rows(f"""
        SELECT job_id FROM {scan(files)}
        WHERE NOT (type LIKE 'dead_lettered.%' OR type LIKE 'replayed.%' OR type LIKE 'purged.%')
          AND type <> '{UNDECODABLE}'
        GROUP BY job_id
        HAVING count(*) FILTER (
            type LIKE 'succeeded.%' OR type LIKE 'failed.%' OR type LIKE 'cancelled.%') = 0
        ORDER BY job_id
    """)
    return [job_id for (job_id,) in rows]


def events_by_job(
    session: Session, files: Sequence[PlannedFile], ids: Sequence[str]
) -> Iterator[tuple[str, list[AnyEvent]]]:
    """Yield each job's events by topic and in log order, newest job first."""
    if not ids:
        return
    needed = [file for file in files if file.ids[0] <= max(ids) and file.ids[1] >= min(ids)]
    rows = session.rows(
        f"SELECT job_id, payload FROM {scan(needed)} "
        f"WHERE job_id BETWEEN {text(min(ids))} AND {text(max(ids))} "
        f"AND job_id IN ({texts(ids)}) AND type <> '{UNDECODABLE}' "
        "ORDER BY job_id DESC, topic, position"
    )
    for job_id, group in groupby(rows, key=lambda row: str(row[0])):
        yield job_id, [event for _, payload in group for event in decoded(payload)]


def files_between(plan: Plan, spans: Sequence[Span]) -> list[PlannedFile]:
    """Return the files of a plan that lie in the times of these spans of another one."""
    low_ms = min(span.start_ms for span in spans)
    high_ms = max(span.end_ms for span in spans) - 1
    return [file for span in plan.between(low_ms, high_ms) for file in span.files]


def _matching(session: Session, files: Sequence[PlannedFile], page: Page, limit: int) -> list[str]:
    own = f"SELECT * FROM {scan(files)} WHERE tenant = {text(page.tenant)}"
    rows = session.rows(f"""
        WITH job_events AS NOT MATERIALIZED ({own})
        SELECT id FROM ({JOBS}) WHERE {page.conditions()} ORDER BY id DESC LIMIT {limit}
    """)
    return [job_id for (job_id,) in rows]


def _folded(session: Session, files: Sequence[PlannedFile], ids: Sequence[str]) -> Iterator[Job]:
    for _, events in events_by_job(session, files, ids):
        job = folded(events)
        if job is not None:
            yield job
