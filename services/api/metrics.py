"""What the API counts. Labels are bounded: route templates, status classes, queues and lanes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from evoke.hot_view import HotView

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Tally:
    """A histogram for one thread: prometheus-client's own takes a lock and walks its buckets at every observation."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_LATENCY_BUCKETS_S) + 1)
        self._sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(_LATENCY_BUCKETS_S, duration_s)] += 1
        self._sum_s += duration_s

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Show it in Prometheus' way: counts up to each bound."""
        bounds = [*(str(bound) for bound in _LATENCY_BUCKETS_S), "+Inf"]
        family.add_metric(labels, list(zip(bounds, accumulate(self._counts), strict=True)), self._sum_s)


class Metrics(Collector):
    """The API's figures in one registry. submits: time of the durable append of a submission."""

    def __init__(self) -> None:
        self.submits = Tally()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, Tally] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def answered(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Count an answer. route: a template, never a path; method: one of the route's."""
        self._answers[route, method, status // 100] += 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = Tally()
        durations.observe(duration_s)

    def collect(self) -> Iterable[Metric]:
        """Answers and durations, as Prometheus' client asks for them."""
        answers = CounterMetricFamily(
            "evoke_api_requests", "Requests answered.", labels=("route", "method", "status")
        )
        for (route, method, kind), count in self._answers.items():
            answers.add_metric((route, method, f"{kind}xx"), count)
        yield answers
        said = "Time to an answer; streams count until they end."
        durations = HistogramMetricFamily("evoke_api_request_seconds", said, labels=("route",))
        for route, tally in self._durations.items():
            tally.add_to(durations, (route,))
        yield durations
        submits = HistogramMetricFamily(
            "evoke_api_append_seconds", "Time of the append of a submission.", labels=()
        )
        self.submits.add_to(submits, ())
        yield submits

    def watch(self, view: HotView) -> None:
        """Show the hot view's figures whenever somebody looks."""
        self._registry.register(_ViewFigures(view))

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format, those of the process included."""
        return generate_latest(self._registry) + generate_latest(REGISTRY)


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
