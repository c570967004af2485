"""Weights on a volume: fetched once by a Job, waited for by the workers that mount it, and only read by them.

The volume is a folder of a node, as minikube's are; a privileged pod in a namespace of its own makes it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from infrastructure.local.stack.server import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from tests.infrastructure.chart.rendering import Object
from tests.infrastructure.cluster.engines import HOST
from tests.infrastructure.cluster.installation import (
    POOL,
    READY_S,
    REGISTRY,
    TAG,
    WORKERS,
    Installation,
    prepared,
)
from tests.infrastructure.cluster.kubectl import asked, kubectl
from tests.system.weights_server import safetensors

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

CONTENT = safetensors(bytes(range(256)) * 3000)
LOOK = """
import hashlib, json, os, pathlib
files = {path.name: path for path in pathlib.Path("/models").glob("*.safetensors")}
told = {name: [hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_ino] for name, path in files.items()}
print(json.dumps([told, os.access("/models", os.W_OK)]))
"""


@pytest.fixture
def volume(killers: str) -> Iterator[str]:
    """A folder of the node as a PersistentVolume."""
    name = f"weights-{secrets.token_hex(3)}"
    path = f"/tmp/evoke-{name}"
    (node, *_) = (each["metadata"]["name"] for each in asked("nodes")["items"])
    kubectl("-n", killers, "create", "-f", "-", given=_keeper(name, path, node))
    kubectl("-n", killers, "wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={READY_S}s")
    kubectl("create", "-f", "-", given=_volume(name, path, node))
    try:
        yield name
    finally:
        kubectl("delete", "pv", name, "--wait=false")
        kubectl("-n", killers, "exec", name, "--", "sh", "-c", "rm -rf /weights/* /weights/.[!.]*")


def _keeper(name: str, path: str, node: str) -> Object:
    container = {
        "name": "keeper",
        "image": f"{REGISTRY}/evoke-admin:{TAG}",
        "command": ["sh", "-c", "chmod 0777 /weights && exec sleep 3600"],
        "securityContext": {"runAsUser": 0, "privileged": True},
        "volumeMounts": [{"name": "weights", "mountPath": "/weights"}],
    }
    folder = {"name": "weights", "hostPath": {"path": path, "type": "DirectoryOrCreate"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "containers": [container],
            "volumes": [folder],
            "terminationGracePeriodSeconds": 0,
        },
    }


def _volume(name: str, path: str, node: str) -> Object:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


@pytest.fixture
def bucket(engine: dict[str, Any]) -> list[dict[str, str]]:
    """Two files of weights in the bucket, as links."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{HOST}:{urlsplit(engine['s3']['endpoint']).port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )
    names = ("one.safetensors", "two.safetensors")
    for name in names:
        client.put_object(Bucket=BUCKET, Key=f"weights/{name}", Body=CONTENT)
    return [{"url": f"s3://{BUCKET}/weights/{name}", "rename_to": f"own-{name}"} for name in names]


def seen(installation: Installation) -> dict[str, tuple[str, int]]:
    """Digest and inode of each file of weights as a worker sees it, which can't write there."""
    (pod,) = installation.pods(WORKERS)
    command = ("exec", pod["metadata"]["name"], "-c", "model", "--", "python", "-c", LOOK)
    files, can_write = json.loads(installation.kubectl(*command))
    assert not can_write
    return {name: (digest, inode) for name, (digest, inode) in files.items()}


def jobs(installation: Installation) -> dict[str, str]:
    """Name and uid of every Job that fetches weights."""
    selected = ("-l", "app.kubernetes.io/component=models")
    items = asked("-n", installation.namespace, "jobs", *selected)["items"]
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in items}


def test_weights_are_fetched_once_and_workers_wait_for_them(
    engine: dict[str, Any], volume: str, bucket: list[dict[str, str]]
) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    with prepared(engine) as made:

        def install(links: list[dict[str, str]], **more: Any) -> None:
            models = {
                "volume": {"enabled": True, "volumeName": volume, "size": "1Gi"},
                "pull": {"enabled": True, "links": links},
            }
            made.install(workers=[{**POOL, "modelsVolume": True}], models=models, **more)

        install(bucket[:1])
        first, fetched = seen(made), jobs(made)
        assert {name: told[0] for name, told in first.items()} == {"own-one.safetensors": digest}

        install(bucket[:1], settings={"EVOKE_LOG_LEVEL": "warning"})
        assert jobs(made) == fetched, "an upgrade that asks for nothing new fetches nothing"

        install(bucket)
        second = seen(made)
        assert second["own-one.safetensors"] == first["own-one.safetensors"], (
            "what is there is not fetched again"
        )
        assert second["own-two.safetensors"][0] == digest
        assert len(jobs(made)) == 1
