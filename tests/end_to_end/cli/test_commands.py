"""The `evoke` command against a running system: what it prints, what it saves, how it ends."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.failures import ExitCode
from tests.system.processes import ROOT, eventually
from tests.system.supervised import Up, running_up

pytestmark = pytest.mark.timeout(400)

COMMANDS = (
    "up",
    "submit",
    "watch",
    "get",
    "list",
    "cancel",
    "models",
    "queues",
    "dlq",
    "sql",
    "doctor",
    "version",
)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("cli"), "--models", "factorial") as started:
        started.wait_until_ready()
        yield started


def start(url: str, *words: str, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
    """The command, started."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "EVOKE_URL": url, **environment},
    )


def evoke(url: str, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    process = start(url, *words, cwd=cwd)
    output, errors = process.communicate(timeout=90)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def answer(url: str, *words: str) -> Any:
    """What the command prints as JSON; it must succeed."""
    done = evoke(url, *words, "--json")
    assert done.returncode == ExitCode.OK, done.stderr
    return json.loads(done.stdout)


def status_of(up: Up, job_id: str) -> str:
    return str(answer(up.url, "get", job_id)["status"])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = evoke("http://127.0.0.1:1", command, "--help")
    assert done.returncode == ExitCode.OK
    assert done.stdout.startswith(f"Usage: evoke {command}")


@pytest.mark.parametrize(
    "words", [("sumbit",), ("list", "--sttaus", "failed"), ("get",), ("list", "--limit", "many"), ()]
)
def test_what_makes_no_sense_ends_with_a_usage_error(words: tuple[str, ...]) -> None:
    done = evoke("http://127.0.0.1:1", *words)
    assert done.returncode == ExitCode.USAGE
    assert "Usage: evoke" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("submit", "factorial", "3"),
        ("list",),
        ("get", "x"),
        ("watch", "x"),
        ("queues",),
        ("sql", "select 1"),
        ("dlq", "list"),
    ],
)
def test_without_an_api_every_command_tells_how_to_start_one(words: tuple[str, ...]) -> None:
    done = evoke("http://127.0.0.1:1", *words)
    assert done.returncode == ExitCode.UNREACHABLE
    assert "make up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_submit_waits_and_saves_the_output(up: Up, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    done = evoke(up.url, "submit", "factorial", "100", "-o", str(target))
    assert done.returncode == ExitCode.OK, done.stderr
    assert int(target.read_text(encoding="utf-8")) == math.factorial(100)
    assert f"saved {target}" in done.stderr
    assert done.stdout == ""


def test_an_output_can_go_to_a_pipe(up: Up) -> None:
    done = evoke(up.url, "submit", "factorial", "-p", "no=30", "-o", "-")
    assert int(done.stdout) == math.factorial(30)


def test_outputs_go_into_a_folder_by_their_own_names(up: Up, tmp_path: Path) -> None:
    job = answer(up.url, "submit", "factorial", "5", "-o", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [artifact["name"] for artifact in job["artifacts"]]


def test_without_a_place_to_save_the_addresses_are_printed(up: Up) -> None:
    done = evoke(up.url, "submit", "factorial", "6")
    assert done.stdout.startswith(f"{up.url}/v1/jobs/")
    assert "evoke get" in done.stderr


def test_a_folder_that_is_missing_is_told_before_anything_is_submitted(up: Up, tmp_path: Path) -> None:
    before = answer(up.url, "list")
    done = evoke(up.url, "submit", "factorial", "5", "-o", str(tmp_path / "missing" / "out.txt"))
    assert done.returncode == ExitCode.USAGE
    assert answer(up.url, "list") == before


def test_the_input_can_come_from_a_file(up: Up, tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text('{"no": 12}', encoding="utf-8")
    assert answer(up.url, "submit", "factorial", f"@{path}")["input"] == {"no": 12}


def test_a_value_of_another_type_is_refused_before_it_is_sent(up: Up) -> None:
    done = evoke(up.url, "submit", "factorial", "many")
    assert done.returncode == ExitCode.USAGE
    assert "no must be a whole number, got 'many'" in done.stderr


def test_a_value_out_of_bounds_is_refused_with_field_and_limit(up: Up) -> None:
    done = evoke(up.url, "submit", "factorial", "--", "-1")
    assert done.returncode == ExitCode.REFUSED
    assert "no" in done.stderr
    assert "0" in done.stderr


def test_an_unknown_model_gets_the_nearest_name(up: Up) -> None:
    done = evoke(up.url, "submit", "factorail", "3")
    assert done.returncode == ExitCode.REFUSED
    assert "did you mean factorial" in done.stderr


def test_an_unknown_job_is_refused(up: Up) -> None:
    unknown = "01890000-0000-7000-8000-000000000000"
    for command in ("get", "watch", "cancel"):
        assert evoke(up.url, command, unknown).returncode == ExitCode.REFUSED


@contextmanager
def model_held(up: Up) -> Iterator[None]:
    """While the block runs no job gets on: its model stands still."""
    model = up.children()["model_containers.factorial"]
    model.suspend()
    try:
        yield
    finally:
        model.resume()


def test_a_job_can_be_submitted_and_watched_later(up: Up) -> None:
    job_id = evoke(up.url, "submit", "factorial", "7", "--no-wait").stdout.strip()
    done = evoke(up.url, "watch", job_id)
    assert done.returncode == ExitCode.OK
    assert "succeeded" in done.stderr
    assert job_id in evoke(up.url, "get", job_id).stdout


def test_watching_in_json_gives_one_event_a_line(up: Up) -> None:
    job_id = evoke(up.url, "submit", "factorial", "8", "--no-wait").stdout.strip()
    lines = [json.loads(line) for line in evoke(up.url, "watch", job_id, "--json").stdout.splitlines()]
    names = [line["event"] for line in lines]
    assert names[0] == "requested"
    assert names[-1] == "succeeded"


def test_a_cancelled_job_ends_the_wait_with_a_failure(up: Up) -> None:
    with model_held(up):
        job_id = evoke(up.url, "submit", "factorial", "9", "--no-wait").stdout.strip()
        watching = start(up.url, "watch", job_id)
        assert evoke(up.url, "cancel", job_id).stdout.split() == [job_id, "cancelled"]
        _, errors = watching.communicate(timeout=60)
    assert watching.returncode == ExitCode.JOB_FAILED
    assert "the job was cancelled" in errors


def running_submit(up: Up, *options: str) -> tuple[subprocess.Popen[str], str]:
    """A submit that waits for a job that runs, and the job's id."""
    process = start(up.url, "submit", "factorial", "9", *options)
    assert process.stderr is not None
    word, job_id = process.stderr.readline().split()
    assert word == "job"
    while "running" not in process.stderr.readline():
        assert process.poll() is None
    return process, job_id


def test_after_ctrl_c_the_job_goes_on_and_can_be_found(up: Up) -> None:
    with model_held(up):
        process, job_id = running_submit(up)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert status_of(up, job_id) == "running"
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"evoke watch {job_id}" in errors
    assert "Traceback" not in errors
    assert evoke(up.url, "watch", job_id).returncode == ExitCode.OK


def test_ctrl_c_cancels_the_job_where_that_was_asked_for(up: Up) -> None:
    with model_held(up):
        process, job_id = running_submit(up, "--cancel-on-interrupt")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert status_of(up, job_id) == "cancelled"
    assert process.returncode == ExitCode.INTERRUPTED


def test_the_same_key_makes_one_job(up: Up) -> None:
    ids = [
        evoke(up.url, "submit", "factorial", "9", "--no-wait", "--idempotency-key", "k").stdout
        for _ in range(2)
    ]
    assert ids[0] == ids[1]


def test_jobs_are_listed_by_what_they_carry(up: Up) -> None:
    job = answer(up.url, "submit", "factorial", "11", "-m", "grouping=album")
    assert [found["id"] for found in answer(up.url, "list", "--grouping", "album")] == [job["id"]]
    assert answer(up.url, "list", "--grouping", "album", "--status", "failed") == []
    table = evoke(up.url, "list", "--grouping", "album").stdout
    assert job["id"] in table
    assert "no=11" in table
    assert len(answer(up.url, "list", "--limit", "2")) == 2


def test_models_are_listed_with_their_fields(up: Up) -> None:
    assert {model["id"] for model in answer(up.url, "models")} >= {"factorial", "shapes-64"}
    assert answer(up.url, "models", "factorial")["id"] == "factorial"
    fields = evoke(up.url, "models", "shapes-64").stdout
    assert "sampler_name" in fields
    assert "1 to 150" in fields


def test_queues_tell_who_works(up: Up) -> None:
    workers = {queue["name"]: queue["workers"] for queue in answer(up.url, "queues")}
    assert workers["factorial"] == 1
    assert workers["txt2img_generation"] == 0
    assert "factorial" in evoke(up.url, "queues").stdout


def test_a_job_for_a_queue_without_workers_does_not_look_like_one_that_hangs(up: Up) -> None:
    process = start(up.url, "submit", "shapes-64", "a red circle", "--cancel-on-interrupt")
    assert process.stderr is not None
    job_id = process.stderr.readline().split()[1]
    assert "no worker serves txt2img_generation" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert status_of(up, job_id) == "cancelled"


def test_sql_is_printed_as_table_json_and_csv(up: Up) -> None:
    answer(up.url, "submit", "factorial", "13")
    statement = "select model, count(*) as n from jobs where model = 'factorial' group by model"
    rows = answer(up.url, "sql", statement)
    assert rows[0]["model"] == "factorial"
    assert "factorial" in evoke(up.url, "sql", statement).stdout
    table = list(csv.reader(io.StringIO(evoke(up.url, "sql", statement, "--format", "csv").stdout)))
    assert table[0] == ["model", "n"]
    assert int(table[1][1]) >= 1


def test_sql_that_writes_is_refused(up: Up) -> None:
    done = evoke(up.url, "sql", "delete from jobs")
    assert done.returncode == ExitCode.REFUSED
    assert done.stdout == ""


def test_dead_letters_are_told_even_when_there_are_none(up: Up) -> None:
    assert answer(up.url, "dlq", "list") == []
    assert "no dead letters" in evoke(up.url, "dlq", "list").stderr
    assert evoke(up.url, "dlq", "replay").returncode == ExitCode.USAGE
    assert evoke(up.url, "dlq", "purge", "nothing", "--yes").returncode == ExitCode.REFUSED


def test_the_doctor_finds_what_is_well_and_what_is_not(up: Up) -> None:
    done = evoke(up.url, "doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == any(finding["verdict"] == "broken" for finding in found)
    findings = {finding["what"]: finding for finding in found}
    assert findings["API"]["verdict"] == "ok"
    assert findings["readiness"]["verdict"] == "ok"
    assert findings["clock"]["verdict"] == "ok"
    gone = evoke("http://127.0.0.1:1", "doctor")
    assert gone.returncode == ExitCode.JOB_FAILED
    assert "BROKEN API" in gone.stdout


def test_versions_are_told(up: Up) -> None:
    versions = answer(up.url, "version")
    assert versions["evoke"] == versions["api"]
    assert evoke(up.url, "--version").stdout.strip() == versions["evoke"]


def test_models_names_are_completed_in_the_shell(up: Up) -> None:
    words = {"COMP_WORDS": "evoke submit fac", "COMP_CWORD": "2", "_EVOKE_COMPLETE": "complete_bash"}
    command = str(Path(sys.executable).with_name("evoke"))
    done = subprocess.run(
        [command],
        env={**os.environ, **words, "EVOKE_URL": up.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "factorial" in done.stdout.split()


def test_watching_survives_a_restart_of_the_api(up: Up) -> None:
    with model_held(up):
        watching, job_id = running_submit(up)
        api = up.children()["services.api"]
        api.kill()
        eventually(lambda: up.children().get("services.api", api).pid != api.pid, "the API is started again")
    _, errors = watching.communicate(timeout=120)
    assert watching.returncode == ExitCode.OK, errors
    assert "connecting again" in errors
    assert status_of(up, job_id) == "succeeded"
