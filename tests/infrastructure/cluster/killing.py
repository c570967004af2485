"""SIGKILL to a container's first process. Nothing inside can send it: the kernel keeps it from a container's own init.

So a pod that sees the node's processes sends it, in a namespace that lets such pods in.
"""

from __future__ import annotations

import secrets
from typing import Any

from tests.infrastructure.cluster.installation import READY_S, REGISTRY, TAG
from tests.infrastructure.cluster.kubectl import Told, asked, kubectl

KILL = """
import os, pathlib, signal, sys
found = sorted(
    int(path.parent.name)
    for path in pathlib.Path("/proc").glob("[0-9]*/cgroup")
    if sys.argv[1] in path.read_text()
)
os.kill(found[0], signal.SIGKILL)
print("killed", found[0])
"""


def kill(namespace: str, pod: str, container: str, *, killers: str) -> None:
    """Kill a container of a pod as the kernel would. killers: a namespace whose pods may do that."""
    told = asked("-n", namespace, "pod", pod)
    kubectl("-n", killers, "create", "-f", "-", given=(killer := _pod(told, container)))
    name = killer["metadata"]["name"]
    wait = ("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", f"--timeout={READY_S}s")
    kubectl("-n", killers, *wait, deadline_s=READY_S)


def restarts(namespace: str, pod: str, container: str) -> int:
    """How often a container was started again."""
    return int(_status(asked("-n", namespace, "pod", pod), container)["restartCount"])


def _status(pod: dict[str, Any], container: str) -> dict[str, Any]:
    listed = [*pod["status"].get("initContainerStatuses", []), *pod["status"]["containerStatuses"]]
    (found,) = (each for each in listed if each["name"] == container)
    return dict(found)


def _pod(victim: dict[str, Any], container: str) -> dict[str, Any]:
    identity = _status(victim, container).get("containerID", "").rpartition("/")[2]
    if not identity:
        raise Told(f"{container} of {victim['metadata']['name']} does not run")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"kill-{secrets.token_hex(3)}"},
        "spec": {
            "nodeName": victim["spec"]["nodeName"],
            "hostPID": True,
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "kill",
                    "image": f"{REGISTRY}/evoke-admin:{TAG}",
                    "command": ["python", "-c", KILL, identity],
                    "securityContext": {"runAsUser": 0, "privileged": True},
                }
            ],
        },
    }
