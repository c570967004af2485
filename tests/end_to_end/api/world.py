"""An API over an engine's real adapters, served by its real server, and a worker that a test plays by hand."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from evoke.bootstrap import load_catalogue, open_archive
from evoke.codec import encode, encode_progress, properties
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    Artifact,
    AttemptFailed,
    AttemptStarted,
    DeadLettered,
    Failed,
    Succeeded,
)
from evoke.domain.ids import job_time_ms
from evoke.domain.progress import Preview, Progress
from evoke.domain.topics import attempts, completed, dead_letters, logged
from evoke.ports.archive import EventRow
from evoke.ports.event_log import Position, Record
from evoke.settings import Settings, load_settings
from services.api.application import create_application
from services.api.bootstrap import clock_ms, open_context
from services.api.context import Context
from services.api.server import listen, serve_http
from services.console.routes import console_router
from tests.stack.engines import Engine

DEADLINE_S = 20.0
QUEUE = "txt2img_generation"
MODEL = "shapes-64"
PROMPT = {"prompt": "a red circle"}


async def eventually(holds: Callable[[], Awaitable[Any]], what: str) -> Any:
    """The first true answer of `holds`; fails when there is none within the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not (found := await holds()):
            await asyncio.sleep(0.01)
    assert found, what
    return found


class World:
    """A running API. `http` is a client of it; the other methods do what sidecars and the archiver would do."""

    def __init__(self, context: Context, http: httpx.AsyncClient, url: str) -> None:
        self.context = context
        self.http = http
        self.url = url

    async def submit(self, **body: Any) -> dict[str, Any]:
        """Submit a job, by default of a red circle."""
        answer = await self.http.post("/v1/jobs", json={"model": MODEL, "input": PROMPT, **body})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    async def job(self, job_id: str) -> dict[str, Any]:
        """Look a job up."""
        answer = await self.http.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    async def append(self, topic: str, event: AnyEvent) -> Position:
        """Append an event as another process would."""
        payload = encode(event)
        said = properties(event, "/tests", "0", None)
        return await self.context.log.append(Record(topic, event.job_id or "none", payload, said))

    async def folded(self, topic: str, position: Position) -> None:
        """Wait until the hot view has folded a position."""
        await self.context.view.arrivals.wait(topic, position, DEADLINE_S)

    async def start(self, job: dict[str, Any], attempt_id: str = "attempt-1") -> None:
        """A worker starts the job."""
        event = AttemptStarted(**_names(job), attempt_id=attempt_id, worker="worker-1")
        await self.folded(attempts(job["queue"]), await self.append(attempts(job["queue"]), event))

    async def fail_attempt(self, job: dict[str, Any], attempt_id: str = "attempt-1") -> None:
        """The attempt fails and will be repeated."""
        event = AttemptFailed(
            **_names(job),
            attempt_id=attempt_id,
            error=ErrorClass.MODEL_ERROR,
            message="broke",
            retry_at_ms=clock_ms(),
        )
        await self.folded(attempts(job["queue"]), await self.append(attempts(job["queue"]), event))

    async def succeed(
        self, job: dict[str, Any], *, data: bytes = b"", media_type: str = "image/png", name: str = "0.png"
    ) -> None:
        """The attempt succeeds, with one output when there is data."""
        artifacts = (await self._artifact(job, data, media_type, name),) if data else ()
        event = Succeeded(
            **_names(job), attempt_id="attempt-1", artifacts=artifacts, seed=42, timings_ms={"model": 1.5}
        )
        await self.folded(completed(job["queue"]), await self.append(completed(job["queue"]), event))

    async def _artifact(self, job: dict[str, Any], data: bytes, media_type: str, name: str) -> Artifact:
        async def chunks() -> AsyncIterator[bytes]:
            yield data

        key = f"default/{job['id']}/attempt-1/{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        # Users are told the type that the event has; a sidecar would let none pass that a store can't keep.
        info = await self.context.blobs.put(key, chunks(), "application/octet-stream")
        return Artifact(
            name=name, media_type=media_type, size_bytes=info.size_bytes, sha256=info.sha256, key=key
        )

    async def fail(self, job: dict[str, Any], error: ErrorClass = ErrorClass.MODEL_ERROR) -> None:
        """The job fails for good."""
        event = Failed(**_names(job), error=error, message="broke")
        await self.folded(completed(job["queue"]), await self.append(completed(job["queue"]), event))

    async def dead_letter(
        self, job: dict[str, Any], letter_id: str, *, request: bytes | None = None, tenant: str = "default"
    ) -> None:
        """The job's request is put aside. request: its bytes, unset: as they lie in the log."""
        raw = request if request is not None else await self.request_bytes(job)
        names = {**_names(job), "tenant": tenant}
        event = DeadLettered(
            **names,
            letter_id=letter_id,
            request=raw,
            error=ErrorClass.POISON,
            message="it ended its worker",
            attempts=3,
            origin="worker-1",
        )
        topic = dead_letters(job["queue"])
        await self.folded(topic, await self.append(topic, event))

    async def request_bytes(self, job: dict[str, Any]) -> bytes:
        """The bytes of a job's submission in the log."""
        for topic in logged(job["queue"])[:2]:
            for entry in await self.context.log.read(topic, None, 10_000):
                if entry.key == job["id"]:
                    return entry.payload
        raise AssertionError(f"{job['id']} is not in the log")

    def report(self, job: dict[str, Any], step: int, total: int, preview: bytes | None = None) -> None:
        """The running attempt reports its progress."""
        said = Progress(
            tenant="default",
            job_id=job["id"],
            attempt_id="attempt-1",
            attempt=1,
            time_ms=clock_ms(),
            step=step,
            total=total,
            log=f"step {step}" if preview else None,
            preview=Preview(media_type="image/jpeg", data=preview) if preview else None,
        )
        self.context.progress.publish(job["queue"], encode_progress(said))

    async def archive(self) -> None:
        """Archive everything that is in the log, as the archiver would."""
        archive = await open_archive(self.context.settings)
        await archive.prepare()
        watermark = dict(await archive.watermark())
        rows: list[EventRow] = []
        for topic in self.context.view.arrivals.cursors:
            for entry in await self.context.log.read(topic, watermark.get(topic), 100_000):
                rows.append(_row(topic, entry.position, entry.payload))
                watermark[topic] = entry.position
        await archive.commit(rows, watermark)
        await archive.close()


def _names(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "job_id": job["id"],
        "tenant": job.get("tenant", "default"),
        "queue": job["queue"],
        "model": job["model"],
        "time_ms": clock_ms(),
    }


def _row(topic: str, position: Position, payload: bytes) -> EventRow:
    event = msgspec.json.decode(payload)
    return EventRow(
        tenant=event["tenant"],
        job_id=event["job_id"],
        job_time_ms=job_time_ms(event["job_id"]) if event["job_id"] else event["time_ms"],
        queue=event["queue"],
        model=event["model"],
        type=event["type"],
        attempt=event.get("attempt_id"),
        time_ms=event["time_ms"],
        topic=topic,
        position=position,
        payload=payload.decode(),
    )


@asynccontextmanager
async def running_api(engine: Engine, folder: Path, **settings: Any) -> AsyncIterator[World]:
    """An API over `folder`, started; the next one over the same folder finds what this one left."""
    chosen: Settings = load_settings({**engine.settings(folder), "port": 0, **settings})
    await asyncio.to_thread(engine.prepare, folder, load_catalogue(chosen.catalogue).queues)
    bound = listen("127.0.0.1", chosen.port)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    stop = asyncio.Event()
    async with open_context(chosen) as context, asyncio.TaskGroup() as tasks:
        following = tasks.create_task(context.follower.run())
        serving = tasks.create_task(
            serve_http(create_application(context, (console_router(),)), context, stop, bound)
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                await context.follower.ready.wait()
            async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_S) as http:
                yield World(context, http, url)
        finally:
            stop.set()
            await serving
            following.cancel()
