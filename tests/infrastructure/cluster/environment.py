"""An environment of Terraform in a folder of its own, applied to the cluster of KUBECONFIG."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.infrastructure.cluster.kubectl import Told, as_list, asked, kubectl
from tests.infrastructure.terraform.tools import copied, initialised

APPLY_S = 900


class Environment:
    """`environments/NAME`, with variables as a user writes them into terraform.tfvars."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = copied(folder) / "environments" / name
        # Helm's provider keeps what it fetched where Helm does: not in the user's folders.
        own = {
            f"HELM_{kind}_HOME": str(folder / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
        }
        self._environment = {**os.environ, **own, "TF_IN_AUTOMATION": "1", **(environment or {})}

    def write(self, variables: Mapping[str, Any]) -> None:
        """Write terraform.tfvars."""
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(variables, indent=2))

    def initialise(self) -> None:
        """`terraform init`; skips where the providers can't be had."""
        initialised(self.folder)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start Terraform."""
        options = () if words[0] == "state" else ("-input=false", "-no-color")
        return subprocess.Popen(
            ["terraform", *words, *options],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # the terminal's Ctrl-C is for the tests
        )

    def run(self, *words: str, allowed: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """Run Terraform to its end; returns its exit code and what it told."""
        return self.ended(self.start(*words), allowed)

    def ended(self, process: subprocess.Popen[str], allowed: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """Wait for a Terraform that was started."""
        try:
            told, _ = process.communicate(timeout=APPLY_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=APPLY_S)
            raise AssertionError(f"not within {APPLY_S} s: {told[-6000:]}") from None
        assert process.returncode in allowed, told[-6000:]
        return process.returncode, told

    def apply(self, *words: str) -> str:
        """Apply, and return what was told."""
        return self.run("apply", "-auto-approve", *words)[1]

    def unchanged(self) -> bool:
        """Whether a plan changes nothing."""
        code, told = self.run("plan", "-detailed-exitcode", allowed=(0, 2))
        if code:
            print(told)
        return code == 0

    def resources(self) -> list[str]:
        """The addresses of the state."""
        return self.run("state", "list")[1].split()


def there(kind: str, *words: str) -> list[str]:
    """The names of the cluster's objects of a kind; none where it does not know the kind."""
    try:
        items = asked(kind, *words)["items"]
    except Told:
        return []
    return sorted(each["metadata"]["name"] for each in items)


def disk(name: str, claim: tuple[str, str]) -> None:
    """A storage class that makes nothing, and a disk of it on the node, for one claim (namespace, name)."""
    namespace, claimed = claim
    made = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "storageClassName": name,
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": namespace, "name": claimed},
                "hostPath": {"path": f"/var/tmp/{name}", "type": "DirectoryOrCreate"},
            },
        },
    ]
    kubectl("create", "-f", "-", given=as_list(made))


def no_disk(name: str) -> None:
    """Take them away."""
    kubectl("delete", "persistentvolume", name, "--ignore-not-found")
    kubectl("delete", "storageclass", name, "--ignore-not-found")
