"""`evoke migrate`: a laptop's log and artifacts in the distributed engine, whatever cuts the run off."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evoke.bootstrap import open_archive, open_archiver_lease, open_blob_store, open_event_log, prepare_engine
from evoke.codec import encode, properties
from evoke.domain import topics
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    Artifact,
    AttemptFailed,
    AttemptStarted,
    Cancelled,
    DeadLettered,
    Failed,
    Replayed,
    Requested,
    Succeeded,
)
from evoke.domain.ids import uuid7
from evoke.domain.topics import Lane
from evoke.migration import MIGRATED
from evoke.migration.migration import in_order
from evoke.ports.event_log import EventLog, LogEntry, Record
from evoke.settings import PREFIX, Settings, load_settings
from services.archiver.rows import queues_by_topic, row_of
from tests.stack.servers import PrivateStack
from tests.system.promises import copy_of_log, folded
from tests.system.world import CATALOGUE

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(300)]

DEADLINE_S = 120.0
JOBS = 600


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Laptop:
    """An embedded engine with a past."""

    settings: Settings
    queue: str
    blobs: dict[str, bytes] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        return {
            "job_id": uuid7(now_ms(), secrets.token_bytes(10)),
            "tenant": "default",
            "queue": self.queue,
            "model": "scripted",
            "time_ms": now_ms(),
        }

    async def live(self, jobs: int) -> None:
        """So many jobs with all that can happen to one; a part of them is in the archive alone."""
        chance = random.Random(7)  # not for secrets
        async with AsyncExitStack() as opened:
            log = await open_event_log(self.settings)
            opened.push_async_callback(log.close)
            await asyncio.gather(*(self._job(log, chance.randrange(8)) for _ in range(jobs // 2)))
            await self._archive_and_trim(log)
            await asyncio.gather(*(self._job(log, chance.randrange(8)) for _ in range(jobs // 2)))
            await log.append(Record(topics.requested(self.queue), "none", b"\xff no event"))
        async with AsyncExitStack() as opened:
            store = await open_blob_store(self.settings)
            opened.push_async_callback(store.close)
            for key, data in self.blobs.items():
                await store.put(key, _once(data), "text/plain")

    async def _job(self, log: EventLog, fate: int) -> None:
        about = self.about()
        lane = Lane.BULK if fate == 0 else Lane.INTERACTIVE
        key = f"key-{fate}" if fate in (1, 2) else None
        await _tell(
            log, topics.requested(self.queue, lane), Requested(**about, input={}, idempotency_key=key)
        )
        attempts, completed = topics.attempts(self.queue), topics.completed(self.queue)
        if fate == 7:
            return
        await _tell(log, attempts, AttemptStarted(**about, attempt_id="a1", worker="w"))
        if fate in (3, 4):
            broke = AttemptFailed(**about, attempt_id="a1", error=ErrorClass.MODEL_ERROR, message="broke")
            await _tell(log, attempts, broke)
            await _tell(log, attempts, AttemptStarted(**about, attempt_id="a2", worker="w"))
        if fate == 4:
            letter = DeadLettered(
                **about,
                letter_id=f"letter-{about['job_id']}",
                request=b"\xff\x00",
                error=ErrorClass.MODEL_ERROR,
                message="broke",
                attempts=2,
                origin="w",
            )
            await _tell(log, topics.dead_letters(self.queue), letter)
            await _tell(log, completed, Failed(**about, error=ErrorClass.MODEL_ERROR, message="broke"))
            replayed = Replayed(**about, letter_id=letter.letter_id, new_job_id="another")
            await _tell(log, topics.dead_letters(self.queue), replayed)
        elif fate in (5, 6):
            ends: list[AnyEvent] = [Cancelled(**about), Succeeded(**about, attempt_id="a1")]
            for end in ends if fate == 5 else reversed(ends):  # the first one counts
                await _tell(log, completed, end)
        else:
            await _tell(log, completed, self._success(about))

    def _success(self, about: Mapping[str, Any]) -> Succeeded:
        data = f"of {about['job_id']}".encode()
        key = f"default/{about['job_id']}/a1/out.txt"
        digest = hashlib.sha256(data).hexdigest()
        artifact = Artifact(
            name="out.txt", media_type="text/plain", size_bytes=len(data), sha256=digest, key=key
        )
        self.blobs[key] = data
        return Succeeded(**about, attempt_id="a1", artifacts=(artifact,))

    async def _archive_and_trim(self, log: EventLog) -> None:
        archive = await open_archive(self.settings)
        await archive.prepare()
        await archive.watermark()
        names = queues_by_topic((self.queue,))
        entries = [entry for topic in names for entry in await log.read(topic, None, 100_000)]
        rows = [row_of(entry, names, now_ms()) for entry in entries]
        await archive.commit(rows, {entry.topic: entry.position for entry in entries})
        await archive.close()
        for topic in names:
            mine = [entry for entry in entries if entry.topic == topic]
            if mine:
                await log.trim(topic, mine[len(mine) * 3 // 4].position)


async def _tell(log: EventLog, topic: str, event: AnyEvent) -> None:
    await log.append(Record(topic, event.job_id, encode(event), properties(event, "/tests", "0", None)))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass
class Move:
    """A laptop, the engine that it is migrated to, and the command."""

    laptop: Laptop
    target: Settings
    environment: Mapping[str, str]

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "cli.main",
                "migrate",
                "--from",
                str(self.laptop.settings.data_dir),
                *options,
            ],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    async def run(self, *options: str) -> tuple[int, str]:
        process = self.start(*options)
        said, _ = await asyncio.to_thread(process.communicate, None, DEADLINE_S)
        return process.returncode, said

    @property
    def entries(self) -> int:
        """How many are told, by the file."""
        path = self.laptop.settings.data_dir / "migration.json"
        if not path.exists():
            return 0
        return sum(topic["entries"] for topic in json.loads(path.read_text())["topics"].values())

    async def target_log(self) -> Mapping[str, Sequence[LogEntry]]:
        log = await open_event_log(self.target)
        found = await copy_of_log(log, [self.laptop.queue])
        await log.close()
        return found


@pytest.fixture
async def move(tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch) -> Move:
    servers.start("pulsar", "versitygw")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    queue = f"moved_{secrets.token_hex(4)}"
    catalogue = tmp_path / "models.yaml"
    catalogue.write_text(CATALOGUE.replace("queue: scripted", f"queue: {queue}"), encoding="utf-8")
    chosen = {"engine": "distributed", "catalogue": catalogue, **servers.settings()}
    environment = {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
    laptop = Laptop(load_settings({"data_dir": tmp_path / "data"}), queue)
    await laptop.live(JOBS)
    return Move(laptop, load_settings(chosen), environment)


async def check(move: Move, before: Mapping[str, Sequence[tuple[str, bytes]]]) -> None:
    """Every entry once, in the order of each key, and every artifact."""
    after = await move.target_log()
    for topic, entries in before.items():
        there = [(entry.key, entry.payload) for entry in after[topic]]
        assert Counter(there) == Counter(entries), topic
        for key in {key for key, _ in entries}:
            mine = [payload for its, payload in there if its == key]
            assert mine == [payload for its, payload in entries if its == key], (topic, key)
        assert len({entry.properties[MIGRATED] for entry in after[topic]}) == len(entries)
    store = await open_blob_store(move.target)
    for key, data in move.laptop.blobs.items():
        assert b"".join([chunk async for chunk in store.read(key)]) == data
    await store.close()


async def before(move: Move) -> Mapping[str, Sequence[tuple[str, bytes]]]:
    """All that the laptop knows, archive and log together."""
    log, archive = await open_event_log(move.laptop.settings), await open_archive(move.laptop.settings)
    known: dict[str, list[tuple[str, bytes]]] = {}
    for topic in in_order(move.laptop.queue):
        archived = [row async for page in archive.rows(topic) for row in page]
        known[topic] = [(row.job_id, row.payload.encode()) for row in archived]
        last = archived[-1].position if archived else None
        known[topic] += [(entry.key, entry.payload) for entry in await log.read(topic, last, 100_000)]
    await log.close()
    await archive.close()
    return known


async def test_everything_is_told_once_in_its_order_however_often_it_is_killed(move: Move) -> None:
    chance = random.Random(3)  # not for secrets
    wanted = await before(move)
    assert sum(map(len, wanted.values())) > 2 * JOBS
    for _ in range(4):
        told, process = move.entries, move.start()
        async with asyncio.timeout(DEADLINE_S):
            while move.entries == told and process.poll() is None:
                await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0, 0.3))
        process.kill()
        await asyncio.to_thread(process.wait)
    code, said = await move.run()
    assert code == 0, said
    await check(move, wanted)
    code, said = await move.run()
    assert code == 0, said
    await check(move, wanted)


async def test_jobs_have_the_state_that_they_had(move: Move) -> None:
    code, said = await move.run()
    assert code == 0, said
    after = await move.target_log()
    valid = {topic: [entry for entry in entries if entry.key != "none"] for topic, entries in after.items()}
    jobs = folded(valid)
    wanted = await before(move)
    told = {
        topic: [
            LogEntry(topic, entry.position, *pair) for entry, pair in zip(after[topic], pairs, strict=True)
        ]
        for topic, pairs in wanted.items()
    }
    originally = folded({topic: [e for e in entries if e.key != "none"] for topic, entries in told.items()})
    assert jobs.keys() == originally.keys()
    assert {(job.id, job.status, job.counted_attempts) for job in jobs.values()} == {
        (job.id, job.status, job.counted_attempts) for job in originally.values()
    }


async def test_an_engine_in_use_is_not_migrated_into_unless_that_is_said(move: Move) -> None:
    for _ in prepare_engine(move.target, [move.laptop.queue]):
        pass
    log = await open_event_log(move.target)
    await log.append(Record(topics.attempts(move.laptop.queue), "theirs", b"{}"))
    await log.close()
    code, said = await move.run()
    assert code == 1, said
    assert "in use" in said
    code, said = await move.run("--beside-others")
    assert code == 0, said


async def test_an_evoke_that_runs_is_to_be_stopped_first(move: Move) -> None:
    lease = await open_archiver_lease(move.laptop.settings)
    await lease.acquire()
    code, said = await move.run()
    assert code == 2, said
    assert "stop it first" in said
    await lease.release()


async def test_a_folder_that_is_none_of_evokes_is_refused(move: Move, tmp_path: Path) -> None:
    process = await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-m", "cli.main", "migrate", "--from", str(tmp_path)],
            env={**os.environ, **move.environment},
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert process.returncode == 2
    assert "log.sqlite" in process.stderr
