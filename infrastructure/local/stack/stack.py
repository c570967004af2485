"""Brings the servers up, tells how they fare, and takes them down."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infrastructure.local.stack import processes
from infrastructure.local.stack.cache import Say
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.processes import Running
from infrastructure.local.stack.server import Ports, Server
from infrastructure.local.stack.servers import SERVERS, in_order

STATE = "stack.json"
START_S = 180.0
"""How long a server may take to be ready, on a slow and busy machine."""
STOP_S = 20.0
POLL_S = 0.25


@dataclass(frozen=True)
class Status:
    """How one server fares. pid is None when it is down."""

    name: str
    version: str
    ports: Ports
    pid: int | None
    ready: bool
    log: Path


class Stack:
    """The servers whose data lie in one folder."""

    def __init__(self, folder: Path, cache: Path, say: Say = print) -> None:
        """folder: holds data, settings and logs of every server, and which are running; say: progress, line by line."""
        self.folder = folder.resolve()
        self._cache = cache
        self._say = say
        self._running: dict[str, Running] = {}
        self.ports: dict[str, int] = {}
        self._load()

    def up(
        self,
        names: Sequence[str] = (),
        ports: Mapping[str, int] | None = None,
        heaps_mb: Mapping[str, int] | None = None,
    ) -> None:
        """Start servers (default: all) and those that they need, and wait until they are ready.

        ports: other numbers than the usual ones, by name, 0 for any free one; heaps_mb: bounds by server.
        Servers that are up stay as they are. Raises StackFailed.
        """
        wanted = in_order(names)
        files = {server.name: self._fetched(server) for server in wanted if not self.alive(server.name)}
        for server in wanted:
            if server.name in files:
                self._start(
                    server, files[server.name], ports or {}, (heaps_mb or {}).get(server.name, server.heap_mb)
                )
            self._wait(server)

    def down(self, names: Sequence[str] = (), *, kill: bool = False) -> None:
        """Stop servers (default: all), the ones that need others first. kill: at once, by SIGKILL."""
        for server in reversed(SERVERS):
            running = self._running.get(server.name)
            if running is None or (names and server.name not in names):
                continue
            if kill:
                running.kill()
            elif not running.stop(STOP_S):
                self._say(f"{server.name} did not stop within {STOP_S:.0f} s: killed")
            del self._running[server.name]
            self._save()

    def wipe(self) -> None:
        """Remove all data. Raises StackFailed while a server is up."""
        if any(self.alive(name) for name in self._running):
            raise StackFailed("servers are running: stop them first")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.ports.clear()

    def status(self) -> list[Status]:
        """Say how every server fares."""
        return [self._status(server) for server in SERVERS]

    def alive(self, name: str) -> bool:
        """Tell whether the process of a server is there."""
        return name in self._running and self._running[name].alive()

    def _status(self, server: Server) -> Status:
        alive = self.alive(server.name)
        ports = {name: self.ports.get(name, usual) for name, usual in server.ports.items()}
        pid = self._running[server.name].pid if alive else None
        return Status(
            server.name, server.version, ports, pid, alive and server.ready(self.ports), self._log(server)
        )

    def _fetched(self, server: Server) -> Path:
        began = time.monotonic()
        files = server.fetch(self._cache)
        if (took_s := time.monotonic() - began) > 1:
            self._say(f"{server.name} {server.version}: fetched and checked in {took_s:.0f} s")
        return files

    def _start(self, server: Server, files: Path, ports: Mapping[str, int], heap_mb: int) -> None:
        for name, usual in server.ports.items():
            number = ports.get(name, self.ports.get(name, usual))
            self.ports[name] = number or free_port()
            if taken(self.ports[name]):
                raise StackFailed(
                    f"port {self.ports[name]} of {server.name} is taken: choose another by --port {name}=N"
                )
        folder = self.folder / server.name
        folder.mkdir(parents=True, exist_ok=True)
        launch = server.launch(files, folder, self.ports, heap_mb)
        for path, text in launch.settings.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        self._log(server).parent.mkdir(exist_ok=True)
        self._running[server.name] = processes.start(
            launch.command, folder, self._log(server), launch.environment
        )
        self._save()

    def _wait(self, server: Server) -> None:
        began = time.monotonic()
        while not server.ready(self.ports):
            if not self.alive(server.name):
                raise StackFailed(
                    f"{server.name} ended at its start; the end of {self._log(server)}:\n{self._tail(server)}"
                )
            if time.monotonic() - began > START_S:
                raise StackFailed(
                    f"{server.name} is not ready after {START_S:.0f} s; see {self._log(server)}"
                )
            time.sleep(POLL_S)
        if server.prepare is not None:
            server.prepare(self.ports)
        at = ", ".join(f"{name} {self.ports[name]}" for name in server.ports)
        self._say(f"{server.name} {server.version} is ready after {time.monotonic() - began:.0f} s ({at})")

    def _log(self, server: Server) -> Path:
        return self.folder / "logs" / f"{server.name}.log"

    def _tail(self, server: Server) -> str:
        lines = self._log(server).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line[:300] for line in lines[-15:])

    def _load(self) -> None:
        try:
            state = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        self.ports = dict(state["ports"])
        self._running = {name: Running(*known) for name, known in state["running"].items()}

    def _save(self) -> None:
        running = {name: (known.pid, known.identity) for name, known in self._running.items()}
        draft = self.folder / f"{STATE}.draft"
        draft.write_text(json.dumps({"ports": self.ports, "running": running}, indent=2), encoding="utf-8")
        draft.replace(self.folder / STATE)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def taken(port: int) -> bool:
    """Tell whether somebody listens on that port of the loopback address."""
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex(("127.0.0.1", port)) == 0
