"""The port and the data folder are checked before anything starts; nothing is left when the supervisor is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evoke.domain.errors import InvalidInput
from services.standalone.data_folder import LOCK_NAME, free_port, lock_data_folder
from services.standalone.guardian import end_groups, read_groups, signal_group
from services.standalone.supervised import FIRST_DELAY_S, LONGEST_DELAY_S, STABLE_S, Backoff


def sleeper(ignoring_terminate: bool = False) -> subprocess.Popen[bytes]:
    """A process in its own group that says when it is there."""
    code = "import signal, sys, time\n"
    code += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if ignoring_terminate else ""
    code += "print('up', flush=True)\ntime.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput) as caught:
            free_port("127.0.0.1", port)
    assert str(port) in str(caught.value)
    assert "EVOKE_PORT" in str(caught.value)
    assert free_port("127.0.0.1", port) == port


def test_port_zero_finds_a_free_one() -> None:
    assert free_port("127.0.0.1", 0) > 1023


def test_an_address_of_another_machine_is_refused_by_its_setting() -> None:
    with pytest.raises(InvalidInput, match="EVOKE_HOST"):
        free_port("192.0.2.1", 0)
    with pytest.raises(InvalidInput, match="EVOKE_HOST"):
        free_port("no such host", 0)


async def test_a_folder_is_locked_by_one_and_told_by_whom(tmp_path: Path) -> None:
    lock = await lock_data_folder(tmp_path / "data", "http://localhost:8000", print)
    try:
        with pytest.raises(
            InvalidInput, match=f"in use by evoke, process {os.getpid()} at http://localhost:8000"
        ):
            await lock_data_folder(tmp_path / "data", "http://localhost:9000", print)
    finally:
        os.close(lock)
    os.close(await lock_data_folder(tmp_path / "data", "http://localhost:9000", print))


async def test_a_folder_that_can_not_be_made_is_told_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidInput, match="EVOKE_DATA_DIR"):
        await lock_data_folder(tmp_path / "file" / "data", "", print)


async def test_an_evoke_that_died_and_is_still_being_ended_is_waited_for(tmp_path: Path) -> None:
    held = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / LOCK_NAME)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    assert held.stdout is not None
    assert held.stdin is not None
    assert held.stdout.readline() == b"held\n"
    told: list[str] = []

    def let_go(text: str) -> None:
        told.append(text)
        held.communicate(b"\n")

    os.close(await lock_data_folder(tmp_path, "", let_go))
    assert told


_HOLD = """
import fcntl, os, subprocess, sys
gone = subprocess.Popen([sys.executable, "-c", ""])
gone.wait()
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
os.write(lock, f"{gone.pid} http://localhost:8000".encode())
print("held", flush=True)
sys.stdin.readline()
"""


def test_the_guardian_knows_which_groups_are_left() -> None:
    assert read_groups(["+10\n", "+11\n", "-10\n", "nonsense\n", "+\n", "+x\n", "-99\n"]) == {11}


def test_the_guardian_ends_what_the_supervisor_left_behind(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    left, ended_before = sleeper(), sleeper()
    notes = f"+{left.pid}\n+{ended_before.pid}\n-{ended_before.pid}\n"
    command = [sys.executable, "-m", "services.standalone.guardian", str(runtime)]
    subprocess.run(command, input=notes.encode(), check=True, timeout=60)
    assert left.wait(10) == -signal.SIGTERM
    assert ended_before.poll() is None
    assert not runtime.exists()
    ended_before.kill()
    ended_before.wait()


def test_the_guardian_kills_what_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.standalone.guardian.TERMINATE_S", 0.3)
    stubborn = sleeper(ignoring_terminate=True)
    end_groups({stubborn.pid})
    assert stubborn.wait(10) == -signal.SIGKILL
    assert not signal_group(stubborn.pid, 0)


def test_pauses_double_up_to_a_bound_and_begin_again_after_a_stable_minute() -> None:
    backoff = Backoff()
    pauses = [backoff.delay_s(ran_s=1.0) for _ in range(12)]
    assert pauses[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert pauses[-1] == LONGEST_DELAY_S
    assert backoff.delay_s(ran_s=STABLE_S) == FIRST_DELAY_S
    assert backoff.delay_s(ran_s=1.0) == 2 * FIRST_DELAY_S
