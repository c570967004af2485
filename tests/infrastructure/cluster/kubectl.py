"""Runs kubectl against the cluster of KUBECONFIG."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class Told(Exception):
    """The server refused or warned; the message is what it said."""


def kubectl(*words: str, given: object = None, deadline_s: float = 120) -> str:
    """Run kubectl; `given` is sent to it as JSON. Warnings of the server count as refusals. Raises Told."""
    done = subprocess.run(
        ["kubectl", *words],
        input=None if given is None else json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=deadline_s,
    )
    if done.returncode != 0 or "Warning:" in done.stderr:
        raise Told(done.stdout + done.stderr)
    return done.stdout


def asked(*words: str) -> Any:
    """What `kubectl get ... -o json` tells."""
    return json.loads(kubectl("get", *words, "-o", "json"))


def as_list(objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several objects as one document."""
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


def leading_out(name: str, host: str, ports: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """A Service whose other end is a machine outside. ports: of the Service, and of the machine, by their names."""
    ends = [{"name": port, "port": other, "protocol": "TCP"} for port, (_, other) in ports.items()]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {
                "ports": [{"name": port, "port": own, "protocol": "TCP"} for port, (own, _) in ports.items()]
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host]}],
            "ports": ends,
        },
    ]


@contextmanager
def made_namespace(security: str) -> Iterator[str]:
    """A namespace while the block lasts, held to a level of Pod Security: `restricted`, `privileged`."""
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
