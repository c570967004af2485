"""The SQL of the views. `jobs` is `evoke.domain.job.evolve` in SQL; a property test holds the two together.

Rows of a job are taken by topic and then in log order, as `History.events` gives them: the first submission and
the first terminal event count, an attempt's first start and first end, and the attempt that was seen first last.
Attempts and ends of a job have one topic each, so that their position alone orders them; submissions have two lanes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_ATTEMPTS = "'attempt_started', 'attempt_failed', 'attempt_yielded'"
_ENDS = "'succeeded', 'failed', 'cancelled'"

VIEWS = ("job_events", "jobs", "usage", "failures")

EVENT_COLUMNS = "job_id, job_time, queue, model, type, attempt, time, topic, position, payload"
"""Columns of `job_events`: those of the table but for the tenant."""


@dataclass(frozen=True)
class Words:
    """What engines say differently.

    first: aggregate of a value and an order that gives the first row's value, even where that is null. json_text:
    function of a JSON text and a path that gives the scalar there as text. artifact_bytes: sum of the sizes of a
    result's artifacts in the JSON text `payload`. inline: what keeps a common table expression from being stored.
    """

    first: str
    json_text: str
    artifact_bytes: str
    inline: str = ""


def jobs(words: Words, source: str = "job_events") -> str:
    """Return the SQL of the view `jobs` over a table expression of events.

    What a query needs of payloads is taken out of them row by row: to keep whole payloads until a job is folded would
    need their size in memory. Events are read once: first each run of a job and the job's own events are folded, each
    by itself (`run` is null for the latter), then these of a job together.
    """
    folded = list(_columns(words))
    return f"""
WITH
placed AS {words.inline} (
    SELECT job_id, job_time, queue, model, time, payload,
           CASE WHEN type LIKE 'requested.%' THEN topic || chr(1) || position ELSE position END AS place,
           split_part(type, '.', 1) AS kind,
           CASE WHEN split_part(type, '.', 1) IN ({_ATTEMPTS}) THEN attempt END AS run
    FROM {source}
),
parts AS {words.inline} (
    SELECT job_id, run, min(place) FILTER (WHERE run IS NOT NULL) AS place,
           min(job_time) FILTER (WHERE run IS NULL) AS created,
           count(*) FILTER (WHERE kind = 'requested') AS requests,
           min_by(time, place) FILTER (WHERE kind = 'attempt_started') AS run_started,
           min_by(kind, place) FILTER (WHERE kind IN ('attempt_failed', 'attempt_yielded')) AS run_ended_by,
           {_listed(f"{value} AS {name}" for name, value in folded)}
    FROM placed
    WHERE kind IN ('requested', {_ENDS}, {_ATTEMPTS})
    GROUP BY job_id, run
),
folded AS (
    SELECT job_id, min(created) AS created,
           count(*) FILTER (
               WHERE run_started IS NOT NULL AND (run_ended_by IS NULL OR run_ended_by <> 'attempt_yielded')
           ) AS attempts,
           min_by(run_started, place) FILTER (WHERE run_started IS NOT NULL) AS first_started,
           max_by(run_started, place) FILTER (WHERE run_started IS NOT NULL) AS started,
           max_by(run_ended_by IS NULL, place) FILTER (WHERE run_started IS NOT NULL) AS running,
           {_listed(f"any_value({name}) FILTER (WHERE run IS NULL) AS {name}" for name, _ in folded)}
    FROM parts
    GROUP BY job_id
    HAVING sum(requests) > 0
)
SELECT
    job_id AS id,
    coalesce(ended_by, CASE WHEN running THEN 'running' ELSE 'queued' END) AS status,
    model,
    queue,
    created AS created_at,
    started AS started_at,
    ended AS finished_at,
    attempts,
    date_diff('millisecond', created, first_started) AS queue_ms,
    date_diff('millisecond', started, ended) AS run_ms,
    date_diff('millisecond', created, ended) AS total_ms,
    error_code,
    error_message,
    seed,
    "grouping",
    coalesce(lane, 'interactive') AS lane,
    coalesce(priority, 0) AS priority,
    coalesce(door, 'jobs') AS door,
    coalesce(CAST(metadata AS JSON), JSON '{{}}') AS metadata,
    CAST(input AS JSON) AS input,
    CASE WHEN ended_by = 'succeeded' THEN coalesce(CAST(result AS JSON), JSON '{{}}') END AS result,
    CASE WHEN ended_by = 'succeeded' THEN coalesce(artifacts, 0) END AS artifacts,
    CASE WHEN ended_by = 'succeeded' THEN coalesce(artifact_bytes, 0) END AS artifact_bytes,
    replay_of,
    superseded_by
FROM folded
"""


def _listed(columns: Iterable[str]) -> str:
    return ",\n           ".join(columns)


def _columns(words: Words) -> Iterator[tuple[str, str]]:
    """Yield names and aggregates of what folds a job's submissions and ends."""
    scalar = words.json_text
    requested = {
        "queue": "queue",
        "model": "model",
        '"grouping"': f"{scalar}(payload, '$.metadata.grouping')",
        "lane": f"{scalar}(payload, '$.lane')",
        "priority": f"TRY_CAST({scalar}(payload, '$.priority') AS BIGINT)",
        "door": f"{scalar}(payload, '$.door')",
        "metadata": "json_extract(payload, '$.metadata')",
        "input": "json_extract(payload, '$.input')",
        "replay_of": f"{scalar}(payload, '$.replay_of')",
    }
    failed = {
        "error_code": f"{scalar}(payload, '$.error')",
        "error_message": f"{scalar}(payload, '$.message')",
    }
    succeeded = {
        "seed": f"TRY_CAST({scalar}(payload, '$.seed') AS BIGINT)",
        "result": "json_extract(payload, '$.result')",
        "artifacts": "CAST(json_array_length(json_extract(payload, '$.artifacts')) AS BIGINT)",
        "artifact_bytes": words.artifact_bytes,
    }
    cancelled = {"superseded_by": f"{scalar}(payload, '$.superseded_by')"}
    yield from _first(words, requested, "'requested'", "'requested'")
    yield from _first(words, {"ended_by": "kind", "ended": "time"}, _ENDS, _ENDS)
    yield from _first(words, failed, "'failed'", _ENDS)
    yield from _first(words, succeeded, "'succeeded'", _ENDS)
    yield from _first(words, cancelled, "'cancelled'", _ENDS)


def _first(words: Words, values: Mapping[str, str], of: str, among: str) -> Iterator[tuple[str, str]]:
    """Yield for each name its value in the first event of the kinds `among`, null unless that is of the kinds `of`."""
    for name, value in values.items():
        chosen = f"CASE WHEN kind IN ({of}) THEN {value} END"
        yield name, f"{words.first}({chosen}, place) FILTER (WHERE kind IN ({among}))"


USAGE = """
SELECT date_trunc('hour', created_at) AS hour, model, queue,
       count(*) AS jobs,
       count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
       coalesce(sum(run_ms), 0) / CAST(1000 AS DOUBLE) AS run_seconds,
       CAST(coalesce(sum(artifacts), 0) AS BIGINT) AS artifacts,
       CAST(coalesce(sum(artifact_bytes), 0) AS BIGINT) AS artifact_bytes
FROM jobs
GROUP BY 1, 2, 3
"""

_FAILED = """(
    SELECT * FROM job_events
    WHERE job_id IN (SELECT job_id FROM job_events WHERE type LIKE 'failed.%')
)"""


def failures(words: Words) -> str:
    """Return the SQL of the view `failures`: only jobs with an event of failure are folded."""
    return f"""
SELECT id AS job_id, model, queue, error_code, error_message, finished_at AS failed_at, attempts,
       created_at, "grouping"
FROM ({jobs(words, _FAILED)})
WHERE status = 'failed'
"""


def bodies(words: Words, job_events: str) -> dict[str, str]:
    """Return the SQL of each view by its name, in the order in which they build on each other."""
    return dict(zip(VIEWS, (job_events, jobs(words), USAGE, failures(words)), strict=True))
