"""What the API's figures say."""

from __future__ import annotations

from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from evoke.domain.errors import ErrorClass
from evoke.domain.events import DeadLettered, Purged, Requested
from evoke.domain.ids import uuid7
from evoke.domain.topics import Lane
from evoke.hot_view import HotView
from evoke.ports.event_log import Position
from services.api.metrics import Metrics
from services.api.view_figures import ViewFigures

families_of: Any = text_string_to_metric_families

TRACE_ID = "a" * 32
NOW_MS = 2_000_000_000_000


def view_of_one_queue() -> HotView:
    return HotView(["q"], hot_bytes=1 << 20, window_s=60, clock_ms=lambda: NOW_MS)


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = families_of(metrics.exposition(exemplars=True).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_figures_with_exemplars_are_openmetrics_and_lead_to_traces() -> None:
    metrics = Metrics()
    metrics.answered("/v1/jobs", "POST", 202, 0.003, TRACE_ID)
    metrics.answered("/v1/jobs", "POST", 202, 0.004)
    families = families_of(metrics.exposition(exemplars=True).decode())
    (durations,) = (family for family in families if family.name == "evoke_api_request_seconds")
    told = [sample for sample in durations.samples if sample.exemplar is not None]
    assert [(sample.labels["le"], sample.exemplar.labels) for sample in told if sample.exemplar] == [
        ("0.005", {"trace_id": TRACE_ID})
    ]


def test_plain_figures_have_no_exemplars() -> None:
    metrics = Metrics()
    metrics.answered("/v1/jobs", "POST", 202, 0.003, TRACE_ID)
    assert TRACE_ID not in metrics.exposition().decode()


def test_accepted_jobs_are_counted_by_queue_and_lane() -> None:
    metrics = Metrics()
    for lane in ("interactive", "interactive", "bulk"):
        metrics.submitted("q", lane, 0.001)
    found = samples(metrics)
    assert found["evoke_submits_total", (("lane", "interactive"), ("queue", "q"))] == 2
    assert found["evoke_submits_total", (("lane", "bulk"), ("queue", "q"))] == 1
    assert found["evoke_api_append_seconds_count", ()] == 3


def test_the_age_of_the_longest_wait_is_told_by_lane() -> None:
    view = view_of_one_queue()
    metrics = Metrics()
    metrics.watch(view)
    job_id = uuid7(1_000_000_000_000, bytes(10))
    common: dict[str, Any] = {"tenant": "t", "queue": "q", "model": "m", "time_ms": 1_000_000_000_000}
    request = Requested(job_id=job_id, **common, input={}, lane=Lane.BULK)
    view.add_own(request, Position("1"), b"{}")
    found = samples(metrics)
    assert found["evoke_queue_waiting", (("lane", "bulk"), ("queue", "q"))] == 1
    assert found["evoke_queue_oldest_seconds", (("lane", "bulk"), ("queue", "q"))] > 700_000_000
    assert found["evoke_queue_oldest_seconds", (("lane", "interactive"), ("queue", "q"))] == 0


def test_dead_letters_are_counted_by_queue_until_they_are_thrown_away() -> None:
    view = view_of_one_queue()

    def outstanding() -> float:
        (family,) = (each for each in ViewFigures(view).collect() if each.name == "evoke_dead_letters")
        return next(sample.value for sample in family.samples if sample.labels == {"queue": "q"})

    common: dict[str, Any] = {"job_id": "j", "tenant": "t", "queue": "q", "model": "m", "time_ms": 1}
    letter = DeadLettered(
        **common, letter_id="l", request=b"", error=ErrorClass.POISON, message="", attempts=1, origin="o"
    )
    view.letters.fold(letter, "dlq", Position("1"), None)
    view.letters.fold(letter, "dlq", Position("2"), None)
    assert outstanding() == 1
    for _ in range(2):
        view.letters.fold(Purged(**common, letter_id="l"), "dlq", Position("3"), None)
    assert outstanding() == 0
