"""Events and jobs by SQL: one statement for each answer, so that each is of one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from evoke.adapters.trino.client import Session
from evoke.adapters.trino.table import Partition, Table, Window, windows_back
from evoke.adapters.trino.views import WORDS
from evoke.domain.events import AnyEvent
from evoke.domain.ids import job_time_ms
from evoke.domain.job import Job
from evoke.ports.archive import UNDECODABLE
from evoke.ports.event_log import Position
from evoke.sql import views
from evoke.sql.events import decoded, folded
from evoke.sql.literals import text, texts
from evoke.sql.pages import Page

FIRST_ROWS, MOST_ROWS = 10_000, 10_000_000
"""Rows that a list looks through at once, at first and at most: the first page is near, a rare match is far."""

JOBS = views.jobs(WORDS)


def events_of(session: Session, table: Table, tenant: str, job_id: str) -> list[tuple[Position, AnyEvent]]:
    """Return the events of one job, by topic and then in log order. Reads one partition."""
    moment = job_time_ms(job_id)
    rows = session.rows(
        f"SELECT topic, position, payload FROM {table.name} WHERE {Window(moment, moment).condition()} "
        f"AND job_id = {text(job_id)} AND tenant = {text(tenant)} AND type <> '{UNDECODABLE}'"
    )
    ordered = sorted(rows, key=lambda row: (row[0], row[1]))
    return [(Position(position), event) for _, position, payload in ordered for event in decoded(payload)]


def jobs_page(session: Session, table: Table, known: Sequence[Partition], page: Page) -> list[Job]:
    """Return the jobs of a page, folded. Raises InvalidInput when its `before` is no job id."""
    found: list[Job] = []
    bounds = Window(page.wanted.since_ms, page.until_ms())
    for window in windows_back(known, bounds, FIRST_ROWS, MOST_ROWS):
        found.extend(_jobs_in(session, table, window, page, page.limit - len(found)))
        if len(found) >= page.limit:
            break
    return found


def _jobs_in(session: Session, table: Table, window: Window, page: Page, limit: int) -> Iterator[Job]:
    rows = session.rows(f"""
        WITH job_events AS (
            SELECT * FROM {table.name} WHERE tenant = {text(page.tenant)} AND {window.condition()}
        )
        SELECT job_id, topic, position, payload FROM job_events
        WHERE type <> '{UNDECODABLE}' AND job_id IN (
            SELECT id FROM ({JOBS}) WHERE {page.conditions()} ORDER BY id DESC LIMIT {limit}
        )
    """)
    ordered = sorted(rows, key=lambda row: tuple(row[:3]))
    jobs = {
        job_id: folded(event for row in group for event in decoded(row[3]))
        for job_id, group in groupby(ordered, key=lambda row: str(row[0]))
    }
    return (job for _, job in sorted(jobs.items(), reverse=True) if job is not None)


def unfinished_ids(session: Session, table: Table, window: Window) -> list[str]:
    """Return the ids of the jobs, of any tenant, that have no terminal event, ascending."""
    rows = session.rows(f"""
        SELECT job_id FROM {table.name}
        WHERE {window.condition()} AND type <> '{UNDECODABLE}'
          AND NOT (type LIKE 'dead_lettered.%' OR type LIKE 'replayed.%' OR type LIKE 'purged.%')
        GROUP BY job_id
        HAVING count_if(type LIKE 'succeeded.%' OR type LIKE 'failed.%' OR type LIKE 'cancelled.%') = 0
    """)
    return sorted(str(job_id) for (job_id,) in rows)


def events_of_all(session: Session, table: Table, ids: Sequence[str]) -> list[list[AnyEvent]]:
    """Return each job's events by topic and in log order. ids: ascending."""
    window = Window(job_time_ms(ids[0]), job_time_ms(ids[-1]))
    rows = session.rows(f"""
        SELECT job_id, topic, position, payload FROM {table.name}
        WHERE {window.condition()} AND job_id BETWEEN {text(ids[0])} AND {text(ids[-1])}
          AND job_id IN ({texts(ids)}) AND type <> '{UNDECODABLE}'
    """)
    ordered = sorted(rows, key=lambda row: tuple(row[:3]))
    groups = groupby(ordered, key=lambda row: str(row[0]))
    return [[event for row in group for event in decoded(row[3])] for _, group in groups]
