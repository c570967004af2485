"""The container that is worked on: one that runs already, or one that is started here and stopped again."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk.loading import model_file
from model_containers.workbench.connection import Connection
from model_containers.workbench.inputs import WrongWords

START_S = 180.0
STOP_S = 10.0
LAST_LINES = 12


class NotServing(Exception):
    """The container does not answer; the message says why, with its last lines."""


@dataclass(frozen=True)
class Place:
    """Where the container is. words: how to start it; empty: it runs at `address`. folder: where it is started."""

    words: tuple[str, ...] = ()
    address: str = ""
    folder: Path | None = None


@dataclass(frozen=True)
class Container:
    """A container that answers. process: None for one that was not started here."""

    connection: Connection
    models: Sequence[pb.ModelDescription]
    process: asyncio.subprocess.Process | None
    log: Path | None

    def model(self, name: str | None) -> pb.ModelDescription:
        """The model of that id, or the first. Raises WrongWords."""
        for model in self.models:
            if name is None or model.id == name:
                return model
        raise WrongWords(
            f"the container does not serve {name!r}; it serves {', '.join(m.id for m in self.models) or 'nothing'}"
        )


def place_of(path: Path | None, address: str | None, command: str | None) -> Place:
    """Where a container is, by what was typed: a folder or file of an author, an address, or a command line.

    `{address}` in the command is replaced; without it `--address ADDRESS` is added. Raises WrongWords, NoModels.
    """
    if sum(given is not None for given in (path, address, command)) > 1:
        raise WrongWords("name a PATH, or --address, or --command, not several")
    if address is not None:
        return Place(address=address)
    if command is not None:
        return Place(words=tuple(shlex.split(command)))
    file = model_file(path or Path())
    return Place(words=(sys.executable, "-m", "model_containers.sdk", str(file)), folder=file.parent)


def words_at(words: Sequence[str], address: str) -> list[str]:
    """The command line that serves at this address."""
    if any("{address}" in word for word in words):
        return [word.replace("{address}", address) for word in words]
    return [*words, "--address", address]


@asynccontextmanager
async def serving(place: Place, start_s: float = START_S) -> AsyncIterator[Container]:
    """Start the container if need be, wait until it answers, and stop it in the end. Raises NotServing."""
    if not place.words:
        async with Connection(place.address) as connection:
            models = await _described(connection, None, None, min(start_s, STOP_S))
            yield Container(connection, models, None, None)
        return
    with tempfile.TemporaryDirectory(prefix="evoke-") as folder:
        address, log = f"unix:{folder}/model.sock", Path(folder) / "container.log"
        process = await _start(words_at(place.words, address), log, place.folder)
        try:
            async with Connection(address) as connection:
                models = await _described(connection, process, log, start_s)
                yield Container(connection, models, process, log)
        finally:
            await _stop(process)


def last_lines(log: Path | None) -> str:
    """The end of what a container wrote."""
    if log is None or not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])


async def _start(words: Sequence[str], log: Path, folder: Path | None) -> asyncio.subprocess.Process:
    with log.open("wb") as output:
        try:
            return await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder
            )
        except OSError as error:
            raise NotServing(f"{words[0]}: {error.strerror}") from error


async def _described(
    connection: Connection, process: asyncio.subprocess.Process | None, log: Path | None, start_s: float
) -> Sequence[pb.ModelDescription]:
    """What the container serves, once it answers."""
    answer = asyncio.create_task(connection.describe(start_s))
    if process is not None:
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({answer, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
    if process is not None and process.returncode is not None:
        answer.cancel()
        raise NotServing(f"it ended with exit code {process.returncode}\n{last_lines(log)}".rstrip())
    try:
        return list((await answer).models)
    except grpc.aio.AioRpcError as error:
        told = f"{connection.address} does not answer Describe within {start_s:.0f} s: {error.details()}"
        raise NotServing(f"{told}\n{last_lines(log)}".rstrip()) from error


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
