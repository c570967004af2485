"""Two APIs, three sidecars and two archivers on one set of servers."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.faults.distributed.world import DistributedWorld, running
from tests.stack.servers import PrivateStack
from tests.system.client import Client
from tests.system.processes import ProcessUnderTest, eventually, free_port

READY_S = 120.0
ALONE = "1"
"""Jobs of one sidecar at once: so that three of them are needed to run three."""


class Archiver:
    """One archiver and what it says of itself."""

    def __init__(self, world: DistributedWorld, name: str) -> None:
        self._port = free_port()
        self.process = world.process(name, "services.archiver", EVOKE_METRICS_PORT=str(self._port))

    @property
    def active(self) -> bool:
        """Whether it is the one that archives."""
        try:
            shown = httpx.get(f"http://127.0.0.1:{self._port}/metrics", timeout=1).text
        except httpx.HTTPError:
            return False
        return re.search(r"^evoke_archiver_active 1", shown, re.MULTILINE) is not None


class Replicas:
    """A started world with a second API, two more sidecars and two archivers of its own."""

    def __init__(self, world: DistributedWorld) -> None:
        self.world = world
        port = free_port()
        self.other_api = world.process("api-2", "services.api", EVOKE_PORT=str(port))
        self.one, self.other = world.client, Client(f"http://127.0.0.1:{port}")
        beside = [world.sidecar_beside(name, EVOKE_CONCURRENCY=ALONE) for name in ("worker-2", "worker-3")]
        self._more = [process for pair in beside for process in pair]
        self.archivers = [Archiver(world, f"archiver-{number}") for number in (1, 2)]

    @property
    def apis(self) -> tuple[Client, Client]:
        """A client of each API."""
        return (self.one, self.other)

    def start(self) -> None:
        """Start what the world has not, and wait until all of it serves."""
        self.world.archiver.stop()
        processes = [self.other_api, *self._more, *(archiver.process for archiver in self.archivers)]
        for process in processes:
            process.start()
        eventually(lambda: _ready(self.other), "the second API is ready", READY_S)
        eventually(lambda: self.workers == 3, "three workers are there", READY_S)
        eventually(lambda: any(archiver.active for archiver in self.archivers), "one archives", READY_S)

    @property
    def workplaces(self) -> list[tuple[ProcessUnderTest, ProcessUnderTest]]:
        """Each model container with its sidecar."""
        return [(self.world.model, self.world.sidecar), *zip(self._more[::2], self._more[1::2], strict=True)]

    @property
    def workers(self) -> int:
        """How many sidecars the broker knows."""
        queues = self.one.get("/v1/queues").json()["items"]
        return sum(int(line["workers"]) for line in queues)

    def active(self) -> Archiver:
        """The archiver that archives."""
        (found,) = [archiver for archiver in self.archivers if archiver.active]
        return found

    def archived(self) -> tuple[int, int]:
        """Rows in the archive, and how many different entries of the log they are."""
        sql = "SELECT count(*), count(DISTINCT topic || position) FROM job_events"
        answer = self.one.post("/v1/query", {"sql": sql})
        if answer.status_code == 503:
            return (-1, -1)
        assert answer.status_code == 200, answer.text
        rows, entries = answer.json()["rows"][0]
        return int(rows), int(entries)

    def is_archived(self, job_id: str) -> bool:
        """Whether SQL knows the job's end."""
        sql = f"SELECT status FROM jobs WHERE id = '{job_id}'"
        answer = self.one.post("/v1/query", {"sql": sql})
        rows: list[list[Any]] = answer.json().get("rows", [])
        return rows == [["succeeded"]]

    def close(self) -> None:
        """Kill whatever runs."""
        self.other.close()
        for process in (self.other_api, *self._more, *(archiver.process for archiver in self.archivers)):
            process.kill()


def _ready(client: Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def restarted(process: ProcessUnderTest, client: Client) -> None:
    """Kill an API, start it again and wait until it is ready."""
    process.kill()
    process.start()
    eventually(lambda: _ready(client), "the API is ready again", READY_S)


def renewed(api: ProcessUnderTest, client: Client) -> None:
    """Stop an API as an upgrade does, start it again and wait until it is ready."""
    api.stop()
    api.start()
    eventually(lambda: _ready(client), "the API is ready again", READY_S)


class Rotation:
    """Whom a load balancer sends requests to. Who leaves gets nothing new, and has answered what was sent to it."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = list(clients)
        self._under_way: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[Client]:
        """One of those that are in, for one request."""
        with self._changed:
            client = random.choice(self._clients)
            self._under_way[client.base_url] += 1
        try:
            yield client
        finally:
            with self._changed:
                self._under_way[client.base_url] -= 1
                self._changed.notify_all()

    @contextmanager
    def without(self, client: Client) -> Iterator[None]:
        """Leave it out while the block lasts."""
        with self._changed:
            self._clients.remove(client)
            assert self._changed.wait_for(lambda: not self._under_way[client.base_url], READY_S)
        yield
        with self._changed:
            self._clients.append(client)


@contextmanager
def running_replicas(folder: Path, servers: PrivateStack, namespace: str) -> Iterator[Replicas]:
    """All of them, started; gone at the end of the block."""
    own = {"pulsar_namespace": namespace, "catalog_namespace": namespace, "concurrency": ALONE}
    with running(folder, servers, **own) as world:
        replicas = Replicas(world)
        try:
            replicas.start()
            yield replicas
        finally:
            replicas.close()
