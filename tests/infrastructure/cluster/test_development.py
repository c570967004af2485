"""`environments/development`, as its page says: applied, used, changed, broken off, taken away.

The charts of others are stand-ins (`charts_of_others.py`) whose servers are those of the local stack; the S3 server,
its disk, its keys and evoke are the environment's own. The namespaces have fixed names, so that a cluster that has
them already is left alone. EVOKE_CLUSTER_S3_IMAGE: an image of versitygw that the cluster has, if not the usual one.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infrastructure.local.stack import nessie, processes, trino
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.processes import Running
from infrastructure.local.stack.server import ACCESS_KEY, BUCKET, SECRET_KEY, Server
from infrastructure.local.stack.stack import Stack
from tests.infrastructure.chart.rendering import helm
from tests.infrastructure.cluster.charts_of_others import Chart, repository, service, way_to
from tests.infrastructure.cluster.engines import HOST, free_ports
from tests.infrastructure.cluster.environment import Environment, disk, no_disk, there
from tests.infrastructure.cluster.installation import REGISTRY, TAG, Installation
from tests.infrastructure.cluster.kubectl import Told, asked, kubectl
from tests.system.processes import eventually

NAMESPACES = ("catalog", "evoke", "pulsar", "s3", "trino")
POOL = {"name": "factorial", "queue": "factorial", "container": "factorial", "cpu": "50m", "memory": "512Mi"}
VERSIONS = {"pulsar": "4.6.0", "trino": "0.32.0", "nessie": "0.101.2"}
S3 = "http://s3.s3.svc:7070"
NODE_PORT = 31707

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(2400)]


class Servers:
    """Pulsar, Nessie and Trino on this machine. The last two have the keys of the environment's own S3 server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = Stack(folder, cache_folder(), host=HOST)
        names = ("pulsar", "pulsar-admin", "catalog", "catalog-management", "trino")
        self.ports = dict(zip(names, free_ports(len(names), first=25000), strict=True)) | {"s3": NODE_PORT}
        self._running: list[Running] = []

    def start(self) -> None:
        """Start the one that needs no keys."""
        self._stack.up(["pulsar"], ports=self.ports)

    def start_with(self, secret: str) -> None:
        """Start those that ask the S3 server; they know it by the node's port, pods by its Service."""
        for server in (nessie.SERVER, trino.SERVER):
            self._running.append(self._launched(server, secret))

    def _launched(self, server: Server, secret: str) -> Running:
        files, folder = server.fetch(cache_folder()), self._folder / server.name
        launch = server.launch(files, folder, self.ports, server.heap_mb, HOST)
        for path, text in launch.settings.items():
            own = text.replace(SECRET_KEY, secret).replace(
                f"s3://{BUCKET}/archive", f"s3://{BUCKET}-archive/warehouse"
            )
            own = own.replace(f"http://{HOST}:{NODE_PORT}", f"http://{node()}:{NODE_PORT}")
            if server is nessie.SERVER and path.endswith("application.properties"):
                own += f"nessie.catalog.service.s3.default-options.external-endpoint={S3}\n"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(own, encoding="utf-8")
        return processes.start(
            launch.command, folder, self._folder / f"{server.name}.log", launch.environment
        )

    def stop(self) -> None:
        """Stop them all."""
        for running in reversed(self._running):
            running.stop(20)
        self._stack.down()


def charts(ports: dict[str, int]) -> list[Chart]:
    """Stand-ins for the charts that the environment installs."""
    way_in = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s3-of-the-node", "namespace": "s3"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "s3"},
            "ports": [{"port": 7070, "nodePort": NODE_PORT}],
        },
    }
    pulsar = service("pulsar-proxy", HOST, {6650: ports["pulsar"], 80: ports["pulsar-admin"]})
    return [
        Chart("pulsar", VERSIONS["pulsar"], [*pulsar, way_to(HOST, "evoke")]),
        Chart("nessie", VERSIONS["nessie"], [*service("nessie", HOST, {19120: ports["catalog"]}), way_in]),
        Chart("trino", VERSIONS["trino"], service("trino", HOST, {8080: ports["trino"]})),
    ]


@dataclass
class Laptop:
    """The environment, applied once; its API."""

    environment: Environment
    variables: dict[str, Any]
    applied: str
    took_s: float
    evoke: Installation

    def write(self, **more: Any) -> None:
        self.environment.write({**self.variables, **more})

    def pods(self) -> int:
        """How many workers are asked for."""
        return int(asked("-n", "evoke", "deployment", "evoke-worker-factorial")["spec"]["replicas"])


def node() -> str:
    """The address of the cluster's node."""
    addresses = asked("nodes")["items"][0]["status"]["addresses"]
    return str(next(each["address"] for each in addresses if each["type"] == "InternalIP"))


def secret_key() -> str:
    """The key that the environment made up; empty before that."""
    try:
        data = asked("-n", "s3", "secret", "s3")["data"]
    except Told:
        return ""
    assert base64.b64decode(data["AWS_ACCESS_KEY_ID"]).decode() == ACCESS_KEY
    return base64.b64decode(data["AWS_SECRET_ACCESS_KEY"]).decode()


def applied_in_one_go(environment: Environment, servers: Servers) -> str:
    """Apply, and start what needs the keys as soon as there are any."""
    applying = environment.start("apply", "-auto-approve")
    while applying.poll() is None:
        if secret := secret_key():
            servers.start_with(secret)
            break
        time.sleep(0.5)
    return environment.ended(applying)[1]


@pytest.fixture(scope="module")
def laptop(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    if not (HOST and TAG):
        pytest.skip(
            "EVOKE_CLUSTER_HOST and EVOKE_CLUSTER_TAG do not say where pods find this machine, and its images"
        )
    if taken := set(NAMESPACES) & set(there("namespaces")):
        pytest.skip(f"the cluster has namespaces of these names already: {', '.join(sorted(taken))}")
    folder, name = tmp_path_factory.mktemp("development"), f"evoke-test-{secrets.token_hex(3)}"
    environment, servers = Environment("development", folder), Servers(folder / "servers")
    environment.initialise()
    with repository(charts(servers.ports), folder) as url:
        variables = {
            "kubeconfig": os.environ["KUBECONFIG"],
            "context": kubectl("config", "current-context").strip(),
            "storage_class": name,
            "registry": REGISTRY,
            "image_tag": TAG,
            "worker_pools": [{**POOL, "replicas": 1}],
            "chart_repositories": dict.fromkeys(VERSIONS, url),
        }
        if image := os.environ.get("EVOKE_CLUSTER_S3_IMAGE"):
            variables["s3_image"] = image
        environment.write(variables)
        disk(name, ("s3", "data"))
        try:
            servers.start()
            began = time.monotonic()
            told = applied_in_one_go(environment, servers)
            took_s = time.monotonic() - began
            yield Laptop(environment, variables, told, took_s, Installation("evoke", {}, ""))
        finally:
            environment.run("destroy", "-auto-approve", allowed=(0, 1))
            servers.stop()
            no_disk(name)


def test_it_is_applied_in_one_go(laptop: Laptop) -> None:
    print(f"applied in {laptop.took_s:.0f} s")
    assert re.search(r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed", laptop.applied)
    assert 'api = "kubectl -n evoke port-forward service/evoke-api 8000:80"' in laptop.applied
    assert set(NAMESPACES) <= set(there("namespaces"))


def test_a_second_plan_changes_nothing(laptop: Laptop) -> None:
    assert laptop.environment.unchanged()


def test_a_job_goes_the_whole_way(laptop: Laptop) -> None:
    laptop.evoke.test()
    with laptop.evoke.forwarded() as api:
        job = api.submit(20)
        api.finish([job])
        archived = f"SELECT count(*) FROM job_events WHERE job_id = '{job}' AND type = 'succeeded.v1'"
        eventually(lambda: api.rows(archived) == [[1]], "SQL sees the job", 120)


def test_evokes_pods_are_held_to_restricted_pod_security(laptop: Laptop) -> None:
    labels = asked("namespace", "evoke")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    with pytest.raises(Told, match="violates PodSecurity"):
        kubectl("-n", "evoke", "run", "root", "--image=none", "--privileged", "--dry-run=server")


def test_a_changed_variable_changes_what_runs_and_no_more(laptop: Laptop) -> None:
    laptop.write(worker_pools=[{**POOL, "replicas": 2}])
    told = laptop.environment.apply()
    assert "0 added, 1 changed, 0 destroyed" in told
    assert laptop.pods() == 2
    assert laptop.environment.unchanged()


def test_a_changed_template_of_evokes_chart_is_seen(laptop: Laptop) -> None:
    notes = laptop.environment.folder.parents[2] / "charts" / "evoke" / "templates" / "NOTES.txt"
    before = notes.read_text()
    try:
        notes.write_text(before + "changed\n")
        assert not laptop.environment.unchanged()
    finally:
        notes.write_text(before)
    assert laptop.environment.unchanged()


def test_what_somebody_changed_by_hand_is_seen_and_put_right(laptop: Laptop) -> None:
    kubectl("label", "namespace", "evoke", "pod-security.kubernetes.io/enforce=privileged", "--overwrite")
    assert not laptop.environment.unchanged()
    laptop.environment.apply()
    assert (
        asked("namespace", "evoke")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        == "restricted"
    )


def broken_off(laptop: Laptop, number: signal.Signals) -> str:
    """Apply a change, and end Terraform while Helm is at it; returns what it told."""
    before = int(helm_status()["version"])
    applying = laptop.environment.start("apply", "-auto-approve")
    eventually(lambda: int(helm_status()["version"]) > before, "Helm has begun", 120)
    if number == signal.SIGKILL:
        os.killpg(applying.pid, number)  # its providers too
    else:
        applying.send_signal(number)
    return laptop.environment.ended(applying, allowed=(0, 1, -signal.SIGKILL))[1]


def helm_status() -> dict[str, Any]:
    """What Helm knows of evoke's newest revision."""
    found: dict[str, Any] = json.loads(helm("status", "evoke", "-n", "evoke", "-o", "json"))
    return found


def test_an_apply_that_was_broken_off_goes_on(laptop: Laptop) -> None:
    laptop.write(worker_pools=[{**POOL, "replicas": 3}])
    broken_off(laptop, signal.SIGINT)
    laptop.environment.apply()
    assert laptop.pods() == 3
    assert laptop.environment.unchanged()


def test_an_apply_that_was_killed_goes_on_after_helm_took_it_back(laptop: Laptop) -> None:
    laptop.write(worker_pools=[{**POOL, "replicas": 1}])
    broken_off(laptop, signal.SIGKILL)
    assert helm_status()["info"]["status"] == "pending-upgrade"
    refused = laptop.environment.run("apply", "-auto-approve", allowed=(1,))[1]
    assert "another operation" in refused
    helm("rollback", "evoke", "-n", "evoke")
    laptop.environment.apply()
    assert laptop.pods() == 1
    assert laptop.environment.unchanged()
    laptop.evoke.test()


def test_it_goes_away_and_leaves_nothing(laptop: Laptop) -> None:
    told = laptop.environment.run("destroy", "-auto-approve")[1]
    assert "Destroy complete!" in told
    assert laptop.environment.resources() == []
    assert not set(NAMESPACES) & set(there("namespaces"))
    assert not [name for name in there("priorityclasses") if name.startswith("evoke-")]
    (volume,) = (
        each
        for each in asked("persistentvolumes")["items"]
        if each["metadata"]["name"] == laptop.variables["storage_class"]
    )
    assert volume["status"]["phase"] == "Released"  # the test's own: its class makes and takes away nothing
    assert not there("clusterroles", "-l", "app.kubernetes.io/part-of=evoke")


def test_it_can_be_had_again(laptop: Laptop) -> None:
    """What was left behind would be in the way."""
    plan = laptop.environment.run("plan", "-detailed-exitcode", allowed=(2,))[1]
    assert re.search(r"Plan: \d+ to add, 0 to change, 0 to destroy", plan)
