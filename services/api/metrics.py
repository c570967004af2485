"""What the API counts. Labels are bounded: route templates, status classes, queues and lanes."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from evoke.hot_view import HotView

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The API's figures in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "evoke_api_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self._latency = Histogram(
            "evoke_api_request_seconds",
            "Time to an answer; streams count until they end.",
            ("route",),
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.submits = Histogram(
            "evoke_api_append_seconds",
            "Time of the durable append of a submission.",
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Count an answer. route: a template, never a path; method: one of the route's."""
        key = (route, method, status // 100)
        found = self._children.get(key)
        if found is None:
            requests = self._requests.labels(route, method, f"{status // 100}xx")
            found = self._children[key] = (requests, self._latency.labels(route))
        found[0].inc()
        found[1].observe(duration_s)

    def watch(self, view: HotView) -> None:
        """Show the hot view's figures whenever somebody looks."""
        self.registry.register(_ViewFigures(view))

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format, those of the process included."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)


class _ViewFigures(Collector):
    def __init__(self, view: HotView) -> None:
        self._view = view

    def collect(self) -> Iterable[GaugeMetricFamily]:
        view = self._view
        yield GaugeMetricFamily("evoke_hot_jobs", "Jobs in the hot view.", value=len(view))
        yield GaugeMetricFamily(
            "evoke_hot_finished_bytes", "Bytes of finished jobs in the hot view.", value=view.finished_bytes
        )
        yield GaugeMetricFamily("evoke_hot_keys", "Idempotency keys in the hot view.", value=len(view.keys))
        yield GaugeMetricFamily(
            "evoke_dead_letters", "Dead letters that are outstanding.", value=len(view.letters)
        )
        yield GaugeMetricFamily(
            "evoke_watchers", "Streams and waits that look on a job.", value=len(view.watchers)
        )
        waiting = GaugeMetricFamily("evoke_queue_waiting", "Jobs that wait.", labels=("queue", "lane"))
        running = GaugeMetricFamily("evoke_queue_running", "Jobs that run.", labels=("queue",))
        for name, counts in view.queues.items():
            for lane, ids in counts.waiting.items():
                waiting.add_metric((name, lane.value), len(ids))
            running.add_metric((name,), counts.running)
        yield waiting
        yield running
