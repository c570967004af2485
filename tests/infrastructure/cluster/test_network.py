"""The chart's NetworkPolicies on a network that enforces them: what has to be reached is, nothing else is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.infrastructure.chart.rendering import Object
from tests.infrastructure.cluster.engines import HOST
from tests.infrastructure.cluster.installation import (
    REGISTRY,
    SMALL,
    TAG,
    WORKERS,
    Installation,
    name_servers,
)
from tests.infrastructure.cluster.kubectl import as_list, kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

TRIES_S = 3
REACHED = f"""
import json, socket, sys
told = []
for host, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((host, port), {TRIES_S}).close()
        told.append(True)
    except OSError:
        told.append(False)
print(json.dumps(told))
"""
STRANGERS = {"app": "stranger"}
WATCHERS = {"app": "prometheus"}


def reached(namespace: str, pod: str, *places: tuple[str, int], container: str = "") -> list[bool]:
    """Which of some places (host, port) a pod can connect to."""
    chosen = ("-c", container) if container else ()
    command = ("exec", pod, *chosen, "--", "python", "-c", REACHED, json.dumps(places))
    found: list[bool] = json.loads(kubectl("-n", namespace, *command))
    return found


def bystander(name: str, labels: dict[str, str]) -> Object:
    """A pod that waits to be asked what it reaches."""
    container = {
        "name": "waits",
        "image": f"{REGISTRY}/evoke-admin:{TAG}",
        "command": ["python", "-c", "import signal; signal.pause()"],
        "resources": SMALL,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


@pytest.fixture(scope="module")
def guarded(installation: Installation) -> Installation:
    """evoke with every policy as narrow as it can be, beside a stranger and who collects its figures."""
    pods = [bystander("stranger", STRANGERS), bystander("prometheus", WATCHERS)]
    installation.kubectl("create", "-f", "-", given=as_list(pods))
    for pod in pods:
        installation.kubectl("wait", "--for=condition=Ready", f"pod/{pod['metadata']['name']}")
    here = [{"ipBlock": {"cidr": f"{HOST}/32"}}]
    watchers = [{"podSelector": {"matchLabels": WATCHERS}}]
    installation.install(
        networkPolicy={
            "enabled": True,
            "apiFrom": watchers,
            "metricsFrom": watchers,
            "dnsTo": name_servers(),
            **dict.fromkeys(("pulsarTo", "s3To", "catalogTo", "trinoTo"), here),
        }
    )
    (archiver,) = installation.pods("archiver")
    if all(reached(installation.namespace, "stranger", (archiver["status"]["podIP"], 9100))):
        pytest.skip("this cluster's network does not enforce NetworkPolicies")
    return installation


def servers(engine: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Host and port of each server behind evoke."""
    urls = {
        "pulsar": engine["pulsar"]["url"],
        "pulsar admin": engine["pulsar"]["adminUrl"],
        "s3": engine["s3"]["endpoint"],
        "catalog": engine["catalog"]["uri"],
        "trino": engine["trino"]["url"],
    }
    return {name: (urlsplit(url).hostname or "", urlsplit(url).port or 0) for name, url in urls.items()}


def test_a_job_goes_the_whole_way_under_the_policies(guarded: Installation) -> None:
    guarded.test()


@pytest.mark.parametrize(
    ("component", "container", "allowed"),
    [
        ("api", "api", {"pulsar", "pulsar admin", "s3", "trino"}),
        ("archiver", "archiver", {"pulsar", "pulsar admin", "s3", "catalog"}),
        (WORKERS, "sidecar", {"pulsar", "pulsar admin", "s3"}),
        (WORKERS, "model", {"pulsar", "pulsar admin", "s3"}),  # a pod has one network
    ],
)
def test_a_process_reaches_its_own_servers_and_no_other(
    guarded: Installation, engine: dict[str, Any], component: str, container: str, allowed: set[str]
) -> None:
    places = servers(engine)
    (pod,) = guarded.pods(component)
    found = reached(guarded.namespace, pod["metadata"]["name"], *places.values(), container=container)
    assert {name for name, is_reached in zip(places, found, strict=True) if is_reached} == allowed


def test_only_who_is_named_reaches_the_api_and_the_figures(guarded: Installation) -> None:
    pods = {name: guarded.pods(name)[0]["status"]["podIP"] for name in ("api", "archiver", WORKERS)}
    places = [(pods["api"], 8000), (pods["archiver"], 9100), (pods[WORKERS], 9100)]
    assert reached(guarded.namespace, "prometheus", *places) == [True, True, True]
    assert reached(guarded.namespace, "stranger", *places) == [False, False, False]


def test_workers_reach_neither_the_api_nor_each_other(guarded: Installation) -> None:
    (worker,), (api,) = guarded.pods(WORKERS), guarded.pods("api")
    places = [(api["status"]["podIP"], 8000), (guarded.pods("archiver")[0]["status"]["podIP"], 9100)]
    assert reached(guarded.namespace, worker["metadata"]["name"], *places, container="sidecar") == [
        False,
        False,
    ]
