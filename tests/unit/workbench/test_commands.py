"""`evoke model`: a new container that works at once, runs without a queue, measurements, errors that say what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evoke.catalogue_file import load_catalogue
from tests.system.processes import ROOT

pytestmark = pytest.mark.timeout(240)
FACTORIAL = f"{sys.executable} -m model_containers.factorial"
SEVERAL = """
from pydantic import BaseModel
from model_containers.sdk import Manifest, Model, Result

class Nothing(BaseModel):
    pass

class Named(Model):
    def __init__(self, name):
        self.manifest = Manifest(id=name, task="t", input=Nothing)
    def generate(self, input, run):
        return Result()

def models():
    return [Named("one"), Named("two")]
"""


def model(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "model", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new container as `init` writes it."""
    folder = tmp_path_factory.mktemp("containers")
    done = model("init", "sea-shanty", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 5
    return folder / "sea-shanty"


def test_a_new_container_has_a_hundred_lines_at_most(container: Path) -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in container.iterdir() if path.is_file()}
    assert set(lines) == {"model.py", "models.yaml", "test_model.py", "Dockerfile", "README.md"}
    assert sum(lines.values()) <= 100


def test_a_new_container_runs_at_once_and_its_outputs_are_saved(container: Path, tmp_path: Path) -> None:
    done = model(
        "test", str(container), "-p", "prompt=heave ho", "-p", "times=3", "-o", str(tmp_path / "out")
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "out.txt").read_text() == "heave ho\nheave ho\nheave ho"
    assert "3/3 lines" in done.stderr
    assert '"characters": 26' in done.stdout


def test_the_example_of_the_schema_is_run_where_no_input_is_given(container: Path, tmp_path: Path) -> None:
    done = model("test", str(container / "model.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "out.txt").read_text() == "a first try"


def test_the_tests_of_a_new_container_pass_and_find_faults(container: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(container)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=container, env=environment, capture_output=True, text=True, check=False
        )

    assert "2 passed" in run().stdout
    code = (container / "model.py").read_text()
    (container / "model.py").write_text(code.replace("[input.prompt] * input.times", "[]"))
    try:
        assert "1 failed, 1 passed" in run().stdout
    finally:
        (container / "model.py").write_text(code)


def test_a_new_container_is_in_a_catalogue_that_evoke_takes(container: Path) -> None:
    catalogue = load_catalogue(container / "models.yaml")
    entry = catalogue.get("sea-shanty")
    assert entry.input["properties"]["times"] == {
        "default": 1,
        "maximum": 100,
        "minimum": 1,
        "title": "Times",
        "type": "integer",
    }
    assert catalogue.containers["sea-shanty"].folder == str(container)
    assert model("entry", str(container), "--check", str(container / "models.yaml")).returncode == 0


def test_an_entry_that_is_not_the_codes_is_found(container: Path, tmp_path: Path) -> None:
    document = yaml.safe_load((container / "models.yaml").read_text())
    document["models"][0]["input"]["properties"]["times"]["maximum"] = 99
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(document))
    done = model("entry", str(container), "--check", str(tmp_path / "models.yaml"))
    assert done.returncode == 1
    assert "sea-shanty" in done.stderr


def test_a_new_container_keeps_the_protocol(container: Path) -> None:
    done = model("conform", str(container), "--json")
    findings = json.loads(done.stdout)
    assert [f["check"] for f in findings if f["verdict"] == "BROKEN"] == [], done.stdout + done.stderr
    assert done.returncode == 0


def test_a_container_that_breaks_the_protocol_ends_the_command_with_a_failure() -> None:
    flawed = f"{sys.executable} -m tests.contract.model_container.flawed_container --flaw opened-twice"
    done = model("conform", "--command", flawed, "--patience-s", "1.5", "--run-s", "10")
    assert done.returncode == 1
    assert "BROKEN   flawed  order: output 'a.txt' was opened twice" in done.stdout


def test_a_container_is_measured_at_each_concurrency(container: Path) -> None:
    done = model("bench", str(container), "--runs", "8", "--concurrency", "1,2", "--json")
    lines = json.loads(done.stdout)
    assert [(line["concurrency"], line["runs"], line["failed"]) for line in lines] == [(1, 8, 0), (2, 8, 0)]
    assert all(line["per_s"] > 0 and line["p95_s"] >= line["p50_s"] > 0 for line in lines)


def test_a_measurement_whose_runs_fail_says_so() -> None:
    done = model("bench", "--command", FACTORIAL, "--input", '{"no": -1}', "--runs", "3")
    assert done.returncode == 1
    assert "invalid_input: no" in done.stderr


def test_any_command_that_serves_can_be_tried(tmp_path: Path) -> None:
    done = model("test", "--command", FACTORIAL, "-p", "no=10", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "result.txt").read_text() == "3628800"


def test_a_run_that_fails_tells_class_and_field() -> None:
    done = model("test", "--command", FACTORIAL, "-p", "no=-1")
    assert done.returncode == 1
    assert "failed: invalid_input: no: Input should be greater than or equal to 0" in done.stderr


def test_a_file_may_make_its_models_itself(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(SEVERAL)
    assert "one: {}" in model("test", str(tmp_path), "-o", str(tmp_path)).stderr
    assert "two: {}" in model("test", str(tmp_path), "--model", "two", "-o", str(tmp_path)).stderr
    done = model("test", str(tmp_path), "--model", "three")
    assert done.returncode == 2
    assert "it serves one, two" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("init", "Sea Shanty"), "lower-case letters"),
        (("init", "songs-bulk"), "-bulk"),
        (("test", "/nowhere"), "/nowhere: no such file"),
        (("test", ".", "--address", "unix:/x"), "not several"),
        (("test", "--command", FACTORIAL, "-p", "no"), "NAME=VALUE"),
        (("test", "--command", FACTORIAL, "--input", "{nope"), "no JSON"),
        (("test", "--command", FACTORIAL, "--input", "@/nowhere"), "can't read /nowhere"),
        (("bench", "--command", FACTORIAL, "--concurrency", "0"), "1 or more"),
        (("serve", "/nowhere"), "/nowhere: no such file"),
        (("entry", "model_containers/factorial/model.py", "--check", "/nowhere"), "/nowhere"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(words: tuple[str, ...], told: str) -> None:
    done = model(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_files_that_are_there_already_are_not_overwritten(container: Path) -> None:
    before = (container / "model.py").read_text()
    done = model("init", "other", "--folder", str(container))
    assert done.returncode == 2
    assert "model.py" in done.stderr
    assert (container / "model.py").read_text() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--command", "no-such-program-anywhere"), "no-such-program-anywhere"),
        (("--command", f"{sys.executable} -c 'raise SystemExit(7)'"), "exit code 7"),
        (("--address", "127.0.0.1:9", "--start-s", "1"), "does not answer"),
        (("cli/main.py",), "no class derived from Model"),
    ],
)
def test_a_container_that_does_not_serve_is_told_with_its_reason(words: tuple[str, ...], told: str) -> None:
    done = model("test", *words)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
