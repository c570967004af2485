"""`evoke up` starts everything, keeps it running, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evoke.process import ExitCode
from tests.system.processes import eventually
from tests.system.supervised import Up, gone, running_up

pytestmark = pytest.mark.timeout(400)

PARTS = {"services.api", "services.archiver", "worker_sidecar", "model_containers.factorial"}
FACTORIAL = ("--models", "factorial")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A system that goes on running after each test."""
    with running_up(tmp_path_factory.mktemp("shared"), *FACTORIAL) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A system that a test may end."""
    with running_up(tmp_path, *FACTORIAL) as started:
        started.wait_until_ready()
        yield started


def succeeds(up: Up, number: int) -> bool:
    """Whether a job goes all the way now."""
    body = {"model": "factorial", "input": {"no": number}}
    try:
        job = httpx.post(f"{up.url}/v1/jobs", json=body, headers={"prefer": "wait=20"}, timeout=30).json()
    except httpx.HTTPError:
        return False
    return bool(job.get("status") == "succeeded")


def test_when_the_banner_is_printed_everything_works(shared: Up) -> None:
    assert set(shared.children()) >= PARTS
    assert f"http://localhost:{shared.port}" in shared.output
    assert "submit factorial -p no=150000" in shared.output
    assert httpx.get(f"{shared.url}/readyz").status_code == 200
    assert succeeds(shared, 20)


def test_lines_of_each_process_stand_behind_its_name(shared: Up) -> None:
    names = {line.partition("|")[0].strip() for line in shared.output.splitlines() if "|" in line}
    assert names <= {"evoke", "api", "archiver", "sidecar", "factorial"}
    assert "\x1b[" not in shared.output


@pytest.mark.parametrize("module", sorted(PARTS))
def test_a_part_that_is_killed_comes_back_and_works(shared: Up, module: str) -> None:
    before = shared.children()[module]
    before.kill()

    def is_back() -> bool:
        now = shared.children().get(module)
        return now is not None and now.pid != before.pid

    eventually(is_back, f"{module} is started again")
    name = "sidecar" if module == "worker_sidecar" else module.rpartition(".")[2]
    told = f"{name} was ended by SIGKILL; it starts again in 0.5 s"
    eventually(lambda: told in shared.output, "the restart is told")
    eventually(lambda: succeeds(shared, 21), "jobs succeed again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_leaves_nothing_running(up: Up, number: signal.Signals) -> None:
    children = list(up.children().values())
    up.process.send_signal(number)
    assert up.wait_for_exit(deadline_s=60) == ExitCode.STOPPED
    assert all(gone(child) for child in children)
    stopping = [line for line in up.output.splitlines() if "| stopping " in line and "grace_s" not in line]
    assert [line.rpartition("stopping ")[2] for line in stopping] == ["api, sidecar", "factorial", "archiver"]


def test_a_second_signal_kills_at_once(up: Up) -> None:
    children = up.children()
    children["services.archiver"].send_signal(signal.SIGSTOP)
    up.process.send_signal(signal.SIGINT)
    eventually(lambda: "stopping api, sidecar" in up.output, "it has begun to stop")
    up.process.send_signal(signal.SIGINT)
    assert up.wait_for_exit(deadline_s=60) == ExitCode.CRASHED
    eventually(lambda: all(gone(child) for child in children.values()), "all children are gone")


def test_a_part_that_does_not_listen_does_not_hold_up_the_end(up: Up) -> None:
    children = up.children()
    children["services.archiver"].send_signal(signal.SIGSTOP)
    up.process.send_signal(signal.SIGTERM)
    assert up.wait_for_exit(deadline_s=60) == ExitCode.STOPPED
    assert all(gone(child) for child in children.values())
    assert "archiver did not stop" in up.output


def test_when_the_supervisor_is_killed_nothing_is_left(up: Up) -> None:
    children = up.children()
    socket_path = children["model_containers.factorial"].cmdline()[-1].removeprefix("unix:")
    assert Path(socket_path).exists()
    up.process.kill()
    up.wait_for_exit()
    eventually(lambda: all(gone(child) for child in children.values()), "all children are gone")
    eventually(lambda: not Path(socket_path).parent.exists(), "the folder of sockets is gone")


def test_the_data_folder_is_free_again_once_a_killed_evoke_is_gone(up: Up, tmp_path: Path) -> None:
    assert succeeds(up, 22)
    up.process.kill()
    up.wait_for_exit()
    with running_up(tmp_path, *FACTORIAL) as second:
        second.wait_until_ready()
        jobs = httpx.get(f"{second.url}/v1/jobs").json()["items"]
        assert [job["status"] for job in jobs] == ["succeeded"]


def test_a_data_folder_in_use_is_refused_by_name(shared: Up, tmp_path: Path) -> None:
    with running_up(tmp_path, *FACTORIAL, "--data-dir", str(shared.data_dir)) as second:
        assert second.wait_for_exit() == ExitCode.WRONG_SETTING
        assert "EVOKE_DATA_DIR" in second.output
        assert f"process {shared.process.pid}" in second.output


def test_a_port_in_use_is_refused_by_name(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with running_up(tmp_path, *FACTORIAL, "--port", port) as up:
            assert up.wait_for_exit() == ExitCode.WRONG_SETTING
            assert f"port {port}" in up.output
            assert "--port" in up.output


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("EVOKE_PORT", "99999", "65535"),
        ("EVOKE_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("EVOKE_RETRY_BASE_S", "soon", "number"),
        ("EVOKE_CATALOGUE", "/nowhere/models.yaml", "No such file"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, variable: str, value: str, allowed: str) -> None:
    with running_up(tmp_path, *FACTORIAL, **{variable: value}) as up:
        assert up.wait_for_exit() == ExitCode.WRONG_SETTING
        for part in (variable, value, allowed):
            assert part in up.output
        assert "Traceback" not in up.output


def test_an_unknown_model_gets_the_nearest_name(tmp_path: Path) -> None:
    with running_up(tmp_path, "--models", "factorail") as up:
        assert up.wait_for_exit() == ExitCode.WRONG_SETTING
        assert "did you mean factorial?" in up.output


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with running_up(tmp_path, *FACTORIAL, "--data-dir", str(tmp_path / "file" / "data")) as up:
        assert up.wait_for_exit() == ExitCode.WRONG_SETTING
        assert "EVOKE_DATA_DIR" in up.output


def test_no_environment_variable_of_evoke_reaches_a_model(shared: Up) -> None:
    environment = shared.children()["model_containers.factorial"].environ()
    assert not [name for name in environment if name.startswith("EVOKE_")]
    assert environment["PATH"] == os.environ["PATH"]
