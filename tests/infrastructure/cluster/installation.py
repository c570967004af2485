"""evoke as it is installed on the cluster: what its chart is told, its pods, its API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from tests.infrastructure.chart.rendering import CHART, Object, helm
from tests.infrastructure.cluster.engines import HOST, credentials
from tests.infrastructure.cluster.kubectl import asked, kubectl, made_namespace
from tests.system.collector import collecting
from tests.system.processes import ROOT, eventually, free_port

REGISTRY = os.environ.get("EVOKE_CLUSTER_REGISTRY", "localhost")
TAG = os.environ.get("EVOKE_CLUSTER_TAG", "")
SMALL = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
"""Of every process: the machines of tests are small."""
POOL = {"name": "factorial", "queue": "factorial", "container": "factorial", "drainSeconds": 20}
WORKERS = "worker-factorial"
INSTANCE = "app.kubernetes.io/instance=evoke"
READY_S = 300


def name_servers() -> list[Object]:
    """Where the cluster's names are asked for: pods in most clusters, a process of the node in some."""
    slices = asked("-n", "kube-system", "endpointslices", "-l", "kubernetes.io/service-name=kube-dns")[
        "items"
    ]
    found = [address for each in slices for end in each["endpoints"] for address in end["addresses"]]
    return [{"ipBlock": {"cidr": f"{address}/32"}} for address in found]


class Installation:
    """A release `evoke` in a namespace. engine: the chart's values of its servers. traces_url: of its collector."""

    def __init__(self, namespace: str, engine: Mapping[str, Any], traces_url: str) -> None:
        self.namespace = namespace
        self.traces_url = traces_url
        self._engine = engine

    def values(self, **more: Any) -> dict[str, Any]:
        """What the chart is told; `more` stands in for whole values."""
        own = {
            "pulsar": {**self._engine["pulsar"], "namespace": self.namespace},
            "catalog": {**self._engine["catalog"], "namespace": self.namespace.replace("-", "_")},
        }
        return {
            "image": {"registry": REGISTRY, "tag": TAG},
            "engine": {**self._engine, **own},
            "api": {"replicas": 1, "resources": SMALL},
            "archiver": {"resources": SMALL},
            "admin": {"resources": SMALL},
            "monitoring": {"otlpEndpoint": self.traces_url},
            "networkPolicy": {"enabled": True, "dnsTo": name_servers()},
            "workers": [POOL],
            "workerDefaults": {"modelResources": SMALL, "sidecarResources": SMALL},
            **more,
        }

    def install(self, *words: str, ready_s: int = READY_S, **more: Any) -> None:
        """Install or upgrade it, and wait until it is ready and what it replaced is gone. Raises Refused."""
        told = ("upgrade", "--install", "evoke", str(CHART), "--namespace", self.namespace, "--wait")
        values = self.values(**more)
        helm(*told, f"--timeout={ready_s}s", *words, values=values, deadline_s=2 * ready_s + 60)
        # A tunnel to a Service may lead to a pod that is about to be replaced, and ends with it.
        self.kubectl("rollout", "status", "deployment", "-l", INSTANCE, f"--timeout={ready_s}s")
        eventually(lambda: not self._going(), "the pods that were replaced are gone", ready_s)

    def uninstall(self) -> None:
        """Take it away, and wait until its pods are gone."""
        helm("uninstall", "evoke", "--namespace", self.namespace, "--wait", deadline_s=READY_S)

    def test(self) -> None:
        """`helm test`: a job goes the whole way."""
        helm("test", "evoke", "--namespace", self.namespace, deadline_s=READY_S)

    def promises(self, *words: str, **environment: str) -> None:
        """Run `infra_tests` on it, with more words for pytest and what they are told beside its address."""
        command = (sys.executable, "-m", "pytest", *words, "-q", "-p", "no:cacheprovider", "--timeout=300")
        with self.forwarded() as api:
            told = {"BASE_URL": api.url, "TRACES_URL": self.traces_url, **environment}
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **told},
                capture_output=True,
                text=True,
                check=False,
                timeout=800,
            )
        print(done.stdout)
        assert done.returncode == 0, done.stdout[-6000:]

    def kubectl(self, *words: str, given: object = None, deadline_s: float = READY_S) -> str:
        """Run kubectl in its namespace."""
        return kubectl("-n", self.namespace, *words, given=given, deadline_s=deadline_s)

    def pods(self, component: str, *, going: bool = False) -> list[Object]:
        """The pods of a process. going: those too that are about to end, which may take one more job before they do."""
        selected = ("-l", f"app.kubernetes.io/component={component}")
        items: list[Object] = asked("-n", self.namespace, "pods", *selected)["items"]
        return [each for each in items if going or "deletionTimestamp" not in each["metadata"]]

    def _going(self) -> list[Object]:
        items = asked("-n", self.namespace, "pods", "-l", INSTANCE)["items"]
        return [each for each in items if "deletionTimestamp" in each["metadata"]]

    def scale(self, component: str, number: int) -> None:
        """Ask for a number of pods, and wait until so many are there and the others gone."""
        self.kubectl("scale", f"deployment/evoke-{component}", f"--replicas={number}")
        eventually(
            lambda: len(self.pods(component, going=True)) == number, f"{number} pods of {component}", READY_S
        )

    def ready(self, component: str) -> None:
        """Wait until a process is as it was asked for."""
        self.kubectl("rollout", "status", f"deployment/evoke-{component}", f"--timeout={READY_S}s")

    @contextmanager
    def forwarded(self) -> Iterator[Api]:
        """Its API, through a tunnel to one of its pods."""
        port = free_port()
        command = ("kubectl", "-n", self.namespace, "port-forward", "service/evoke-api", f"{port}:80")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield Api(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait()


@contextmanager
def prepared(engine: Mapping[str, Any]) -> Iterator[Installation]:
    """A namespace where evoke can be installed, with a collector of its traces; what was installed goes at the end."""
    with made_namespace("restricted") as name, collecting(HOST) as collector:
        kubectl("-n", name, "apply", "-f", "-", given=credentials())
        made = Installation(name, engine, collector.url)
        yield made
        made.uninstall()


class Api:
    """Jobs, over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def submit(self, number: int) -> str:
        """Ask for a factorial; returns the job's id."""
        return self.submit_to("factorial", {"no": number})

    def submit_to(self, model: str, value: Mapping[str, Any]) -> str:
        """Ask a model for something; returns the job's id."""
        told = self._asked("/v1/jobs", {"model": model, "input": value})
        return str(told["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as it is now."""
        return self._asked(f"/v1/jobs/{job_id}")

    def rows(self, sql: str) -> list[list[Any]]:
        """What SQL says."""
        found: list[list[Any]] = self._asked("/v1/query", {"sql": sql})["rows"]
        return found

    def finish(self, ids: list[str]) -> None:
        """Wait until all have succeeded; fails at once when one has ended otherwise."""
        waiting = set(ids)

        def all_done() -> bool:
            for each in tuple(waiting):
                told = self.job(each)
                assert told["status"] not in ("failed", "cancelled"), told
                if told["status"] == "succeeded":
                    waiting.discard(each)
            time.sleep(0.2)
            return not waiting

        eventually(all_done, "every job has succeeded", READY_S)

    def outputs(self, job_id: str) -> list[bytes]:
        """Wait for a job to succeed; returns the bytes of its artifacts."""
        self.finish([job_id])
        return [self._bytes(each["url"]) for each in self.job(job_id)["artifacts"]]

    def posted(self, path: str, body: bytes, media_type: str) -> dict[str, Any]:
        """What is answered to some bytes."""
        answer: dict[str, Any] = json.loads(self._bytes(path, body, media_type))
        return answer

    def _asked(self, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        found: dict[str, Any] = json.loads(self._bytes(path, data, "application/json"))
        return found

    def _bytes(self, path: str, body: bytes | None = None, media_type: str = "") -> bytes:
        headers = {"Content-Type": media_type} if media_type else {}
        request = urllib.request.Request(urljoin(self.url, path), body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: bytes = answer.read()
            return found
