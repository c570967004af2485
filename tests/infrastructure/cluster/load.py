"""Submits at a steady rate from inside the cluster, through the Service, while a test changes things around it.

A pod of the admin image runs `submitting.py`, which counts and prints; each submit has a connection of its own, so that
each meets the Service as a new client does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infrastructure.chart.rendering import Object
from tests.infrastructure.cluster.installation import READY_S, REGISTRY, SMALL, TAG, Installation
from tests.infrastructure.cluster.kubectl import asked
from tests.system.processes import eventually

SCRIPT = Path(__file__).parent / "submitting.py"
NAME = "load"


@dataclass
class Load:
    """What came of it; filled once the load is over."""

    accepted: list[str]
    refused: list[str]
    slowest_ms: float = 0.0
    p95_ms: float = 0.0


@contextmanager
def load(installation: Installation, rate: float) -> Iterator[Load]:
    """Submit `rate` jobs a second while the block runs, and fill in what came of it at its end."""
    installation.kubectl("apply", "-f", "-", given=_script())
    installation.kubectl("create", "-f", "-", given=_pod(rate))
    seen = Load([], [])
    try:
        installation.kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", f"--timeout={READY_S}s")
        yield seen
        installation.kubectl("exec", NAME, "--", "touch", "/tmp/over")
        eventually(lambda: _phase(installation) != "Running", "the load is over", READY_S)
        told: dict[str, Any] = json.loads(installation.kubectl("logs", NAME).splitlines()[-1])
        seen.accepted, seen.refused = told["accepted"], told["refused"]
        seen.slowest_ms, seen.p95_ms = told["slowest_ms"], told["p95_ms"]
    finally:
        installation.kubectl("delete", "pod", NAME, "--now", "--ignore-not-found")


def _phase(installation: Installation) -> str:
    return str(asked("-n", installation.namespace, "pod", NAME)["status"]["phase"])


def _script() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME},
        "data": {SCRIPT.name: SCRIPT.read_text()},
    }


def _pod(rate: float) -> Object:
    container = {
        "name": "load",
        "image": f"{REGISTRY}/evoke-admin:{TAG}",
        "command": ["python", f"/load/{SCRIPT.name}", "http://evoke-api", str(rate)],
        "resources": SMALL,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "load", "mountPath": "/load"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [
                {"name": "load", "configMap": {"name": NAME}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }
