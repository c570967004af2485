"""A broker whose settings are a test's own: short time-outs, small ledgers, quotas, other doors."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from infrastructure.local.stack import processes, pulsar
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.ports import free_port
from infrastructure.local.stack.processes import Running
from infrastructure.local.stack.server import properties
from tests.stack.servers import HEAPS_MB

START_S = 120.0


class Broker:
    """Not started before `start`; killed and started again on the same ports and data."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        """settings: of `standalone.conf`, beside and before those of the stack."""
        self.folder = folder / "broker"
        self.ports = {name: free_port() for name in pulsar.SERVER.ports}
        self.proxy_port = 0
        self._own = dict(settings)
        self._running: Running | None = None
        self.log = folder / "broker.log"

    @property
    def settings(self) -> dict[str, object]:
        """What evoke has to know of it."""
        return {
            "engine": "distributed",
            "pulsar_url": f"pulsar://127.0.0.1:{self.ports['pulsar']}",
            "pulsar_admin_url": f"http://127.0.0.1:{self.ports['pulsar-admin']}",
        }

    def proxy(self) -> None:
        """Let it, from its start on, be reached through a proxy at `proxy_port` too."""
        self.proxy_port = free_port()
        direct, proxied = (f"pulsar://127.0.0.1:{port}" for port in (self.ports["pulsar"], self.proxy_port))
        self._own |= {
            "advertisedAddress": "",
            "advertisedListeners": f"direct:{direct},proxied:{proxied}",
            "internalListenerName": "direct",
        }

    @property
    def settings_through_the_proxy(self) -> dict[str, object]:
        """As `settings`; the admin API is reached directly."""
        url = f"pulsar://127.0.0.1:{self.proxy_port}"
        return {**self.settings, "pulsar_url": url, "pulsar_listener": "proxied"}

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Start it and wait until it serves."""
        files = pulsar.SERVER.fetch(cache_folder())
        self.folder.mkdir(parents=True, exist_ok=True)
        launch = pulsar.launch(files, self.folder, self.ports, HEAPS_MB["pulsar"])
        for path, text in launch.settings.items():
            more = properties(self._own) if path.endswith(".conf") else ""
            (self.folder / path).write_text(text + more, encoding="utf-8")
        running = self._running = processes.start(launch.command, self.folder, self.log, launch.environment)
        serves = ready or (lambda: pulsar.ready(self.ports))
        deadline = time.monotonic() + START_S
        while not serves():
            assert running.alive(), self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.2)

    def _said(self) -> str:
        return f"the broker did not start:\n{self.log.read_text(errors='replace')[-3000:]}"

    def kill(self) -> None:
        """SIGKILL it."""
        if self._running is not None:
            self._running.kill()

    def lose(self) -> None:
        """SIGKILL it and remove its data: the next start is that of a new cluster, at the same address."""
        self.end()

    def hang(self) -> None:
        """SIGSTOP it."""
        assert self._running is not None
        os.killpg(self._running.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT it."""
        assert self._running is not None
        os.killpg(self._running.pid, signal.SIGCONT)

    def end(self) -> None:
        """Kill it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
