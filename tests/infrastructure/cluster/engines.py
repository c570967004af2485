"""The servers behind evoke, as a cluster reaches them: Services whose other end is this machine.

EVOKE_CLUSTER_HOST is the address of this machine as pods see it (minikube: that of `host.minikube.internal`). The
servers of the local stack are started on it for the tests, and are reached as Services of a namespace of their own.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.nessie import WAREHOUSE
from infrastructure.local.stack.server import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from infrastructure.local.stack.servers import SERVERS
from infrastructure.local.stack.stack import Stack
from infrastructure.local.stack.trino import CATALOG
from tests.infrastructure.chart.rendering import Object
from tests.infrastructure.cluster.kubectl import as_list, kubectl, leading_out

HOST = os.environ.get("EVOKE_CLUSTER_HOST", "")
SERVICES = {"pulsar": ("pulsar", "pulsar-admin"), "s3": ("s3",), "catalog": ("catalog",), "trino": ("trino",)}


@contextmanager
def engines(folder: Path, namespace: str) -> Iterator[dict[str, Any]]:
    """Start all servers, and yield the chart's values that name them."""
    stack = Stack(folder, cache_folder(), host=HOST)
    try:
        names = [port for server in SERVERS for port in server.ports]
        stack.up(ports=dict(zip(names, free_ports(len(names)), strict=True)))
        kubectl("-n", namespace, "apply", "-f", "-", given=as_list(_objects(stack.ports)))
        yield _values(stack.ports, namespace)
    finally:
        stack.down()


def free_ports(number: int, first: int = 21000) -> list[int]:
    """Free ports from the first on, below those of NodePorts, which networks let every pod reach on a node."""
    found: list[int] = []
    for port in range(first, 30000, 7):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                found.append(port)
        if len(found) == number:
            return found
    raise RuntimeError(f"no {number} free ports on {HOST}")


def credentials() -> Object:
    """The Secret by which evoke's pods reach the bucket."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s3"},
        "stringData": {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY},
    }


def _objects(ports: dict[str, int]) -> list[Object]:
    return [
        each
        for name, served in SERVICES.items()
        for each in leading_out(name, HOST, {port: (ports[port], ports[port]) for port in served})
    ]


def _values(ports: dict[str, int], namespace: str) -> dict[str, Any]:
    pulsar, s3, catalog, trino = (f"{name}.{namespace}.svc" for name in SERVICES)
    return {
        "pulsar": {
            "url": f"pulsar://{pulsar}:{ports['pulsar']}",
            "adminUrl": f"http://{pulsar}:{ports['pulsar-admin']}",
        },
        "s3": {
            "bucket": BUCKET,
            "region": REGION,
            "endpoint": f"http://{s3}:{ports['s3']}",
            "pathStyle": True,
            "credentialsSecret": "s3",
        },
        "catalog": {"uri": f"http://{catalog}:{ports['catalog']}/iceberg/", "warehouse": WAREHOUSE},
        "trino": {"url": f"http://{trino}:{ports['trino']}", "catalog": CATALOG},
    }
