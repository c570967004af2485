"""What a sidecar counts. Labels are bounded: outcomes and error classes, never ids."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)


class SidecarMetrics:
    """The metrics of one sidecar process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register everything in `registry`, so that several sidecars can live in one process."""
        self.attempts = Counter(
            "evoke_attempts_total",
            "Ended attempts by outcome: succeeded, failed, retried, yielded, poison, seen (was terminal already).",
            ["outcome"],
            registry=registry,
        )
        self.failures = Counter(
            "evoke_attempt_failures_total", "Failed attempts by error class.", ["error"], registry=registry
        )
        self.run_seconds = Histogram(
            "evoke_attempt_seconds",
            "From an attempt's start to its end.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "evoke_queue_seconds",
            "From a job's submission to its first start, by the clocks of API and sidecar.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.overhead_seconds = Histogram(
            "evoke_sidecar_overhead_seconds",
            "Of a job that succeeded: from its receipt to its end, without the model's own time.",
            buckets=(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1),
            registry=registry,
        )
        self.in_flight = Gauge("evoke_jobs_in_flight", "Jobs in this sidecar's hands.", registry=registry)
        self.model_up = Gauge("evoke_model_up", "1 while the model container answers.", registry=registry)
        self.append_retries = Counter(
            "evoke_log_retries_total", "Writes to log or queue that had to be tried again.", registry=registry
        )
