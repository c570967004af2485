"""What the local stack promises before any server runs, and how it treats processes."""

from __future__ import annotations

import hashlib
import socket
import sys
import time
from pathlib import Path

import pytest

from infrastructure.local.stack import processes, tools
from infrastructure.local.stack.__main__ import main
from infrastructure.local.stack.cache import cached, check_digests
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.ports import taken
from infrastructure.local.stack.servers import in_order
from infrastructure.local.stack.stack import Stack


def test_a_server_brings_what_it_needs_before_itself() -> None:
    assert [server.name for server in in_order(["trino"])] == ["versitygw", "nessie", "trino"]
    assert [server.name for server in in_order(["pulsar"])] == ["pulsar"]
    with pytest.raises(StackFailed, match="kafka"):
        in_order(["kafka"])


def test_files_that_are_not_the_pinned_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(b"a")
    right = hashlib.sha256(b"a").hexdigest()
    check_digests(tmp_path, {"a.jar": right})
    for expected in ({"a.jar": "0" * 64}, {"a.jar": right, "b.jar": right}, {}):
        with pytest.raises(StackFailed, match=r"\.jar"):
            check_digests(tmp_path, expected)


def test_files_are_fetched_once_and_anew_after_a_failure(tmp_path: Path) -> None:
    fetched: list[Path] = []

    def fetch(folder: Path) -> None:
        fetched.append(folder)
        (folder / "file").touch()
        if len(fetched) == 1:
            raise StackFailed("the network went away")

    with pytest.raises(StackFailed):
        cached(tmp_path, "it", b"recipe", fetch)
    assert cached(tmp_path, "it", b"recipe", fetch) == cached(tmp_path, "it", b"recipe", fetch)
    assert len(fetched) == 2


def test_a_java_that_is_too_old_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    (tmp_path / "release").write_text('JAVA_VERSION="17.0.15"\n')
    monkeypatch.setenv("EVOKE_STACK_JAVA_HOME", str(tmp_path))
    assert tools.find_java(17, "Pulsar") == java
    with pytest.raises(StackFailed, match="Trino needs Java 24 or newer; the newest here is Java 17"):
        tools.find_java(24, "Trino")


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackFailed, match="apt-get install maven"):
        tools.find_maven()
    with pytest.raises(StackFailed, match="apt-get install golang"):
        tools.find_go()


def test_a_process_is_stopped_by_pid_and_killed_when_it_does_not_listen(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    running = processes.start([sys.executable, "-c", deaf], tmp_path, log, {})
    deadline = time.monotonic() + 20
    while "deaf" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running.alive()
    assert running.stop(0.5) is False
    assert not running.alive()


def test_a_later_process_of_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    running = processes.start(["sleep", "60"], tmp_path, tmp_path / "log", {})
    another = processes.Running(running.pid, "Thu Jan  1 00:00:00 1970")
    assert not another.alive()
    another.kill()
    assert running.alive()
    running.kill()


def test_a_stack_that_was_never_up_is_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().out.count(" down ") == 4
    assert main(["down", "--folder", str(tmp_path)]) == 0


def test_a_port_that_somebody_holds_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert taken(port)
    assert not taken(port)


def test_the_servers_of_another_command_are_known(tmp_path: Path) -> None:
    running = processes.start(["sleep", "60"], tmp_path, tmp_path / "log", {})
    (tmp_path / "stack.json").write_text(
        f'{{"ports": {{"pulsar": 1}}, "running": {{"pulsar": [{running.pid}, "{running.identity}"]}}}}'
    )
    stack = Stack(tmp_path, tmp_path, lambda line: None)
    assert stack.alive("pulsar")
    stack.down()
    assert not running.alive()


def test_servers_are_found_where_they_were_told_to_listen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stack.json").write_text('{"host": "192.0.2.7", "ports": {"s3": 7}, "running": {}}')
    assert main(["env", "--folder", str(tmp_path)]) == 0
    assert "export EVOKE_S3_ENDPOINT=http://192.0.2.7:7\n" in capsys.readouterr().out
    assert main(["env", "--folder", str(tmp_path), "--host", "192.0.2.8"]) == 0
    assert "export EVOKE_S3_ENDPOINT=http://192.0.2.8:7\n" in capsys.readouterr().out


def test_running_servers_do_not_move_to_another_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = processes.start(["sleep", "60"], tmp_path, tmp_path / "log", {})
    (tmp_path / "stack.json").write_text(
        f'{{"ports": {{}}, "running": {{"pulsar": [{running.pid}, "{running.identity}"]}}}}'
    )
    try:
        assert main(["status", "--folder", str(tmp_path), "--host", "192.0.2.8"]) == 1
        assert "servers are running on 127.0.0.1" in capsys.readouterr().err
    finally:
        running.kill()


def test_a_shell_is_told_what_evokes_processes_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stack.json").write_text('{"ports": {"pulsar": 12345}, "running": {}}')
    assert main(["env", "--folder", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "export EVOKE_PULSAR_URL=pulsar://127.0.0.1:12345\n" in told
    assert "export EVOKE_ENGINE=distributed\n" in told
    assert all(line.startswith("export ") for line in told.splitlines())
