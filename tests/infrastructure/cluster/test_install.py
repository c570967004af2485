"""The chart on a real cluster, with real servers behind it: it comes up, and does what evoke promises."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.infrastructure.cluster.installation import WORKERS, Installation
from tests.infrastructure.cluster.kubectl import asked
from tests.system.processes import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_a_job_goes_the_whole_way(installation: Installation) -> None:
    installation.test()


def test_no_container_was_started_twice(installation: Installation) -> None:
    for pod in asked("-n", installation.namespace, "pods", "-l", "app.kubernetes.io/instance=evoke")["items"]:
        for each in pod["status"].get("containerStatuses", []):
            assert each["restartCount"] == 0, (pod["metadata"]["name"], each)


def test_what_a_pod_may_not_write_to_is_read_only(installation: Installation) -> None:
    (pod,) = installation.pods(WORKERS)
    touch = "import os; print(os.getuid(), os.access('/app', os.W_OK), os.access('/tmp', os.W_OK))"
    for container in ("sidecar", "model"):
        told = installation.kubectl(
            "exec", pod["metadata"]["name"], "-c", container, "--", "python", "-c", touch
        )
        assert told.split() == ["10001", "False", "True"]


def test_it_does_what_its_users_are_told(installation: Installation) -> None:
    words = ["infra_tests", "--ignore=infra_tests/test_pictures.py"]  # no pool here draws them
    with installation.forwarded() as api:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, "-q", "-p", "no:cacheprovider", "--timeout=300"],
            cwd=ROOT,
            env={**os.environ, "BASE_URL": api.url, "TRACES_URL": installation.traces_url},
            capture_output=True,
            text=True,
            check=False,
            timeout=800,
        )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize("command", ["compact", "expire"])
def test_the_archives_upkeep_runs(installation: Installation, command: str) -> None:
    name = f"{command}-now"
    installation.kubectl("create", "job", name, f"--from=cronjob/evoke-{command}")
    installation.kubectl("wait", "--for=condition=Complete", f"job/{name}", "--timeout=240s")
