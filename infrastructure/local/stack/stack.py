"""Brings the servers up, tells how they fare, and takes them down."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infrastructure.local.stack import processes
from infrastructure.local.stack.cache import Say
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.ports import free_port, taken
from infrastructure.local.stack.processes import Running
from infrastructure.local.stack.server import LOOPBACK, Ports, Server
from infrastructure.local.stack.servers import SERVERS, in_order

FOLDER = "data/stack"
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

    def __init__(self, folder: Path, cache: Path, say: Say = print, host: str | None = None) -> None:
        """folder: holds data, settings and logs of every server, and which are running; say: progress, line by line.

        host: the address of this machine that servers listen on; default: the folder's own, at first loopback.
        """
        self.folder = folder.resolve()
        self._cache = cache
        self._say = say
        self._running: dict[str, Running] = {}
        self.ports: dict[str, int] = {}
        self.host = LOOPBACK
        self._load()
        self._move(host)

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
        missing = [server for server in wanted if server.name in files]
        for server in missing:
            self._choose_ports(server, ports or {})
        for server in missing:
            self._start(server, files[server.name], (heaps_mb or {}).get(server.name, server.heap_mb))
        self._wait(wanted)

    def fetch(self, names: Sequence[str] = ()) -> None:
        """Fetch and check the files of servers (default: all), and start none. Raises StackFailed."""
        for server in in_order(names):
            self._fetched(server)

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

    def known_ports(self) -> dict[str, int]:
        """Return the ports by name: those that were chosen, else the usual ones."""
        return {name: number for server in SERVERS for name, number in server.ports.items()} | self.ports

    def silent(self) -> list[str]:
        """Name the servers that don't answer at these ports, whoever has started them: containers count too."""
        return [server.name for server in SERVERS if not server.ready(self.known_ports(), self.host)]

    def alive(self, name: str) -> bool:
        """Tell whether the process of a server is there."""
        return name in self._running and self._running[name].alive()

    def _status(self, server: Server) -> Status:
        alive = self.alive(server.name)
        ports = {name: self.ports.get(name, usual) for name, usual in server.ports.items()}
        pid = self._running[server.name].pid if alive else None
        return Status(
            server.name,
            server.version,
            ports,
            pid,
            alive and server.ready(self.ports, self.host),
            self._log(server),
        )

    def _fetched(self, server: Server) -> Path:
        began = time.monotonic()
        files = server.fetch(self._cache)
        if (took_s := time.monotonic() - began) > 1:
            self._say(f"{server.name} {server.version}: fetched and checked in {took_s:.0f} s")
        return files

    def _choose_ports(self, server: Server, ports: Mapping[str, int]) -> None:
        for name, usual in server.ports.items():
            number = ports.get(name, self.ports.get(name, usual))
            self.ports[name] = number or self._unused_port()
            if taken(self.ports[name], self.host):
                raise StackFailed(
                    f"port {self.ports[name]} of {server.name} is taken: choose another by --port {name}=N"
                )

    def _unused_port(self) -> int:
        """A free port that no other server of this stack is about to take."""
        while (number := free_port(self.host)) in self.ports.values():
            pass
        return number

    def _start(self, server: Server, files: Path, heap_mb: int) -> None:
        folder = self.folder / server.name
        folder.mkdir(parents=True, exist_ok=True)
        launch = server.launch(files, folder, self.ports, heap_mb, self.host)
        for path, text in launch.settings.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        self._log(server).parent.mkdir(exist_ok=True)
        self._running[server.name] = processes.start(
            launch.command, folder, self._log(server), launch.environment
        )
        self._save()

    def _wait(self, servers: Sequence[Server]) -> None:
        """Their processes start side by side: each looks for the others only when it is asked something."""
        began = time.monotonic()
        waiting = list(servers)
        while waiting:
            for server in tuple(waiting):
                if server.ready(self.ports, self.host):
                    waiting.remove(server)
                    self._tell_ready(server, time.monotonic() - began)
                elif not self.alive(server.name):
                    raise StackFailed(
                        f"{server.name} ended at its start; the end of {self._log(server)}:\n{self._tail(server)}"
                    )
            if waiting and time.monotonic() - began > START_S:
                raise StackFailed(
                    f"{waiting[0].name} is not ready after {START_S:.0f} s; see {self._log(waiting[0])}"
                )
            time.sleep(POLL_S if waiting else 0)

    def _tell_ready(self, server: Server, took_s: float) -> None:
        at = ", ".join(f"{name} {self.ports[name]}" for name in server.ports)
        self._say(f"{server.name} {server.version} is ready after {took_s:.0f} s ({at})")

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
        self.host = state.get("host", LOOPBACK)
        self._running = {name: Running(*known) for name, known in state["running"].items()}

    def _move(self, host: str | None) -> None:
        if host is None or host == self.host:
            return
        if any(self.alive(name) for name in self._running):
            raise StackFailed(
                f"servers are running on {self.host}: stop them before they are moved to {host}"
            )
        self.host = host

    def _save(self) -> None:
        running = {name: (known.pid, known.identity) for name, known in self._running.items()}
        draft = self.folder / f"{STATE}.draft"
        draft.write_text(
            json.dumps({"host": self.host, "ports": self.ports, "running": running}, indent=2),
            encoding="utf-8",
        )
        draft.replace(self.folder / STATE)


def stack_folder() -> Path:
    """Return where a user's stack lies: EVOKE_STACK_DIR, else `data/stack` in the working folder."""
    return Path(os.environ.get("EVOKE_STACK_DIR") or FOLDER)
