"""Starts everything, says when it is ready, and stops everything in the right order."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from evoke.domain.errors import InvalidInput
from services.standalone.banner import banner
from services.standalone.plan import Plan, Stage
from services.standalone.readiness import (
    api_check,
    container_check,
    reachable_host,
    wait_until_ready,
    workers_check,
)
from services.standalone.supervised import Supervised
from services.standalone.terminal import Terminal

STAGE_S = 1.5


class Supervisor:
    """One running evoke. drain_s: how long sidecars may take to finish or give back their jobs."""

    def __init__(self, plan: Plan, terminal: Terminal, guardian: IO[bytes], drain_s: float) -> None:
        self._plan = plan
        self._terminal = terminal
        self._guardian = guardian
        self._drain_s = drain_s
        self._processes = [Supervised(command, terminal, self._note) for command in plan.commands]

    async def run(self, stop: asyncio.Event, host: str, port: int, kept_in: str) -> None:
        """Run until `stop` is set and everything has ended; when cancelled, kill everything.

        Raises InvalidInput when a process refuses its settings.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for process in self._processes:
                    group.create_task(process.keep_running())
                announcing = group.create_task(self._announce(host, port, kept_in))
                await stop.wait()
                announcing.cancel()
                await self._stop_in_order()
        except* InvalidInput as refused:
            raise InvalidInput(*_parts(refused)) from None

    async def _announce(self, host: str, port: int, kept_in: str) -> None:
        queues = {model.queue for model in self._plan.models}
        checks = {"api": api_check(host, port), "sidecars": workers_check(host, port, queues)}
        for command in self._plan.commands:
            if command.address is not None:
                served = tuple(model.id for model in self._plan.models if model.container == command.name)
                checks[command.name] = container_check(command.address, served)
        took_s = await wait_until_ready(checks, self._terminal.say)
        shown = "localhost" if reachable_host(host) in ("127.0.0.1", "::1") else host
        self._terminal.block(banner(self._plan, f"http://{shown}:{port}", kept_in, took_s))

    async def _stop_in_order(self) -> None:
        """API and sidecars first, then containers; the archiver last, to write down what the others did.

        Time that a stage does not need is the next one's.
        """
        deadline = time.monotonic() + self._drain_s + STAGE_S * len(Stage)
        for stage in Stage:
            members = [process for process in self._processes if process.command.stage is stage]
            self._terminal.say(f"stopping {', '.join(process.command.name for process in members)}")
            for process in members:
                process.terminate()
            grace_s = deadline - time.monotonic() - STAGE_S * (len(Stage) - stage)
            await asyncio.gather(*(process.ended_within(grace_s) for process in members))
        self._terminal.say("stopped")

    def _note(self, text: str) -> None:
        """Tell the guardian; without it everything still runs."""
        try:
            self._guardian.write(f"{text}\n".encode())
            self._guardian.flush()
        except (OSError, ValueError):
            self._terminal.say("the guardian is gone: if this process is killed, its children go on")


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """A private folder with a path short enough for Unix sockets (104 bytes on some systems)."""
    place = "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108  # mkdtemp makes it private
    folder = Path(tempfile.mkdtemp(prefix="evoke-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def guardian_of(runtime: Path, lock: int) -> Iterator[IO[bytes]]:
    """Start the guardian and give the pipe to it; closing the pipe ends it."""
    command = [sys.executable, "-m", "services.standalone.guardian", str(runtime)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, start_new_session=True, pass_fds=(lock,)
    ) as guardian:
        if guardian.stdin is None:
            raise InvalidInput("guardian", "has no pipe")
        yield guardian.stdin


def _parts(refused: BaseExceptionGroup[InvalidInput]) -> tuple[str, str]:
    first: BaseException = refused
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return (first.field, first.reason) if isinstance(first, InvalidInput) else ("", str(first))
