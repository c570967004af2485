"""The life of one process: started, its lines passed on, started again when it ends, told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable

from evoke.domain.errors import InvalidInput
from evoke.process import ExitCode
from services.standalone.guardian import signal_group
from services.standalone.plan import Command
from services.standalone.terminal import Terminal

LINE_BYTES = 16 << 10
FIRST_DELAY_S, LONGEST_DELAY_S, STABLE_S = 0.5, 30.0, 60.0


class Backoff:
    """Waits between starts: doubled after each short run, from the beginning after a stable minute."""

    def __init__(self) -> None:
        self._next_s = FIRST_DELAY_S

    def delay_s(self, ran_s: float) -> float:
        """Seconds to wait before the next start, after a run of `ran_s` seconds."""
        if ran_s >= STABLE_S:
            self._next_s = FIRST_DELAY_S
        delay_s = self._next_s
        self._next_s = min(LONGEST_DELAY_S, delay_s * 2)
        return delay_s


class Supervised:
    """One process of the plan. note: tells the guardian of process groups that begin (+) and end (-)."""

    def __init__(self, command: Command, terminal: Terminal, note: Callable[[str], None]) -> None:
        self.command = command
        self._terminal = terminal
        self._note = note
        self._backoff = Backoff()
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether the process is there now."""
        return self._process is not None

    async def keep_running(self) -> None:
        """Run the process, again and again, until `terminate`.

        Raises InvalidInput when it refuses its settings. Leaves no process behind, however it ends.
        """
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                code = await self._run_once()
                if not self._stopping.is_set():
                    await self._pause(code, time.monotonic() - began)
        finally:
            self._ended.set()

    def terminate(self) -> None:
        """Tell the process to stop, and start it no more."""
        self._stopping.set()
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGTERM)

    async def ended_within(self, seconds: float) -> bool:
        """Wait for the end of `keep_running`; True when it came in time, else the process is killed."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            self._terminal.say(f"{self.command.name} did not stop within {seconds:.0f} s: killed")
            self.kill()
            await self._ended.wait()
            return False
        return True

    def kill(self) -> None:
        """SIGKILL the process and all that it started."""
        self._stopping.set()
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _run_once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *self.command.words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=dict(self.command.environment),
            cwd=self.command.folder,
            start_new_session=True,
        )
        self._note(f"+{process.pid}")
        self._process = process
        pump = asyncio.ensure_future(self._pass_lines_on(process))
        try:
            if self._stopping.is_set():
                signal_group(process.pid, signal.SIGTERM)
            code = await process.wait()
        finally:
            signal_group(process.pid, signal.SIGKILL)
            self._process = None
            self._note(f"-{process.pid}")
            await _finished(pump, 1.0)
        return code

    async def _pass_lines_on(self, process: Process) -> None:
        """Pass on each line as it comes; a line beyond LINE_BYTES is passed on in pieces."""
        if process.stdout is None:
            return
        rest = b""
        while data := await process.stdout.read(LINE_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._terminal.line(self.command.name, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self._terminal.line(self.command.name, rest.decode(errors="replace"))

    async def _pause(self, code: int, ran_s: float) -> None:
        if code == ExitCode.WRONG_SETTING:
            raise InvalidInput(self.command.name, "refused to start, see its last line above")
        delay_s = self._backoff.delay_s(ran_s)
        self._terminal.say(f"{self.command.name} {_told(code)}; it starts again in {delay_s:g} s")
        try:
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()
        except TimeoutError:
            return


def _told(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


async def _finished(task: asyncio.Future[None], seconds: float) -> None:
    """Give a task some time to end by itself, then cancel it."""
    await asyncio.wait([task], timeout=seconds)
    task.cancel()


def has_terminal() -> bool:
    """Whether a person looks on, and wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
