"""A namespace on a real cluster that is held to restricted Pod Security, and evoke in one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infrastructure.chart.kubernetes_schemas import custom_definitions
from tests.infrastructure.cluster.engines import HOST, engines
from tests.infrastructure.cluster.installation import TAG, Installation, prepared
from tests.infrastructure.cluster.kubectl import kubectl, made_namespace


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
    with prepared(engine) as made:
        made.install()
        yield made
