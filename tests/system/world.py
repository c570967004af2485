"""A whole evoke on one machine: API, archiver, sidecars and containers, each its own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from evoke.settings import Settings, load_settings
from tests.system.client import Client
from tests.system.processes import ProcessUnderTest, eventually, free_port

QUEUE = "scripted"

CATALOGUE = """
models:
  - id: scripted
    title: Scripted
    task: scripted
    queue: scripted
    container: scripted
    limits: {deadline_s: 60}
    input:
      type: object
      additionalProperties: false
      required: [behaviour]
      properties:
        behaviour: {type: string, enum: [echo, work, fail, kill, hang]}
        text: {type: string, maxLength: 1000, default: ""}
        seconds: {type: number, minimum: 0, maximum: 60, default: 0}
        size_bytes: {type: integer, minimum: 0, maximum: 10000000, default: 0}
        error: {type: string, default: model_error}
"""


class World:
    """Starts and stops the parts; every part can be killed and started again by itself."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.queue = settings.get("EVOKE_QUEUE", QUEUE)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.address = f"unix:{folder}/model.sock"
        (folder / "models.yaml").write_text(CATALOGUE, encoding="utf-8")
        self.environment = {
            "EVOKE_DATA_DIR": str(folder / "data"),
            "EVOKE_CATALOGUE": str(folder / "models.yaml"),
            "EVOKE_PORT": str(self.port),
            "EVOKE_QUEUE": QUEUE,
            "EVOKE_MODEL_ADDRESS": self.address,
            "EVOKE_ARCHIVE_INTERVAL_S": "0.5",
            "EVOKE_RETRY_BASE_S": "0.1",
            "EVOKE_RETRY_CAP_S": "0.5",
            "EVOKE_LEASE_S": "5",
            **settings,
        }
        self.api = self.process("api", "services.api")
        self.archiver = self.process("archiver", "services.archiver")
        self.model = self.process("model", "tests.system.scripted_model", "--address", self.address)
        self.sidecar = self.process("sidecar", "worker_sidecar")
        self.client = Client(self.url)

    def process(self, name: str, module: str, *arguments: str, **environment: str) -> ProcessUnderTest:
        """A further process with this world's settings; not started."""
        log = self.folder / f"{name}.log"
        return ProcessUnderTest(name, module, arguments, {**self.environment, **environment}, log)

    @property
    def processes(self) -> tuple[ProcessUnderTest, ...]:
        """The parts in the order in which they are stopped."""
        return (self.api, self.sidecar, self.model, self.archiver)

    @property
    def settings(self) -> Settings:
        """This world's settings, to open its log and blobs directly."""
        names = {"EVOKE_DATA_DIR": "data_dir", "EVOKE_CATALOGUE": "catalogue"}
        return load_settings({field: self.environment[name] for name, field in names.items()})

    def start(self) -> None:
        """Start everything and wait until the API is ready."""
        for process in self.processes:
            process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the API answers that it is ready."""
        eventually(self._ready, f"the API is ready; it wrote:\n{self.api.output[-2000:]}")

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def restart_what_died(self) -> None:
        """Start every part that is not running, as a supervisor would."""
        for process in self.processes:
            if not process.alive:
                process.start()

    def close(self) -> None:
        """Kill whatever runs."""
        self.client.close()
        for process in self.processes:
            process.kill()


@contextmanager
def running_world(folder: Path, **settings: str) -> Iterator[World]:
    """A started world that is gone at the end of the block."""
    world = World(folder, **settings)
    try:
        world.start()
        yield world
    finally:
        world.close()
