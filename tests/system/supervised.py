"""`evoke up` as a process of its own, and what it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.system.processes import ROOT, eventually, free_port

READY = "evoke is ready"


class Up:
    """One `evoke up`, whose output is kept in a file."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = folder / "data"
        self._log = folder / f"up-{self.port}.log"
        given = {"EVOKE_PORT": str(self.port), "EVOKE_DATA_DIR": str(self.data_dir), **environment}
        outside = {name: value for name, value in os.environ.items() if not name.startswith("EVOKE_")}
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.standalone", *options],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**outside, **given},
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self) -> None:
        """Wait for the banner; fail with the output when the process ends first."""
        eventually(
            lambda: READY in self.output or self.process.poll() is not None, "the banner is printed", 240
        )
        assert READY in self.output, self.output

    def children(self) -> dict[str, psutil.Process]:
        """Its running child processes by what they run (`services.api`, `worker_sidecar`, ...)."""
        return {
            module: child
            for child in psutil.Process(self.process.pid).children()
            if (module := module_of(child)) is not None
        }

    def wait_for_exit(self, deadline_s: float = 60.0) -> int:
        """Wait until it ends and return its exit code."""
        return self.process.wait(deadline_s)


def module_of(process: psutil.Process) -> str | None:
    """The module that a Python process runs; None for one that has just ended or has not yet begun."""
    try:
        words = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return None
    return words[words.index("-m") + 1] if "-m" in words[:-1] else None


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped by its parent or not."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def running_up(folder: Path, *options: str, **environment: str) -> Iterator[Up]:
    """An `evoke up` of which nothing is left at the end of the block."""
    up = Up(folder, *options, **environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.send_signal(signal.SIGTERM)
        up.wait_for_exit()
