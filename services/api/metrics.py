"""What the API counts. Labels are bounded: route templates, methods, status classes, queues, lanes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from evoke.hot_view import HotView
from services.api.view_figures import ViewFigures

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Tally:
    """A histogram for one thread: prometheus-client's own takes a lock and walks its buckets at every observation."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_LATENCY_BUCKETS_S) + 1)
        self._sum_s = 0.0
        self._exemplars: dict[int, Exemplar] = {}

    def observe(self, duration_s: float, trace_id: str | None = None) -> None:
        """Count one observation. trace_id: of the trace that tells more of it, where there is one."""
        bucket = bisect_left(_LATENCY_BUCKETS_S, duration_s)
        self._counts[bucket] += 1
        self._sum_s += duration_s
        if trace_id is not None:
            self._exemplars[bucket] = Exemplar({"trace_id": trace_id}, duration_s)

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Show it in Prometheus' way: counts up to each bound."""
        bounds = [*(str(bound) for bound in _LATENCY_BUCKETS_S), "+Inf"]
        buckets: list[Sequence[object]] = [
            (bound, count, self._exemplars[place]) if place in self._exemplars else (bound, count)
            for place, (bound, count) in enumerate(zip(bounds, accumulate(self._counts), strict=True))
        ]
        family.add_metric(labels, buckets, self._sum_s)  # type: ignore[arg-type]  # its own type leaves exemplars out


class Metrics(Collector):
    """The API's figures in one registry. appends: time of the durable append of a submission."""

    def __init__(self) -> None:
        self.appends = Tally()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[tuple[str, str], Tally] = {}
        self._submits: Counter[tuple[str, str]] = Counter()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def answered(
        self, route: str, method: str, status: int, duration_s: float, trace_id: str | None = None
    ) -> None:
        """Count an answer. route: a template, never a path; method: one of the route's, or `other`."""
        self._answers[route, method, status // 100] += 1
        durations = self._durations.get((route, method))
        if durations is None:
            durations = self._durations[route, method] = Tally()
        durations.observe(duration_s, trace_id)

    def submitted(self, queue: str, lane: str, append_s: float) -> None:
        """Count a job that was accepted."""
        self._submits[queue, lane] += 1
        self.appends.observe(append_s)

    def collect(self) -> Iterable[Metric]:
        """Answers and durations, as Prometheus' client asks for them."""
        answers = CounterMetricFamily(
            "evoke_api_requests", "Requests answered.", labels=("route", "method", "status")
        )
        for (route, method, kind), count in self._answers.items():
            answers.add_metric((route, method, f"{kind}xx"), count)
        yield answers
        said = "Time to an answer; streams count until they end."
        durations = HistogramMetricFamily("evoke_api_request_seconds", said, labels=("route", "method"))
        for labels, tally in self._durations.items():
            tally.add_to(durations, labels)
        yield durations
        appends = HistogramMetricFamily(
            "evoke_api_append_seconds", "Time of the append of a submission.", labels=()
        )
        self.appends.add_to(appends, ())
        yield appends
        submits = CounterMetricFamily("evoke_submits", "Jobs accepted.", labels=("queue", "lane"))
        for names, count in self._submits.items():
            submits.add_metric(names, count)
        yield submits

    def watch(self, view: HotView) -> None:
        """Show the hot view's figures whenever somebody looks."""
        self._registry.register(ViewFigures(view))

    def exposition(self, *, exemplars: bool = False) -> bytes:
        """All figures, those of the process included: in Prometheus' text format, or with exemplars as OpenMetrics."""
        if not exemplars:
            return generate_latest(self._registry) + generate_latest(REGISTRY)
        return _openmetrics(self._registry).removesuffix(b"# EOF\n") + _openmetrics(REGISTRY)


def _openmetrics(registry: CollectorRegistry) -> bytes:
    text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # prometheus-client's own
    return text
