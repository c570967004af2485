"""One queue: what waits in it, for how long, and what becomes of it."""

from __future__ import annotations

from infrastructure.observability.dashboards.writing import Dashboard, Panel, Row

QUEUE = Dashboard(
    uid="evoke-queue",
    title="evoke / Queues",
    said="Depth, age, waiting time, retries and dead letters by queue and lane.",
    variables={"queue": "label_values(evoke_queue_waiting, queue)"},
    rows=(
        Row(
            "Waiting",
            (
                Panel(
                    "Depth",
                    "Jobs that wait.",
                    {"{{queue}} {{lane}}": 'max by (queue, lane) (evoke_queue_waiting{queue=~"$queue"})'},
                ),
                Panel(
                    "Age of the oldest",
                    "How long the job waits that waits longest.",
                    {
                        "{{queue}} {{lane}}": 'max by (queue, lane) (evoke_queue_oldest_seconds{queue=~"$queue"})'
                    },
                    "s",
                ),
                Panel(
                    "Time in queue",
                    "From submission to the first start.",
                    {
                        f"{{{{queue}}}} p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le, queue) "
                        '(rate(evoke_queue_seconds_bucket{queue=~"$queue"}[$__rate_interval])))'
                        for percent in (50, 95)
                    },
                    "s",
                ),
                Panel(
                    "Submits",
                    "Jobs accepted a second, by lane.",
                    {
                        "{{queue}} {{lane}}": "sum by (queue, lane) "
                        '(rate(evoke_submits_total{queue=~"$queue"}[$__rate_interval]))'
                    },
                    "reqps",
                ),
            ),
        ),
        Row(
            "Ends",
            (
                Panel(
                    "Attempts by outcome",
                    "`retried` comes back to the queue; `yielded` is nobody's fault.",
                    {
                        "{{queue}} {{outcome}}": "sum by (queue, outcome) "
                        '(rate(evoke_attempts_total{queue=~"$queue"}[$__rate_interval]))'
                    },
                    "reqps",
                ),
                Panel(
                    "Failures by class",
                    "Failed attempts by error class.",
                    {
                        "{{queue}} {{error}}": "sum by (queue, error) "
                        '(rate(evoke_attempt_failures_total{queue=~"$queue"}[$__rate_interval]))'
                    },
                    "reqps",
                ),
                Panel(
                    "Dead letters",
                    "Requests that are put aside and wait for somebody.",
                    {"{{queue}}": 'max by (queue) (evoke_dead_letters{queue=~"$queue"})'},
                ),
                Panel(
                    "Running",
                    "Jobs that run, as the API sees them.",
                    {"{{queue}}": 'max by (queue) (evoke_queue_running{queue=~"$queue"})'},
                ),
            ),
        ),
    ),
)
