"""The views over the files of a plan, in DuckDB's words."""

from __future__ import annotations

from collections.abc import Sequence

from evoke.adapters.duckdb.plan import PlannedFile
from evoke.sql import views
from evoke.sql.literals import text

WORDS = views.Words(
    first="arg_min_null",
    json_text="json_extract_string",
    artifact_bytes="list_sum(CAST(json_extract(payload, '$.artifacts[*].size_bytes') AS BIGINT[]))",
    inline="NOT MATERIALIZED",
)
JOBS = views.jobs(WORDS)

_EMPTY = """
SELECT '' AS tenant, '' AS job_id, now() AS job_time, '' AS queue, '' AS model, '' AS type,
       '' AS attempt, now() AS time, '' AS topic, '' AS position, '' AS payload WHERE false
"""
_BARRIER = 9223372036854775807


def scan(files: Sequence[PlannedFile]) -> str:
    """Return a table expression of all rows in the files."""
    if not files:
        return f"({_EMPTY})"
    paths = ", ".join(text(file.path) for file in files)
    return f"read_parquet([{paths}], hive_partitioning = false)"


def job_events(files: Sequence[PlannedFile], tenant: str) -> str:
    """Return the SQL of `job_events` for one tenant.

    Rows of several tenants may lie in one file. A filter of the user's that the engine evaluates before ours
    could then tell, by failing, what other tenants' rows hold; LIMIT is a fence which no filter passes.
    """
    own = [file for file in files if file.tenants == (tenant, tenant)]
    mixed = [file for file in files if file.tenants != (tenant, tenant)]
    wanted = f"tenant = {text(tenant)}"
    parts = [f"SELECT {views.EVENT_COLUMNS} FROM {scan(own)} WHERE {wanted}"]
    if mixed:
        fenced = f"SELECT * FROM {scan(mixed)} WHERE {wanted} LIMIT {_BARRIER}"
        parts.append(f"SELECT {views.EVENT_COLUMNS} FROM ({fenced})")
    return " UNION ALL ".join(parts)


def definitions(files: Sequence[PlannedFile], tenant: str) -> tuple[str, ...]:
    """Return the statements that make the views of one tenant over these files."""
    bodies = views.bodies(WORDS, job_events(files, tenant))
    return tuple(f"CREATE VIEW {name} AS {body}" for name, body in bodies.items())
