"""Pools that are as large as their queue: by KEDA down to nothing and back, by a plain HPA on the processor's use.

Each is left out where the cluster has not what it needs: KEDA, or a metrics-server.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.infrastructure.cluster.installation import POOL, READY_S, SMALL, WORKERS, Installation
from tests.infrastructure.cluster.kubectl import Told, asked
from tests.system.processes import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

LONG = 60_000
"""A factorial that takes about a second."""
COOLDOWN_S = 15
BUSY = {**SMALL, "requests": {"cpu": "200m", "memory": "64Mi"}}
"""Of a model: an HPA sees shares of what is asked for, and a sidecar that waits takes a good part of very little."""
KEDA = "v1beta1.external.metrics.k8s.io"
METRICS = "v1beta1.metrics.k8s.io"


def needs(service: str) -> None:
    """Leave the test out where the cluster does not serve these figures."""
    try:
        conditions = asked("apiservice", service)["status"]["conditions"]
    except Told:
        conditions = []
    if not any(each["type"] == "Available" and each["status"] == "True" for each in conditions):
        pytest.skip(f"this cluster does not serve {service}")


def scaled(installation: Installation, **autoscaling: Any) -> None:
    scaling = {"cooldownSeconds": COOLDOWN_S, "maxReplicas": 3, **autoscaling}
    installation.install(workers=[{**POOL, "modelResources": BUSY, "autoscaling": scaling}])


def size(installation: Installation) -> int:
    return len(installation.pods(WORKERS))


def test_a_pool_of_keda_goes_to_none_and_back_and_loses_nothing(installation: Installation) -> None:
    needs(KEDA)
    scaled(installation, kind="keda", minReplicas=0, jobsPerWorker=4)
    eventually(lambda: size(installation) == 0, "nobody works while there is nothing to do", READY_S)
    with installation.forwarded() as api:
        began = time.monotonic()
        first = api.submit(10)
        api.finish([first])
        print(f"from none: the first job was done {time.monotonic() - began:.1f} s after it was submitted")
        ids = [api.submit(LONG) for _ in range(40)]
        eventually(lambda: size(installation) > 1, "a long queue has more workers", READY_S)
        api.finish(ids)
        eventually(lambda: size(installation) == 0, "nobody works any more", READY_S)
        again = api.submit(10)
        api.finish([again])
    installation.install()


def test_a_pool_of_an_hpa_grows_while_it_works_hard_and_shrinks_again(installation: Installation) -> None:
    needs(METRICS)
    scaled(installation, kind="hpa", minReplicas=1, targetCPUUtilizationPercentage=50)
    with installation.forwarded() as api:
        ids = [api.submit(LONG) for _ in range(60)]
        eventually(lambda: size(installation) > 1, "a pool that works hard grows", READY_S)
        api.finish(ids)
    eventually(lambda: size(installation) == 1, "a pool that is idle shrinks", READY_S)
    installation.install()
