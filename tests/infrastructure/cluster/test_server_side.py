"""A real API server takes every object and every pod that the chart can make, under restricted Pod Security."""

from __future__ import annotations

import copy

import pytest

from tests.infrastructure.chart.rendering import Object, everything, pods, rendered
from tests.infrastructure.cluster.kubectl import Told, as_list, kubectl

pytestmark = [pytest.mark.chart, pytest.mark.cluster]


def dry_run(namespace: str, objects: list[Object]) -> str:
    return kubectl(
        "-n", namespace, "apply", "--dry-run=server", "--validate=strict", "-f", "-", given=as_list(objects)
    )


def in_namespace(objects: list[Object], namespace: str) -> list[Object]:
    moved = copy.deepcopy(objects)
    for each in moved:
        each["metadata"].pop("namespace", None)
    return moved


@pytest.mark.usefixtures("definitions")
@pytest.mark.parametrize("objects", [everything, rendered], ids=["every option", "defaults"])
def test_every_object_is_taken(namespace: str, objects: object) -> None:
    found = in_namespace(objects(), namespace)  # type: ignore[operator]  # both make objects
    accounts = [each for each in found if each["kind"] == "ServiceAccount"]
    kubectl(
        "-n", namespace, "apply", "-f", "-", given=as_list(accounts)
    )  # a pod is refused without its account
    assert dry_run(namespace, found).count("server dry run") == len(found)


def made_of(template: Object, name: str) -> Object:
    """The pod that a controller would make of a template; accounts are made by the release before it."""
    spec = {**copy.deepcopy(template["spec"]), "serviceAccountName": "default"}
    spec.pop("priorityClassName", None)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": name},
        "spec": spec,
    }


def test_every_pod_is_admitted_by_restricted_pod_security(namespace: str) -> None:
    made = []
    for index, (_, template) in enumerate(pods(everything())):
        pod = made_of(template, f"pod-{index}")
        pod["metadata"].pop("annotations", None)
        made.append(pod)
    kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", given=as_list(made))


def test_a_pod_that_runs_as_root_is_not(namespace: str) -> None:
    _, template = pods(rendered())[0]
    pod = made_of(template, "root")
    pod["spec"]["securityContext"] = {"runAsUser": 0}
    with pytest.raises(Told, match="violates PodSecurity"):
        kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", given=as_list([pod]))
