"""The chart on a real cluster, with real servers behind it: it comes up, and does what evoke promises."""

from __future__ import annotations

import json

import pytest

from tests.infrastructure.cluster.installation import INSTANCE, POOL, WORKERS, Installation
from tests.infrastructure.cluster.kubectl import asked
from tests.system.processes import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

POISON = ROOT / "infra_tests" / "poison"
POISON_CATALOGUE = (POISON / "models.yaml").read_text()
SERVE_POISON = f"""
import pathlib, runpy, sys
path = pathlib.Path("/tmp/model.py")
path.write_text({(POISON / "model.py").read_text()!r})
sys.argv = ["sdk", str(path), *sys.argv[1:]]
runpy.run_module("model_containers.sdk", run_name="__main__")
"""
POISON_POOL = {**POOL, "name": "poison", "queue": "poison", "command": ["python", "-c", SERVE_POISON]}
"""In an image that has the SDK: each of its jobs kills its container."""


def test_a_job_goes_the_whole_way(installation: Installation) -> None:
    installation.test()


def test_no_container_was_started_twice(installation: Installation) -> None:
    for pod in asked("-n", installation.namespace, "pods", "-l", INSTANCE)["items"]:
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
    installation.install(workers=[POOL, POISON_POOL], catalogue=POISON_CATALOGUE)
    words = ("infra_tests", "--ignore=infra_tests/test_pictures.py")  # no pool here draws them
    installation.promises(*words, POISON_JOB=json.dumps({"model": "poison", "input": {}}))


@pytest.mark.parametrize("command", ["compact", "expire"])
def test_the_archives_upkeep_runs(installation: Installation, command: str) -> None:
    name = f"{command}-now"
    installation.kubectl("create", "job", name, f"--from=cronjob/evoke-{command}")
    installation.kubectl("wait", "--for=condition=Complete", f"job/{name}", "--timeout=240s")
