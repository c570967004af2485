"""Processes that outlive the command that started them, known by pid and time of start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.1


@dataclass(frozen=True)
class Running:
    """A process that was started. identity: tells it from a later one of the same pid."""

    pid: int
    identity: str

    def alive(self) -> bool:
        """Tell whether it still runs."""
        return _identity(self.pid) == self.identity != ""

    def stop(self, grace_s: float) -> bool:
        """End it: SIGTERM, and SIGKILL after the grace; False when it had to be killed."""
        deadline = time.monotonic() + grace_s
        self._signal(signal.SIGTERM)
        while self.alive():
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(POLL_S)
        return True

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        while self.alive():
            time.sleep(POLL_S)

    def _signal(self, number: int) -> None:
        if self.alive():
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                return


def start(command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running:
    """Start a process in a group of its own, its output appended to a file. Raises OSError."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(process.pid, _identity(process.pid))


def _identity(pid: int) -> str:
    """When the process began, in the system's words; empty when there is none, or only what is left of it."""
    with suppress(ChildProcessError):  # a child of this process that has ended would stay a zombie
        os.waitpid(pid, os.WNOHANG)
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607  # wherever it lies
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, began = shown.stdout.strip().partition(" ")
    # A process that was killed holds its ports until its last thread has ended, though its first is a zombie already.
    gone = state.startswith("Z") and "l" not in state
    return "" if gone else began.strip()
