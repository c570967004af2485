"""What a sidecar does when it, its container, or what it writes to fails."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from pathlib import Path

import pytest

from evoke.domain.errors import ErrorClass
from evoke.domain.events import AttemptFailed, AttemptStarted, AttemptYielded, Failed, Succeeded
from tests.end_to_end.sidecar.workplace import SidecarWorkplace, names
from tests.stack.engines import Engine
from tests.system.processes import free_port

OUTPUT = {"do": "output", "name": "a.txt", "text": "hello"}
STEP = {"do": "progress", "step": 1, "total": 2}
pytestmark = pytest.mark.timeout(300)
SERVERS = ("pulsar", "versitygw")
FAILPOINTS = ("after_receive", "after_start", "mid_model", "after_put", "after_terminal", "before_ack")


@pytest.mark.parametrize("failpoint", FAILPOINTS)
async def test_a_job_whose_sidecar_is_killed_is_run_again_and_ends_once(
    place: SidecarWorkplace, failpoint: str
) -> None:
    place.container.start()
    job_id = await place.submit(STEP, OUTPUT)
    deaths = 1 if failpoint == "after_terminal" else 2  # what is over is not run a second time
    for _ in range(deaths):
        place.sidecar.start(EVOKE_FAILPOINTS=f"sidecar.{failpoint}=kill")
        assert await place.exit_code(place.sidecar) == -signal.SIGKILL
    place.sidecar.start()
    end = await place.end_of(job_id)
    await place.empty()
    assert isinstance(end, Succeeded)
    events = await place.events(job_id)
    assert sum(isinstance(event, Succeeded | Failed) for event in events) == 1
    assert sum(isinstance(event, AttemptStarted) for event in events) <= 3
    (artifact,) = end.artifacts
    assert await place.stored(artifact.key) == b"hello"


async def test_a_job_whose_workers_all_died_is_poison_and_not_run_again(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    place.container.start()
    job_id = await place.submit({"do": "note", "path": str(note)})
    for _ in range(3):
        place.sidecar.start(EVOKE_FAILPOINTS="sidecar.after_start=kill")
        await place.exit_code(place.sidecar)
    after = await place.submit(OUTPUT)
    place.sidecar.start()
    end = await place.end_of(job_id)
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.POISON
    assert not note.exists()
    events = await place.events(job_id)
    assert names(events) == ["AttemptStarted"] * 4 + ["AttemptYielded", "DeadLettered", "Failed"]
    assert (await place.job(job_id)).counted_attempts == 3
    (letter,) = await place.dead_letters(job_id)
    assert (letter.error, letter.attempts) == (ErrorClass.POISON, 3)
    assert isinstance(await place.end_of(after), Succeeded)
    await place.empty()


async def test_an_input_that_kills_the_container_is_put_aside_after_three_attempts_while_the_queue_goes_on(
    place: SidecarWorkplace,
) -> None:
    place.container.start()
    place.sidecar.start()
    restarting = asyncio.create_task(place.restarted(place.container, 3))
    killer = await place.submit({"do": "kill"})
    end = await place.end_of(killer)
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.MODEL_LOST
    events = await place.events(killer)
    assert names(events) == ["AttemptStarted", "AttemptFailed"] * 3 + ["DeadLettered", "Failed"]
    await restarting
    assert isinstance(await place.end_of(await place.submit(OUTPUT)), Succeeded)
    await place.empty()


async def test_a_container_that_is_killed_costs_its_jobs_one_attempt(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    place.sidecar.start()
    note, gate = tmp_path / "note", tmp_path / "gate"
    script = [{"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}]
    jobs = [await place.submit(*script) for _ in range(3)]
    await place.told(note, 3)
    place.container.kill()
    gate.touch()
    place.container.start()
    for job_id in jobs:
        assert isinstance(await place.end_of(job_id), Succeeded)
        events = await place.events(job_id)
        assert names(events) == ["AttemptStarted", "AttemptFailed", "AttemptStarted", "Succeeded"]
        assert isinstance(events[1], AttemptFailed)
        assert events[1].error is ErrorClass.MODEL_LOST


async def test_while_the_container_is_away_no_jobs_are_taken(place: SidecarWorkplace) -> None:
    place.sidecar.start()
    before = await place.submit(OUTPUT)
    await asyncio.sleep(3)
    assert await place.story(before) == []
    assert (await place.stats()).in_flight == 0
    place.container.start()
    assert isinstance(await place.end_of(before), Succeeded)
    place.container.kill()
    await place.eventually(lambda: _says(place, "is away or in doubt"), "the sidecar notices")
    job_id = await place.submit(OUTPUT)
    await asyncio.sleep(1)
    assert await place.story(job_id) == []
    place.container.start()
    assert isinstance(await place.end_of(job_id), Succeeded)
    assert await place.story(job_id) == ["AttemptStarted", "Succeeded"]


async def test_a_hung_model_is_ended_by_the_deadline_and_the_sidecar_works_on(
    place: SidecarWorkplace,
) -> None:
    place.container.start()
    place.sidecar.start()
    await place.end_of(await place.submit())
    hung = await place.submit({"do": "hang"}, deadline_s=0.5)
    end = await place.end_of(hung)
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.DEADLINE
    assert await place.story(hung) == ["AttemptStarted", "AttemptFailed", "DeadLettered", "Failed"]
    job_id = await place.submit(OUTPUT)
    await asyncio.sleep(0.5)
    assert await place.story(job_id) == []
    place.container.kill()
    place.container.start()
    assert isinstance(await place.end_of(job_id), Succeeded)


async def test_the_deadline_of_a_job_ends_a_model_that_is_too_slow(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    place.sidecar.start()
    note = tmp_path / "note"
    job_id = await place.submit({"do": "wait_for_cancel", "path": str(note)}, deadline_s=0.3)
    end = await place.end_of(job_id)
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.DEADLINE
    assert await place.told(note, 1) == [f"cancelled {job_id}"]


async def test_a_sidecar_that_is_told_to_stop_finishes_its_jobs_and_takes_no_more(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    place.sidecar.start(EVOKE_CONCURRENCY="1")
    note, gate = tmp_path / "note", tmp_path / "gate"
    job_id = await place.submit(
        {"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}, OUTPUT
    )
    left = await place.submit(OUTPUT)
    await place.told(note, 1)
    place.sidecar.send(signal.SIGTERM)
    await place.eventually(lambda: _says(place, "draining"), "the sidecar drains")
    gate.touch()
    assert await place.exit_code(place.sidecar) == 0
    assert await place.story(job_id) == ["AttemptStarted", "Succeeded"]
    assert await place.story(left) == []
    assert sum((await place.stats()).depth.values()) == 1


async def test_a_job_that_does_not_finish_in_time_is_given_back_and_does_not_count(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    note, gate = tmp_path / "note", tmp_path / "gate"
    job_id = await place.submit({"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)})
    for round_ in range(1, 5):
        place.sidecar.start(EVOKE_DRAIN_S="0.1")
        await place.told(note, round_)
        place.sidecar.send(signal.SIGTERM)
        assert await place.exit_code(place.sidecar) == 0
    events = await place.events(job_id)
    assert names(events) == ["AttemptStarted", "AttemptYielded"] * 4
    assert {event.reason for event in events if isinstance(event, AttemptYielded)} == {"drain"}
    gate.touch()
    place.sidecar.start()
    assert isinstance(await place.end_of(job_id), Succeeded)
    assert (await place.job(job_id)).counted_attempts == 1


async def test_a_job_is_run_by_the_other_worker_when_its_own_is_killed(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    note, gate = tmp_path / "note", tmp_path / "gate"
    job_id = await place.submit(
        {"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}, OUTPUT
    )
    place.sidecar.start()
    await place.told(note, 1)
    other = place.another_sidecar("other")
    other.start()
    try:
        place.sidecar.kill()
        await place.told(note, 2)
        gate.touch()
        assert isinstance(await place.end_of(job_id), Succeeded)
        assert await place.story(job_id) == ["AttemptStarted", "AttemptStarted", "Succeeded"]
    finally:
        other.kill()


async def test_a_worker_that_hangs_longer_than_its_lease_yields_to_the_one_that_took_over(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    note, gate = tmp_path / "note", tmp_path / "gate"
    job_id = await place.submit(
        {"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}, OUTPUT
    )
    place.sidecar.start()
    await place.told(note, 1)
    other = place.another_sidecar("other")
    other.start()
    try:
        place.sidecar.send(signal.SIGSTOP)
        await place.told(note, 2)
        place.sidecar.send(signal.SIGCONT)
        await place.eventually(lambda: _yielded(place, job_id), "the first worker yields")
        gate.touch()
        assert isinstance(await place.end_of(job_id), Succeeded)
        await place.empty()
        assert await place.story(job_id) == [
            "AttemptStarted",
            "AttemptStarted",
            "AttemptYielded",
            "Succeeded",
        ]
        assert (await place.job(job_id)).counted_attempts == 1
    finally:
        other.kill()


async def test_a_store_that_fails_is_an_attempt_that_failed_for_storage(
    place: SidecarWorkplace, engine: Engine
) -> None:
    place.container.start()
    job_id = await place.submit(OUTPUT)

    async def failed() -> bool:
        return "AttemptFailed" in await place.story(job_id)

    async with engine.blobs_away(place.folder):
        place.sidecar.start(EVOKE_RETRY_BASE_S="2", EVOKE_RETRY_CAP_S="2", EVOKE_MAX_ATTEMPTS="10")
        await place.eventually(failed, "the attempt fails")
    assert isinstance(await place.end_of(job_id), Succeeded)
    errors = {event.error for event in await place.events(job_id) if isinstance(event, AttemptFailed)}
    assert errors == {ErrorClass.STORAGE}


async def test_a_log_that_is_away_for_long_costs_time_and_nothing_else(
    place: SidecarWorkplace, tmp_path: Path, engine: Engine
) -> None:
    place.container.start()
    note, gate = tmp_path / "note", tmp_path / "gate"
    job_id = await place.submit(
        {"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}, OUTPUT
    )
    place.sidecar.start(EVOKE_LEASE_S="60")
    await place.told(note, 1)
    async with engine.log_away(place.folder):
        gate.touch()
        await place.eventually(lambda: _says(place, "must be tried again"), "a write is refused")
    assert isinstance(await place.end_of(job_id), Succeeded)
    await place.empty()
    assert await place.story(job_id) == ["AttemptStarted", "Succeeded"]


async def test_an_error_of_the_sidecar_itself_is_tried_again(place: SidecarWorkplace) -> None:
    place.container.start()
    place.sidecar.start(EVOKE_FAILPOINTS="sidecar.mid_model=raise,sidecar.before_ack=raise")
    job_id = await place.submit(OUTPUT)
    assert isinstance(await place.end_of(job_id), Succeeded)
    await place.empty()
    events = await place.events(job_id)
    assert names(events) == ["AttemptStarted", "AttemptFailed", "AttemptStarted", "Succeeded"]
    assert isinstance(events[1], AttemptFailed)
    assert events[1].error is ErrorClass.INTERNAL
    assert "Traceback" not in events[1].message


async def test_metrics_tell_what_happened(place: SidecarWorkplace) -> None:
    port = free_port()
    place.container.start()
    place.sidecar.start(EVOKE_METRICS_PORT=str(port))
    await place.end_of(await place.submit(OUTPUT))
    await place.end_of(await place.submit({"do": "fail", "error": "out_of_memory"}))
    await place.empty()
    text = await asyncio.to_thread(_fetched, f"http://127.0.0.1:{port}/metrics")
    for line in (
        'evoke_attempts_total{outcome="succeeded",queue="scripted"} 1.0',
        'evoke_attempts_total{outcome="retried",queue="scripted"} 2.0',
        'evoke_attempts_total{outcome="failed",queue="scripted"} 1.0',
        'evoke_attempt_failures_total{error="out_of_memory",queue="scripted"} 3.0',
        'evoke_jobs_in_flight{queue="scripted"} 0.0',
        'evoke_model_up{queue="scripted"} 1.0',
        'evoke_queue_seconds_count{queue="scripted"} 2.0',
        'evoke_sidecar_overhead_seconds_count{queue="scripted"} 1.0',
        'evoke_jobs_ended_total{error="out_of_memory",model="scripted",queue="scripted",status="failed"} 1.0',
        'evoke_jobs_ended_total{error="",model="scripted",queue="scripted",status="succeeded"} 1.0',
        'evoke_attempt_seconds_count{model="scripted",queue="scripted"} 4.0',
        'evoke_jobs_together_count{queue="scripted"} 4.0',
    ):
        assert line in text.splitlines()
    place.container.kill()

    async def down() -> bool:
        now = await asyncio.to_thread(_fetched, f"http://127.0.0.1:{port}/metrics")
        return 'evoke_model_up{queue="scripted"} 0.0' in now

    await place.eventually(down, "the metric tells that the container is away")


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"EVOKE_QUEUE": ""}, "EVOKE_QUEUE"),
        ({"EVOKE_MODEL_ADDRESS": ""}, "EVOKE_MODEL_ADDRESS"),
        ({"EVOKE_QUEUE": "nobodys"}, "no model of the catalogue has the queue 'nobodys'"),
        ({"EVOKE_FAILPOINTS": "sidecar.after_start=explode"}, "EVOKE_FAILPOINTS"),
    ],
)
async def test_a_wrong_setting_stops_the_start_and_is_named(
    place: SidecarWorkplace, environment: dict[str, str], told: str
) -> None:
    place.sidecar.start(**environment)
    assert await place.exit_code(place.sidecar) == 2
    assert told in place.sidecar.output
    assert "Traceback" not in place.sidecar.output


async def test_an_idle_sidecar_stops_at_once(place: SidecarWorkplace) -> None:
    place.sidecar.start()
    await place.eventually(lambda: _subscribed(place), "the sidecar has subscribed")
    place.sidecar.send(signal.SIGTERM)
    assert await place.exit_code(place.sidecar) == 0


async def _says(place: SidecarWorkplace, text: str) -> bool:
    return text in place.sidecar.output


async def _subscribed(place: SidecarWorkplace) -> bool:
    return (await place.stats()).workers == 1


async def _yielded(place: SidecarWorkplace, job_id: str) -> bool:
    return "AttemptYielded" in await place.story(job_id)


def _fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
