"""The SQL of the views. `jobs` is `evoke.domain.job.evolve` in SQL; a property test holds the two together.

Rows of a job are taken by topic and then in log order, as `History.events` gives them: the first submission and
the first terminal event count, an attempt's first start and first end, and the attempt that was seen first last.
Attempts and ends of a job have one topic each, so that their position alone orders them; submissions have two lanes.
"""

from __future__ import annotations

from collections.abc import Sequence

from evoke.adapters.duckdb.plan import PlannedFile

VIEWS = ("job_events", "jobs", "usage", "failures")

_COLUMNS = "job_id, job_time, queue, model, type, attempt, time, topic, position, payload"
_EMPTY = """
SELECT '' AS tenant, '' AS job_id, now() AS job_time, '' AS queue, '' AS model, '' AS type,
       '' AS attempt, now() AS time, '' AS topic, '' AS position, '' AS payload WHERE false
"""
_BARRIER = 9223372036854775807


def text(value: str) -> str:
    """Return a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


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
    parts = [f"SELECT {_COLUMNS} FROM {scan(own)} WHERE {wanted}"]
    if mixed:
        fenced = f"SELECT * FROM {scan(mixed)} WHERE {wanted} LIMIT {_BARRIER}"
        parts.append(f"SELECT {_COLUMNS} FROM ({fenced})")
    return " UNION ALL ".join(parts)


_JOBS = """
WITH
placed AS NOT MATERIALIZED (
    SELECT job_id, job_time, queue, model, attempt, time, topic, position, payload,
           split_part(type, '.', 1) AS kind
    FROM {source}
),
runs AS (
    SELECT job_id, attempt, min(position) AS place,
           arg_min(time, position) FILTER (kind = 'attempt_started') AS started,
           arg_min(time, position) FILTER (kind <> 'attempt_started') AS ended,
           arg_min(kind, position) FILTER (kind <> 'attempt_started') AS ended_by
    FROM placed
    WHERE kind IN ('attempt_started', 'attempt_failed', 'attempt_yielded')
    GROUP BY job_id, attempt
),
tries AS (
    SELECT job_id,
           count(*) FILTER (ended_by IS NULL OR ended_by <> 'attempt_yielded') AS attempts,
           arg_min(started, place) AS first_started,
           arg_max(started, place) AS started,
           arg_max(ended IS NULL, place) AS running
    FROM runs
    WHERE started IS NOT NULL
    GROUP BY job_id
),
folded AS (
    SELECT job_id,
           any_value(job_time) AS created,
           arg_min(queue, topic || chr(1) || position) FILTER (kind = 'requested') AS queue,
           arg_min(model, topic || chr(1) || position) FILTER (kind = 'requested') AS model,
           arg_min(payload, topic || chr(1) || position) FILTER (kind = 'requested') AS request,
           arg_min(kind, position) FILTER (kind IN ('succeeded', 'failed', 'cancelled')) AS ended_by,
           arg_min(time, position) FILTER (kind IN ('succeeded', 'failed', 'cancelled')) AS ended,
           arg_min(payload, position) FILTER (kind IN ('succeeded', 'failed', 'cancelled')) AS outcome
    FROM placed
    WHERE kind IN ('requested', 'succeeded', 'failed', 'cancelled')
    GROUP BY job_id
    HAVING count(*) FILTER (kind = 'requested') > 0
)
SELECT
    job_id AS id,
    coalesce(ended_by, CASE WHEN running THEN 'running' ELSE 'queued' END) AS status,
    model,
    queue,
    created AS created_at,
    started AS started_at,
    ended AS finished_at,
    coalesce(attempts, 0) AS attempts,
    date_diff('millisecond', created, first_started) AS queue_ms,
    date_diff('millisecond', started, ended) AS run_ms,
    date_diff('millisecond', created, ended) AS total_ms,
    CASE WHEN ended_by = 'failed' THEN outcome ->> '$.error' END AS error_code,
    CASE WHEN ended_by = 'failed' THEN outcome ->> '$.message' END AS error_message,
    CASE WHEN ended_by = 'succeeded' THEN TRY_CAST(outcome ->> '$.seed' AS BIGINT) END AS seed,
    request ->> '$.metadata.grouping' AS "grouping",
    coalesce(request ->> '$.lane', 'interactive') AS lane,
    coalesce(TRY_CAST(request ->> '$.priority' AS BIGINT), 0) AS priority,
    coalesce(request ->> '$.door', 'jobs') AS door,
    coalesce(request -> '$.metadata', CAST('{}' AS JSON)) AS metadata,
    request -> '$.input' AS input,
    CASE WHEN ended_by = 'succeeded' THEN coalesce(outcome -> '$.result', CAST('{}' AS JSON)) END AS result,
    CASE WHEN ended_by = 'succeeded' THEN coalesce(json_array_length(outcome, '$.artifacts'), 0) END AS artifacts,
    CASE WHEN ended_by = 'succeeded'
        THEN coalesce(list_sum(CAST(json_extract(outcome, '$.artifacts[*].size_bytes') AS BIGINT[])), 0)
    END AS artifact_bytes,
    request ->> '$.replay_of' AS replay_of,
    CASE WHEN ended_by = 'cancelled' THEN outcome ->> '$.superseded_by' END AS superseded_by
FROM folded LEFT JOIN tries USING (job_id)
"""

JOBS = _JOBS.replace("{source}", "job_events")

_FAILED = """(
    SELECT * FROM job_events
    WHERE job_id IN (SELECT job_id FROM job_events WHERE type LIKE 'failed.%')
)"""

USAGE = """
SELECT date_trunc('hour', created_at) AS hour, model, queue,
       count(*) AS jobs,
       count(*) FILTER (status = 'succeeded') AS succeeded,
       count(*) FILTER (status = 'failed') AS failed,
       count(*) FILTER (status = 'cancelled') AS cancelled,
       coalesce(sum(run_ms), 0) / CAST(1000 AS DOUBLE) AS run_seconds,
       CAST(coalesce(sum(artifacts), 0) AS BIGINT) AS artifacts,
       CAST(coalesce(sum(artifact_bytes), 0) AS BIGINT) AS artifact_bytes
FROM jobs
GROUP BY ALL
"""

FAILURES = f"""
SELECT id AS job_id, model, queue, error_code, error_message, finished_at AS failed_at, attempts,
       created_at, "grouping"
FROM ({_JOBS.replace("{source}", _FAILED)})
WHERE status = 'failed'
"""


def definitions(files: Sequence[PlannedFile], tenant: str) -> tuple[str, ...]:
    """Return the statements that make the views of one tenant over these files."""
    bodies = (job_events(files, tenant), JOBS, USAGE, FAILURES)
    return tuple(f"CREATE VIEW {name} AS {body}" for name, body in zip(VIEWS, bodies, strict=True))
