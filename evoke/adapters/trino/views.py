"""The views over the archive's table, in Trino's words."""

from __future__ import annotations

from collections.abc import Iterable

from evoke.adapters.trino.table import Table, Window
from evoke.sql import views
from evoke.sql.literals import text

WORDS = views.Words(
    first="min_by",
    json_text="json_extract_scalar",
    artifact_bytes=(
        "reduce(CAST(json_extract(payload, '$.artifacts') AS ARRAY(ROW(size_bytes BIGINT))), "
        "BIGINT '0', (total, artifact) -> total + coalesce(artifact.size_bytes, 0), total -> total)"
    ),
)
_BUILT_ON = {
    "job_events": ("job_events",),
    "jobs": ("job_events", "jobs"),
    "usage": ("job_events", "jobs", "usage"),
    "failures": ("job_events", "failures"),
}
_EMPTY = """
SELECT CAST('' AS VARCHAR) AS job_id, now() AS job_time, CAST('' AS VARCHAR) AS queue, CAST('' AS VARCHAR) AS model,
       CAST('' AS VARCHAR) AS type, CAST('' AS VARCHAR) AS attempt, now() AS time, CAST('' AS VARCHAR) AS topic,
       CAST('' AS VARCHAR) AS position, CAST('' AS VARCHAR) AS payload
WHERE false
"""


def job_events(table: Table, tenant: str, window: Window) -> str:
    """Return the SQL of `job_events` for one tenant. Trino filters for itself too, by the user who asks."""
    condition = f"tenant = {text(tenant)} AND {window.condition()}"
    return f"SELECT {views.EVENT_COLUMNS} FROM {table.name} WHERE {condition}"


def nothing() -> str:
    """Return the SQL of `job_events` while there is no archive."""
    return _EMPTY


def expressions(names: Iterable[str], source: str) -> list[str]:
    """Return `name AS (…)` for these views and what they build on. source: the SQL of `job_events`."""
    needed = {part for name in names for part in _BUILT_ON[name]}
    bodies = views.bodies(WORDS, source)
    return [f"{name} AS ({bodies[name]})" for name in bodies if name in needed]
