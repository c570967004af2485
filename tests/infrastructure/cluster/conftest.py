"""A namespace on a real cluster that is held to restricted Pod Security, and evoke in one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.infrastructure.chart.kubernetes_schemas import custom_definitions
from tests.infrastructure.cluster.engines import HOST, credentials, engines
from tests.infrastructure.cluster.installation import TAG, Installation
from tests.infrastructure.cluster.kubectl import kubectl
from tests.system.collector import collecting


@pytest.fixture(scope="session")
def cluster() -> None:
    """The cluster of KUBECONFIG."""
    if not os.environ.get("KUBECONFIG"):
        pytest.fail("these tests need a cluster: set KUBECONFIG")
    kubectl("version")


@pytest.fixture(scope="session")
def definitions(cluster: None) -> None:
    """The custom resources that the chart can make are known to the cluster."""
    for path in custom_definitions():
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
        kubectl("wait", "--for=condition=Established", "-f", str(path), "--timeout=60s")


@contextmanager
def made_namespace(security: str) -> Iterator[str]:
    name = f"evoke-test-{secrets.token_hex(3)}"
    labels = {f"pod-security.kubernetes.io/{mode}": security for mode in ("enforce", "warn")}
    kubectl(
        "create",
        "-f",
        "-",
        given={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
    )
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace(cluster: None) -> Iterator[str]:
    with made_namespace("restricted") as name:
        yield name


@pytest.fixture(scope="session")
def engine(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The chart's values of the servers behind evoke."""
    if not (HOST and TAG):
        pytest.skip(
            "EVOKE_CLUSTER_HOST and EVOKE_CLUSTER_TAG do not say where pods find this machine, and its images"
        )
    with made_namespace("restricted") as name, engines(tmp_path_factory.mktemp("stack"), name) as found:
        yield found


@pytest.fixture(scope="session")
def killers(cluster: None) -> Iterator[str]:
    """A namespace whose pods may see the processes of their node."""
    with made_namespace("privileged") as name:
        yield name


@pytest.fixture(scope="module")
def installation(engine: dict[str, Any]) -> Iterator[Installation]:
    """evoke, installed and ready; one for the tests of a module."""
    with made_namespace("restricted") as name, collecting(HOST) as collector:
        kubectl("-n", name, "apply", "-f", "-", given=credentials())
        made = Installation(name, engine, collector.url)
        made.install()
        yield made
        made.uninstall()
