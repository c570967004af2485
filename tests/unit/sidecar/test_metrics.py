"""What a sidecar's figures say, and that their labels are bounded."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from worker_sidecar.metrics import OfQueue, SidecarMetrics


def shown(counted: CollectorRegistry) -> str:
    registry = CollectorRegistry()
    registry.register(OfQueue(counted, "q"))
    return generate_latest(registry).decode()


def test_every_figure_has_the_queue_as_a_label() -> None:
    counted = CollectorRegistry()
    SidecarMetrics(counted, ["m"]).steps.labels("m").inc(3)
    lines = [line for line in shown(counted).splitlines() if not line.startswith("#")]
    assert lines
    assert all('queue="q"' in line for line in lines)
    assert 'evoke_model_steps_total{model="m",queue="q"} 3.0' in lines


def test_a_model_that_the_catalogue_does_not_have_makes_no_label_of_its_own() -> None:
    metrics = SidecarMetrics(CollectorRegistry(), ["m"])
    assert [metrics.label(model) for model in ("m", "stranger-1", "stranger-2")] == ["m", "other", "other"]


def test_counters_are_there_before_their_first_event() -> None:
    counted = CollectorRegistry()
    SidecarMetrics(counted, ["m"])
    lines = shown(counted).splitlines()
    assert 'evoke_attempts_total{outcome="failed",queue="q"} 0.0' in lines
    assert 'evoke_jobs_ended_total{error="deadline",model="m",queue="q",status="failed"} 0.0' in lines


def test_what_containers_report_is_shown_where_it_is_known() -> None:
    counted = CollectorRegistry()
    metrics = SidecarMetrics(counted, ["m"])
    metrics.measured("m", {"gpu_memory_bytes": 5e9, "colour": 1.0})
    text = shown(counted)
    assert 'evoke_gpu_memory_bytes{model="m",queue="q"} 5e+09' in text
    assert "colour" not in text
