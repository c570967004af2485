"""A sidecar and a scripted container as real processes, on an engine's real adapters, seen through log and queue."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evoke.bootstrap import open_blob_store, open_event_log, open_progress_channel, open_request_queue
from evoke.codec import decode, decode_progress, encode
from evoke.domain import topics
from evoke.domain.errors import Unavailable
from evoke.domain.events import (
    AnyEvent,
    AttemptStarted,
    Cancelled,
    DeadLettered,
    InputFile,
    Requested,
    Terminal,
)
from evoke.domain.ids import uuid7
from evoke.domain.job import Job, evolve
from evoke.domain.progress import Progress
from evoke.domain.topics import Lane
from evoke.ports.blob_store import BlobStore
from evoke.ports.event_log import EventLog, Record
from evoke.ports.request_queue import QueueStats, RequestQueue
from evoke.settings import Settings, load_settings
from tests.stack.engines import Engine
from tests.system.processes import ProcessUnderTest

QUEUE = "scripted"
DEADLINE_S = 60.0
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

CATALOGUE = """
models:
  - {id: scripted, title: Scripted, task: test, queue: scripted, container: scripted, input: {type: object}}
  - {id: scripted-async, title: Async, task: test, queue: scripted, container: scripted, input: {type: object}}
  - {id: unserved, title: Unserved, task: test, queue: scripted, container: scripted, input: {type: object}}
"""


class SidecarWorkplace:
    """The processes and what they leave behind. The test's own process plays the API."""

    def __init__(self, folder: Path, sockets: Path, engine: Engine) -> None:
        (folder / "models.yaml").write_text(CATALOGUE, encoding="utf-8")
        self.folder = folder
        self._engine = engine
        engine.prepare(folder, [QUEUE])
        self.address = f"unix:{sockets}/model.sock"
        self.environment = {
            **engine.environment(folder),
            "EVOKE_CATALOGUE": str(folder / "models.yaml"),
            "EVOKE_QUEUE": QUEUE,
            "EVOKE_MODEL_ADDRESS": self.address,
            "EVOKE_RETRY_BASE_S": "0.05",
            "EVOKE_RETRY_CAP_S": "0.1",
            "EVOKE_LEASE_S": "2",
            "EVOKE_DRAIN_S": "5",
        }
        self.settings: Settings = load_settings(engine.settings(folder))
        self.sidecar = self.another_sidecar("sidecar")
        arguments = ("--address", self.address)
        module = "tests.contract.model_client.scripted_container"
        self.container = ProcessUnderTest("container", module, arguments, {}, folder / "container.log")
        self.log: EventLog
        self.queue: RequestQueue
        self.blobs: BlobStore

    def another_sidecar(self, name: str, **environment: str) -> ProcessUnderTest:
        """A further sidecar process, not started."""
        log = self.folder / f"{name}.log"
        return ProcessUnderTest(name, "worker_sidecar", (), {**self.environment, **environment}, log)

    async def open(self) -> None:
        """Open the adapters."""
        self.log = await open_event_log(self.settings)
        self.queue = await open_request_queue(self.settings)
        self.blobs = await open_blob_store(self.settings)
        self.progress = await open_progress_channel(self.settings)

    async def close(self) -> None:
        """Kill the processes, close the adapters."""
        self.sidecar.kill()
        self.container.kill()
        for adapter in (self.progress, self.blobs, self.queue, self.log):
            await adapter.close()

    async def submit(
        self,
        *script: Mapping[str, Any],
        model: str = "scripted",
        deadline_s: float = 60.0,
        job_id: str | None = None,
        lane: Lane = Lane.INTERACTIVE,
        files: tuple[InputFile, ...] = (),
    ) -> str:
        """Append a request as the API does; return the job's id."""
        event = Requested(
            **self.common(job_id or new_id()) | {"model": model},
            input={"script": list(script)},
            deadline_s=deadline_s,
            lane=lane,
            traceparent=TRACE,
            files=files,
        )
        await self.append(topics.requested(QUEUE, lane), event)
        return event.job_id

    async def submit_bytes(self, key: str, payload: bytes) -> None:
        """Append a message of any content to the queue."""
        await self.log.append(Record(topics.requested(QUEUE), key, payload))

    async def cancel(self, job_id: str) -> None:
        """Append the terminal event of a cancellation, as the API does."""
        await self.append(topics.completed(QUEUE), Cancelled(**self.common(job_id)))

    async def start_elsewhere(self, job_id: str, attempt_id: str) -> None:
        """Append the start of an attempt by another worker."""
        event = AttemptStarted(**self.common(job_id), attempt_id=attempt_id, worker="elsewhere")
        await self.append(topics.attempts(QUEUE), event)

    async def append(self, topic: str, event: AnyEvent) -> None:
        await self.log.append(Record(topic, event.job_id, encode(event)))

    def common(self, job_id: str) -> dict[str, Any]:
        """The fields that all events have."""
        now_ms = int(time.time() * 1000)
        return {"job_id": job_id, "tenant": "default", "queue": QUEUE, "model": "scripted", "time_ms": now_ms}

    async def events(self, job_id: str) -> list[AnyEvent]:
        """All events of a job but its submission, in the log's order."""
        found = await self.log.find(
            [topics.attempts(QUEUE), topics.dead_letters(QUEUE), topics.completed(QUEUE)], [job_id]
        )
        return [decode(entry.payload) for entry in self._engine.in_order(found)]

    async def story(self, job_id: str) -> list[str]:
        """Names of the job's events."""
        return [type(event).__name__ for event in await self.events(job_id)]

    async def job(self, job_id: str) -> Job:
        """The job as it folds from the log."""
        job: Job | None = None
        for event in await self.events(job_id):
            job = evolve(job, event)
        assert job is not None, f"no event of {job_id}"
        return job

    async def end_of(self, job_id: str) -> Terminal:
        """Wait for a job's terminal event and return it."""
        await self.eventually(lambda: self._has_ended(job_id), f"{job_id} ends")
        end = (await self.job(job_id)).end
        assert end is not None
        return end

    async def _has_ended(self, job_id: str) -> bool:
        try:
            story = await self.story(job_id)
        except Unavailable:  # a log that was away and is not quite back: nobody knows yet
            return False
        return bool({"Succeeded", "Failed", "Cancelled"} & set(story))

    async def dead_letters(self, job_id: str) -> list[DeadLettered]:
        """The dead letters of a job."""
        return [event for event in await self.events(job_id) if isinstance(event, DeadLettered)]

    async def reports(self, heard: AsyncIterator[bytes], job_id: str) -> AsyncIterator[Progress]:
        """The progress of one job, of all that is heard."""
        async for report in heard:
            progress = decode_progress(report)
            if progress.job_id == job_id:
                yield progress

    async def stats(self) -> QueueStats:
        return await self.queue.stats(QUEUE)

    async def empty(self) -> None:
        """Wait until nothing is queued, delayed or in anybody's hands."""

        async def nothing() -> bool:
            stats = await self.stats()
            return not (sum(stats.depth.values()) + stats.delayed + stats.in_flight)

        await self.eventually(nothing, "the queue is empty")

    async def told(self, path: Path, lines: int) -> list[str]:
        """Wait until the model has written so many lines to a file, and return them all."""

        async def written() -> bool:
            return path.exists() and len(path.read_text().splitlines()) >= lines

        await self.eventually(written, f"{lines} lines in {path.name}")
        return path.read_text().splitlines()

    async def eventually(self, holds: Callable[[], Awaitable[object]], what: str) -> None:
        """Return once it holds; fail with what the processes wrote when it does not within the deadline."""
        end = time.monotonic() + DEADLINE_S
        while not await holds():
            if time.monotonic() > end:
                raise AssertionError(
                    f"not within {DEADLINE_S} s: {what}\n{self.sidecar.output[-3000:]}\n{self.container.output[-2000:]}"
                )
            await asyncio.sleep(0.02)

    async def exit_code(self, process: ProcessUnderTest) -> int:
        """Wait until a process ends by itself."""
        return await asyncio.to_thread(process.wait_for_exit, DEADLINE_S)

    async def restarted(self, process: ProcessUnderTest, times: int) -> None:
        """Start a process again whenever it has died, so many times."""
        for _ in range(times):
            await self.exit_code(process)
            process.start()

    async def stored(self, key: str) -> bytes:
        """The bytes of a blob."""
        return b"".join([chunk async for chunk in self.blobs.read(key)])


def new_id() -> str:
    """An id of a new job."""
    return uuid7(int(time.time() * 1000), os.urandom(10))


def names(events: Sequence[AnyEvent]) -> list[str]:
    """The events' types."""
    return [type(event).__name__ for event in events]
