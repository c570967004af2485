"""What a cluster does to pods loses nothing: killed containers, drained nodes, pools that grow and shrink, upgrades
under load and upgrades that fail.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from tests.infrastructure.chart.rendering import Refused
from tests.infrastructure.cluster.installation import INSTANCE, POOL, SMALL, WORKERS, Api, Installation
from tests.infrastructure.cluster.killing import kill, restarts
from tests.infrastructure.cluster.kubectl import asked, kubectl
from tests.infrastructure.cluster.load import load
from tests.system.processes import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

LONG = 60_000
"""A factorial that takes about a second."""
RATE = float(os.environ.get("EVOKE_CLUSTER_RATE", "50"))
UNDER_LOAD_S = 10.0
TERMINAL = "('succeeded.v1', 'failed.v1', 'cancelled.v1')"


def running(api: Api, ids: list[str]) -> None:
    """Wait until a worker is at it."""
    eventually(lambda: any(api.job(each)["status"] == "running" for each in ids), "a job runs")


@pytest.mark.parametrize("container", ["sidecar", "model"])
def test_jobs_outlive_a_container_that_is_killed(
    installation: Installation, killers: str, container: str
) -> None:
    (pod,) = (each["metadata"]["name"] for each in installation.pods(WORKERS))
    before = restarts(installation.namespace, pod, container)
    with installation.forwarded() as api:
        ids = [api.submit(LONG) for _ in range(8)]
        running(api, ids)
        kill(installation.namespace, pod, container, killers=killers)
        api.finish(ids)
    assert restarts(installation.namespace, pod, container) > before


def test_a_pool_goes_from_one_to_three_to_none_and_back_and_loses_nothing(installation: Installation) -> None:
    with installation.forwarded() as api:
        ids = [api.submit(LONG) for _ in range(12)]
        try:
            for number in (3, 0):
                installation.scale(WORKERS, number)
            ids.append(api.submit(10))
            time.sleep(2)
            assert api.job(ids[-1])["status"] == "queued"
        finally:
            installation.scale(WORKERS, 1)
        api.finish(ids)


def test_a_node_can_be_drained(installation: Installation) -> None:
    (pod,) = installation.pods(WORKERS)
    node = pod["spec"]["nodeName"]
    with installation.forwarded() as api:
        ids = [api.submit(LONG) for _ in range(8)]
    selected = f"--pod-selector={INSTANCE}"
    try:
        kubectl("drain", node, selected, "--delete-emptydir-data", "--timeout=180s", deadline_s=200)
        gone = {each["metadata"]["name"] for each in asked("-n", installation.namespace, "pods")["items"]}
        assert pod["metadata"]["name"] not in gone
    finally:
        kubectl("uncordon", node)
    for component in ("api", "archiver", WORKERS):
        installation.ready(component)
    with installation.forwarded() as api:
        api.finish(ids)


def test_an_upgrade_under_load_refuses_loses_and_doubles_nothing(installation: Installation) -> None:
    wide: dict[str, Any] = {"api": {"replicas": 2, "resources": SMALL}, "workers": [{**POOL, "replicas": 2}]}
    installation.install(**wide)
    with load(installation, RATE) as seen:
        time.sleep(UNDER_LOAD_S)
        installation.install(**wide, settings={"EVOKE_LOG_LEVEL": "warning"})
        time.sleep(UNDER_LOAD_S)
    print(f"accepted {len(seen.accepted)}, p95 {seen.p95_ms:.0f} ms, slowest {seen.slowest_ms:.0f} ms")
    assert not seen.refused, seen.refused[:5]
    since = min(seen.accepted)
    with installation.forwarded() as api:
        ended = (
            f"SELECT count(*), count(DISTINCT job_id) FROM job_events WHERE type IN {TERMINAL} "
            f"AND job_id >= '{since}' AND job_time > current_timestamp - INTERVAL '1' DAY"
        )
        submitted = ended.replace(TERMINAL, "('requested.v1')")
        expected = [[len(seen.accepted)] * 2]
        eventually(lambda: api.rows(submitted) == expected, f"{expected} submits are archived", 120)
        eventually(lambda: int(api.rows(ended)[0][1]) == len(seen.accepted), "all have ended", 240)
        assert api.rows(ended) == expected
        kinds = api.rows(
            f"SELECT DISTINCT type FROM job_events WHERE type IN {TERMINAL} AND job_id >= '{since}'"
        )
        assert kinds == [["succeeded.v1"]]
    installation.install()


def test_an_upgrade_that_does_not_come_up_is_rolled_back(installation: Installation) -> None:
    with pytest.raises(Refused):
        installation.install("--atomic", ready_s=60, workers=[{**POOL, "args": ["--no-such-option"]}])
    installation.ready(WORKERS)
    installation.test()
