"""Whether evoke does what it promises, at a glance."""

from __future__ import annotations

from infrastructure.observability.dashboards.writing import Dashboard, Panel, Row
from infrastructure.observability.objectives import OBJECTIVES

OVERVIEW = Dashboard(
    uid="evoke-overview",
    title="evoke / Overview",
    said="Objectives, traffic, latencies, and what is down.",
    rows=(
        Row(
            "Objectives",
            tuple(
                Panel(
                    f"Budget burn: {objective.name.replace('_', ' ')}",
                    f"{objective.percent:g} % {objective.said}. 1: the budget lasts its month; a page from 14.4 on.",
                    {
                        f"{' '.join(f'{{{{{name}}}}}' for name in objective.by)} {window}".strip(): (
                            f"{objective.recorded(window)} / {objective.budget:g}"
                        )
                        for window in ("1h", "6h")
                    },
                    width=8,
                    idle=True,
                )
                for objective in OBJECTIVES
            ),
        ),
        Row(
            "Now",
            (
                Panel(
                    "Submits",
                    "Jobs accepted a second.",
                    {"": "sum(rate(evoke_submits_total[$__rate_interval]))"},
                    "reqps",
                    6,
                    "number",
                ),
                Panel(
                    "Waiting",
                    "Jobs that wait, all queues.",
                    {"": "sum(max by (queue, lane) (evoke_queue_waiting))"},
                    width=6,
                    kind="number",
                ),
                Panel(
                    "Running",
                    "Jobs in workers' hands.",
                    {"": "sum(evoke_jobs_in_flight)"},
                    width=6,
                    kind="number",
                ),
                Panel(
                    "Processes down",
                    "Processes that do not answer Prometheus.",
                    {"": 'count(up{job=~"(.+/)?evoke.*"} == 0) or vector(0)'},
                    width=6,
                    kind="number",
                ),
            ),
        ),
        Row(
            "Traffic",
            (
                Panel(
                    "Jobs accepted and ended",
                    "A gap between the two lines is a queue that grows.",
                    {
                        "accepted": "sum(rate(evoke_submits_total[$__rate_interval]))",
                        "{{status}}": "sum by (status) (rate(evoke_jobs_ended_total[$__rate_interval]))",
                    },
                    "reqps",
                ),
                Panel(
                    "Answers by status",
                    "5xx is evoke's fault, 4xx the caller's; 429 counts as 4xx.",
                    {"{{status}}": "sum by (status) (rate(evoke_api_requests_total[$__rate_interval]))"},
                    "reqps",
                ),
                Panel(
                    "Time to an answer, p95",
                    "By operation; waits that the caller asked for and streams count until their end.",
                    {
                        "{{method}} {{route}}": "histogram_quantile(0.95, sum by (le, method, route) "
                        "(rate(evoke_api_request_seconds_bucket[$__rate_interval])))"
                    },
                    "s",
                ),
                Panel(
                    "Time of a submit's append",
                    "What a submit waits for: the log's disk or broker.",
                    {
                        f"p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le) "
                        "(rate(evoke_api_append_seconds_bucket[$__rate_interval])))"
                        for percent in (50, 99)
                    },
                    "s",
                ),
                Panel(
                    "Tail lag",
                    "How old events are when an API process tells of them.",
                    {"{{instance}}": "evoke_tail_lag_seconds"},
                    "s",
                ),
                Panel(
                    "Memory",
                    "Resident memory of each process.",
                    {"{{process}} {{instance}}": 'process_resident_memory_bytes{job=~"(.+/)?evoke.*"}'},
                    "bytes",
                ),
            ),
        ),
    ),
)
