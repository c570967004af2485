"""Locks between processes: who dies lets go, and nobody takes the pen twice while another waits."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evoke.adapters.sqlite.locks import FileLock, LockFolder
from tests.system.processes import eventually

DEADLINE_S = 30.0

HOLD = """
import sys, time
from pathlib import Path
from evoke.adapters.sqlite.locks import LockFolder
lock = LockFolder(Path(sys.argv[1])).subscriber("token")
lock.take()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def locks(tmp_path: Path) -> LockFolder:
    return LockFolder(tmp_path / "log.sqlite")


def test_a_subscriber_is_dead_when_nobody_holds_its_lock(locks: LockFolder) -> None:
    lock = locks.subscriber("token")
    lock.take()
    assert not locks.is_dead("token")
    assert not locks.is_dead("token"), "looking has broken the lock"
    lock.close()
    assert locks.is_dead("token")
    assert locks.is_dead("never heard of")


def test_a_killed_process_lets_go_of_its_lock(locks: LockFolder, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "log.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert not locks.is_dead("token")
        process.kill()
        process.wait(DEADLINE_S)
        assert locks.is_dead("token")


def test_whoever_waits_to_write_is_next(locks: LockFolder) -> None:
    """While one waits for the writer, the gate is closed: the writer can't come back before it."""
    writer, gate = locks.writer(), FileLock(locks.path / "writer-next")
    inside, leave = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with locks.writer():
            inside.set()
            leave.wait(DEADLINE_S)

    waiting = threading.Thread(target=wait_for_it)
    with writer:
        assert gate.try_take()
        gate.release()
        waiting.start()
        eventually(lambda: not passes(gate), "the one who waits closes the gate")
        assert not inside.is_set()
    assert inside.wait(DEADLINE_S)
    eventually(lambda: passes(gate), "the one who waited opens the gate")
    leave.set()
    waiting.join(DEADLINE_S)


def passes(gate: FileLock) -> bool:
    if gate.try_take():
        gate.release()
        return True
    return False


def test_one_writes_at_a_time(locks: LockFolder) -> None:
    inside = 0
    seen: list[int] = []

    def write() -> None:
        nonlocal inside
        lock = locks.writer()
        for _ in range(100):
            with lock:
                inside += 1
                seen.append(inside)
                inside -= 1
        lock.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert seen == [1] * 400
