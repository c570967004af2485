"""Every object has the shape that Kubernetes 1.34, KEDA, Karpenter, the Gateway API and Prometheus' operator take."""

from __future__ import annotations

import copy

import pytest

from tests.infrastructure.chart.kubernetes_schemas import faults
from tests.infrastructure.chart.rendering import everything, name_of, named, rendered

pytestmark = pytest.mark.chart


def test_every_object_is_taken_with_every_option_in_use() -> None:
    objects = everything()
    kinds = {each["kind"] for each in objects}
    assert {
        "ScaledObject",
        "TriggerAuthentication",
        "NodePool",
        "EC2NodeClass",
        "HTTPRoute",
        "PodMonitor",
    } <= kinds
    assert {name_of(each): told for each in objects if (told := faults(each))} == {}


def test_every_object_is_taken_with_the_defaults() -> None:
    assert {name_of(each): told for each in rendered() if (told := faults(each))} == {}


def test_a_field_that_there_is_not_is_told() -> None:
    deployment = copy.deepcopy(named(everything(), "Deployment", "evoke-api"))
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    assert "livenesProbe" in str(faults(deployment))
    scaled = copy.deepcopy(named(everything(), "ScaledObject", "evoke-worker-pictures"))
    scaled["spec"]["minReplicas"] = 0
    assert "minReplicas" in str(faults(scaled))
