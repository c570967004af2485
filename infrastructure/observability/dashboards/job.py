"""One job's life: where it is found, and how long each stage takes for jobs like it."""

from __future__ import annotations

from infrastructure.observability.dashboards.writing import Dashboard, Panel, Row

_OF = 'queue=~"$queue"'
_NOTE = """
**Job `$job`**: its events are at `/jobs/$job` of evoke's console and at `/v1/jobs/$job`; in SQL, for ever:
`SELECT type, time, payload FROM job_events WHERE job_id = '$job' ORDER BY time`. Its trace is found by
`{ span.evoke.job.id = "$job" }` (TraceQL), or in SigNoz by the attribute `evoke.job.id`. The dots in the pictures below
are exemplars: each leads to the trace of one job.
"""


def _stage(title: str, said: str, metric: str, selector: str) -> Panel:
    return Panel(
        title,
        said,
        {
            f"p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le) "
            f"(rate({metric}_bucket{selector}[$__rate_interval])))"
            for percent in (50, 95)
        },
        "s",
        12,
    )


JOB = Dashboard(
    uid="evoke-job",
    title="evoke / One job's life",
    said="The stages of a job: accepted, waiting, run, stored; with exemplars that lead to traces.",
    variables={"queue": "label_values(evoke_queue_waiting, queue)"},
    note=_NOTE.strip(),
    job=True,
    rows=(
        Row(
            "Stages",
            (
                _stage("1. Accepted", "The append that makes it durable.", "evoke_api_append_seconds", ""),
                _stage(
                    "2. Waiting", "From submission to the first start.", "evoke_queue_seconds", f"{{{_OF}}}"
                ),
                _stage("3. Run and stored", "One attempt.", "evoke_attempt_seconds", f"{{{_OF}}}"),
                _stage(
                    "… of which the sidecar's",
                    "Log, uploads, acknowledgement.",
                    "evoke_sidecar_overhead_seconds",
                    f"{{{_OF}}}",
                ),
                Panel(
                    "4. Ended",
                    "Jobs by their end.",
                    {
                        "{{status}} {{error}}": "sum by (status, error) "
                        f"(rate(evoke_jobs_ended_total{{{_OF}}}[$__rate_interval])) > 0"
                    },
                    "reqps",
                ),
                Panel(
                    "5. Archived",
                    "Age of the oldest event that is not in SQL yet.",
                    {"": "max(evoke_archiver_oldest_waiting_seconds)"},
                    "s",
                ),
            ),
        ),
    ),
)
