"""The hot view as figures: what waits and since when, what runs, how far the log has been followed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from evoke.domain.ids import job_time_ms
from evoke.hot_view import HotView


class ViewFigures(Collector):
    """Looks at the view whenever somebody asks for the figures."""

    def __init__(self, view: HotView) -> None:
        self._view = view

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """All of them. Several API processes tell the same of the queues, each from its own view."""
        yield from self._of_the_process()
        yield from self._of_the_queues()

    def _of_the_process(self) -> Iterator[GaugeMetricFamily]:
        view = self._view
        yield GaugeMetricFamily("evoke_hot_jobs", "Jobs in the hot view.", value=len(view))
        yield GaugeMetricFamily(
            "evoke_hot_finished_bytes", "Bytes of finished jobs in the hot view.", value=view.finished_bytes
        )
        yield GaugeMetricFamily("evoke_hot_keys", "Idempotency keys in the hot view.", value=len(view.keys))
        yield GaugeMetricFamily(
            "evoke_watchers", "Streams and waits that look on a job.", value=len(view.watchers)
        )
        yield GaugeMetricFamily(
            "evoke_tail_lag_seconds",
            "Age of the newest event of the log when it was folded into the hot view.",
            value=view.lag_ms / 1000,
        )

    def _of_the_queues(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("evoke_queue_waiting", "Jobs that wait.", labels=("queue", "lane"))
        said = "Age of the job that waits longest; 0 when none does."
        oldest = GaugeMetricFamily("evoke_queue_oldest_seconds", said, labels=("queue", "lane"))
        running = GaugeMetricFamily("evoke_queue_running", "Jobs that run.", labels=("queue",))
        letters = GaugeMetricFamily(
            "evoke_dead_letters", "Dead letters that are outstanding.", labels=("queue",)
        )
        now_s = time.time()
        for name, counts in self._view.queues.items():
            for lane, ids in counts.waiting.items():
                waiting.add_metric((name, lane.value), len(ids))
                since_s = now_s if ids.first is None else job_time_ms(ids.first) / 1000
                oldest.add_metric((name, lane.value), max(0.0, now_s - since_s))
            running.add_metric((name,), counts.running)
            letters.add_metric((name,), self._view.letters.of_queue[name])
        yield from (waiting, oldest, running, letters)
