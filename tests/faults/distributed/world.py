"""The system of `tests/system` on the distributed engine, with queues of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evoke.bootstrap import prepare_engine
from evoke.settings import PREFIX, Settings, load_settings
from tests.stack.servers import PrivateStack
from tests.system.client import TERMINAL
from tests.system.processes import ProcessUnderTest, eventually
from tests.system.world import CATALOGUE, World

NEEDED = ("pulsar", "versitygw", "nessie", "trino")


class DistributedWorld(World):
    """As `World`. Servers are shared with other tests, so that its queue has a name that no other test uses."""

    def __init__(self, folder: Path, servers: PrivateStack, own: Mapping[str, object]) -> None:
        """own: settings that differ from those of the servers, by field name."""
        self.servers = servers
        chosen = {"engine": "distributed", **servers.settings(), **own}
        named = {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
        queue = f"scripted_{secrets.token_hex(4)}"
        super().__init__(folder, **named, **servers.credentials(), EVOKE_QUEUE=queue)
        catalogue = CATALOGUE.replace("queue: scripted", f"queue: {queue}").replace(
            "deadline_s: 60", "deadline_s: 300"
        )
        (folder / "models.yaml").write_text(catalogue, encoding="utf-8")

    @property
    def settings(self) -> Settings:
        """All of this world's settings, to open its ports directly."""
        return load_settings(
            {
                name.removeprefix(PREFIX).lower(): value
                for name, value in self.environment.items()
                if name.startswith(PREFIX)
            }
        )

    def start(self) -> None:
        """Make the topics, then start everything."""
        for _ in prepare_engine(self.settings, [self.queue]):
            pass
        super().start()

    def sidecar_beside(self, name: str, **environment: str) -> tuple[ProcessUnderTest, ProcessUnderTest]:
        """A further model container with its sidecar; not started."""
        address = f"unix:{self.folder}/{name}.sock"
        model = self.process(f"{name}-model", "tests.system.scripted_model", "--address", address)
        settings = {"EVOKE_MODEL_ADDRESS": address, "EVOKE_WORKER": name, **environment}
        return model, self.process(name, "worker_sidecar", **settings)

    def kill_broker(self) -> None:
        """SIGKILL Pulsar."""
        self.servers.kill("pulsar")

    def restart(self, name: str) -> None:
        """Bring a server back."""
        self.servers.start(name)

    def wait_supervised(self, job_id: str, deadline_s: float) -> dict[str, Any]:
        """Wait until the job is at its end. Meanwhile the sidecar is started again when it gives up, as a supervisor
        would do; should the job not end, the failure shows what it has written."""
        job: dict[str, Any] = {}

        def ended() -> bool:
            nonlocal job
            if not self.sidecar.alive:
                self.sidecar.start()
            job = self.client.job(job_id) or job
            return job.get("status") in TERMINAL

        try:
            eventually(ended, f"{job_id} ends", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {job}\nthe sidecar:\n{self.sidecar.output[-6000:]}") from error
        return job

    def wait_for_start(self, job_id: str) -> None:
        """Wait until a worker runs the job."""
        eventually(lambda: (self.client.job(job_id) or {}).get("status") == "running", f"{job_id} runs")


@contextmanager
def running(folder: Path, servers: PrivateStack, **own: object) -> Iterator[DistributedWorld]:
    """A started world that is gone at the end of the block; the servers stay."""
    servers.start(*NEEDED)
    world = DistributedWorld(folder, servers, own)
    try:
        world.start()
        yield world
    finally:
        world.close()
        servers.start(*NEEDED)
