"""What a sidecar counts. Labels are bounded: outcomes, error classes, models of the catalogue, never ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from evoke.domain.errors import ErrorClass

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)

OUTCOMES = ("succeeded", "failed", "retried", "yielded", "poison", "seen")

REPORTED = {
    "gpu_memory_bytes": ("evoke_gpu_memory_bytes", "Most memory of the GPU that the last run took."),
    "gpu_utilisation_ratio": ("evoke_gpu_utilisation_ratio", "How busy the GPU was in the last run, 0 to 1."),
    "batch_size": ("evoke_batch_size", "Runs that the container served together with the last one."),
}
"""What containers may report of a run (`run.metric`) that becomes a figure here; all else goes to the log alone."""


class SidecarMetrics:
    """The metrics of one sidecar process."""

    def __init__(self, registry: CollectorRegistry, models: Iterable[str] = ()) -> None:
        """Register everything in `registry`, so that several sidecars can live in one process.

        models: ids that may be labels; what else a request names counts as `other`.
        """
        self.models = frozenset(models)
        self.attempts = Counter(
            "evoke_attempts_total",
            f"Ended attempts by outcome: {', '.join(OUTCOMES)} (was terminal already).",
            ["outcome"],
            registry=registry,
        )
        self.failures = Counter(
            "evoke_attempt_failures_total", "Failed attempts by error class.", ["error"], registry=registry
        )
        self.ended = Counter(
            "evoke_jobs_ended_total",
            "Jobs that this sidecar ended: succeeded, or failed for good with an error class.",
            ["model", "status", "error"],
            registry=registry,
        )
        self.run_seconds = Histogram(
            "evoke_attempt_seconds",
            "From an attempt's start to its end.",
            ["model"],
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
        self.together = Histogram(
            "evoke_jobs_together",
            "Jobs in the container as a run begins, itself included.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.steps = Counter(
            "evoke_model_steps_total", "Steps that models reported as done.", ["model"], registry=registry
        )
        self.in_flight = Gauge("evoke_jobs_in_flight", "Jobs in this sidecar's hands.", registry=registry)
        self.model_up = Gauge("evoke_model_up", "1 while the model container answers.", registry=registry)
        self.append_retries = Counter(
            "evoke_log_retries_total", "Writes to log or queue that had to be tried again.", registry=registry
        )
        self._reported = {
            key: Gauge(name, said, ["model"], registry=registry) for key, (name, said) in REPORTED.items()
        }
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """A counter that appears with its first event hides that event from `rate`."""
        for outcome in OUTCOMES:
            self.attempts.labels(outcome)
        for error in ErrorClass:
            self.failures.labels(error)
        for model in self.models:
            self.ended.labels(model, "succeeded", "")
            for error in ErrorClass:
                self.ended.labels(model, "failed", error)

    def label(self, model: str) -> str:
        """The label of a model that a request names."""
        return model if model in self.models else "other"

    def measured(self, model: str, metrics: Mapping[str, float]) -> None:
        """Show what a container reported of a run."""
        for key in self._reported.keys() & metrics.keys():
            self._reported[key].labels(self.label(model)).set(metrics[key])


class OfQueue(Collector):
    """Metrics of a registry with the label `queue`: a sidecar serves one, and what counts need not know it."""

    def __init__(self, metrics: CollectorRegistry, queue: str) -> None:
        self._metrics = metrics
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        for family in self._metrics.collect():
            family.samples = [
                sample._replace(labels={"queue": self._queue, **sample.labels}) for sample in family.samples
            ]
            yield family
