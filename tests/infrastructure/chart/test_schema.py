"""Values that cannot be right stop an installation, by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infrastructure.chart.rendering import CHART, FULL, KUBERNETES, Refused, helm, rendered

pytestmark = pytest.mark.chart

POOL = {"name": "a", "queue": "a", "container": "factorial"}


def test_the_linter_has_nothing_to_say_about_the_defaults_and_about_every_option() -> None:
    helm("lint", "--strict", KUBERNETES, str(CHART))
    helm("lint", "--strict", KUBERNETES, str(CHART), "--values", str(FULL))


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"workers": []},
        {"workers": [{**POOL, "replicas": 0}]},
        {"workers": [{"name": "own", "queue": "q", "image": "example.org/own@sha256:0"}]},
        {"image": {"tag": "0.1.0-1a2b3c4", "pullPolicy": "Never"}},
        {"settings": {"EVOKE_LOG_LEVEL": "debug", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}},
        {"models": {"pull": {"links": [{"url": "https://example.org/a", "rename_to": "a.safetensors"}]}}},
    ],
    ids=str,
)
def test_good_values_are_taken(good: dict[str, Any]) -> None:
    assert rendered(good)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"api": {"replica": 2}}, "replica"),
        ({"api": {"replicas": -1}}, "replicas"),
        ({"api": {"service": {"type": "Loadbalancer"}}}, "type"),
        ({"api": {"ingress": {"enabled": True}}}, "host"),
        ({"api": {"httpRoute": {"enabled": True}}}, "gateway"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"engine": {"pulsar": {"url": "http://pulsar:6650"}}}, "url"),
        ({"engine": {"pulsar": {"partitions": 0}}}, "partitions"),
        ({"engine": {"pulsar": {"backlogBytes": 1000}}}, "backlogBytes"),
        ({"engine": {"s3": {"bucket": "x"}}}, "bucket"),
        ({"settings": {"EVOKE_PULSAR_TOKEN": "secret"}}, "EVOKE_PULSAR_TOKEN"),
        ({"settings": {"PATH": "/"}}, "PATH"),
        ({"workers": [{"queue": "a", "container": "factorial"}]}, "name"),
        ({"workers": [{"name": "a", "container": "factorial"}]}, "queue"),
        ({"workers": [{"name": "a", "queue": "a"}]}, "container"),
        ({"workers": [{**POOL, "name": "Upper"}]}, "name"),
        ({"workers": [{**POOL, "image": "without-a-tag"}]}, "image"),
        ({"workers": [{**POOL, "gpu": 1}]}, "gpu"),
        ({"workers": [{**POOL, "autoscaling": {"kind": "magic"}}]}, "kind"),
        ({"workers": [{**POOL, "autoscaling": {"maxReplicas": 0}}]}, "maxReplicas"),
        ({"workers": [{**POOL, "modelResources": {"limits": {"memory": "much"}}}]}, "memory"),
        ({"models": {"pull": {"links": [{"url": "ftp://example.org/a", "rename_to": "a"}]}}}, "url"),
        (
            {"models": {"pull": {"links": [{"url": "https://example.org/a", "rename_to": "../a"}]}}},
            "rename_to",
        ),
        ({"models": {"volume": {"accessMode": "ReadOnlyMany"}}}, "accessMode"),
        ({"archiver": {"compaction": {"schedule": "daily"}}}, "schedule"),
        ({"karpenter": {"enabled": True}}, "nodeClass"),
        ({"karpenter": {"nodePool": {"capacityTypes": ["cheap"]}}}, "capacityTypes"),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_by_name(bad: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        rendered(bad)
    assert "values don't meet the specifications" in str(refused.value)
    assert told in str(refused.value)
