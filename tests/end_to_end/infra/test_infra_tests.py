"""`infra_tests` and the load test, run as an operator runs them against a real system, with nothing left out."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.engines import Engine
from tests.system.collector import collecting
from tests.system.processes import ROOT
from tests.system.supervised import Up, running_up

pytestmark = [pytest.mark.timeout(600), pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def deployed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, str]]:
    """An evoke with all shipped models and the poisonous one, and the URL of its traces."""
    folder = tmp_path_factory.mktemp("deployed")
    catalogue = ROOT / "infra_tests" / "poison" / "models.yaml"
    models = "shapes-64,factorial,poison"
    with collecting() as collector:
        settings = {"EVOKE_CATALOGUE": str(catalogue), "EVOKE_OTLP_ENDPOINT": collector.url}
        options = ("--models", models, "--engine", engine.name)
        with running_up(folder, *options, **engine.environment(folder), **settings) as up:
            up.wait_until_ready()
            yield up, collector.url


def test_the_infra_tests_pass_and_leave_nothing_out(deployed: tuple[Up, str], tmp_path: Path) -> None:
    up, traces = deployed
    # A copy in another place shows that they need nothing of the project beside them.
    shutil.copytree(ROOT / "infra_tests", tmp_path / "infra_tests")
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "infra_tests", "-q", "-p", "no:cacheprovider", "-rs"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "BASE_URL": up.url,
            "TRACES_URL": traces,
            "POISON_JOB": '{"model": "poison", "input": {}}',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-4000:]
    assert "skipped" not in told.stdout, told.stdout[-2000:]


def load(up: Up, *options: str) -> subprocess.CompletedProcess[str]:
    # Not imported to see: it changes the standard library of the process that imports it, threads and locks too.
    if importlib.util.find_spec("locust") is None:
        pytest.skip("needs the dependency group load")
    script = ROOT / "infra_tests" / "locust" / "load_test.py"
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(script),
        "--headless",
        "--only-summary",
        "--host",
        up.url,
    ]
    command += ["--users", "4", "--spawn-rate", "4", "--run-time", "8s", "--stop-timeout", "30s", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_load_within_its_budget_succeeds(deployed: tuple[Up, str]) -> None:
    told = load(deployed[0], "--budget-submit-ms", "60000", "--budget-job-s", "600")
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    assert "BROKEN" not in told.stdout


def test_a_load_beyond_its_budget_fails(deployed: tuple[Up, str]) -> None:
    told = load(deployed[0], "--budget-submit-ms", "0.001")
    assert told.returncode == 1, told.stdout[-3000:] + told.stderr[-3000:]
    assert "BROKEN" in told.stdout
