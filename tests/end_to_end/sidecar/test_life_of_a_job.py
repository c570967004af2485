"""What a sidecar makes of a request: start, run, store, end."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from evoke.domain import topics
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    InputFile,
    Succeeded,
)
from evoke.domain.progress import Progress
from evoke.domain.topics import Lane
from tests.end_to_end.sidecar.workplace import QUEUE, TRACE, SidecarWorkplace, names, new_id

SERVERS = ("pulsar", "versitygw")


async def test_a_job_is_run_and_its_outputs_are_stored_before_it_succeeds(working: SidecarWorkplace) -> None:
    job_id = await working.submit(
        {"do": "output", "name": "a.txt", "text": "hello"},
        {
            "do": "output",
            "name": "b.bin",
            "media_type": "application/octet-stream",
            "pieces": 5,
            "piece_bytes": 700_000,
        },
        {"do": "output", "name": "empty.txt"},
    )
    end = await working.end_of(job_id)
    assert isinstance(end, Succeeded)
    assert await working.story(job_id) == ["AttemptStarted", "Succeeded"]
    assert [artifact.name for artifact in end.artifacts] == ["a.txt", "b.bin", "empty.txt"]
    for artifact in end.artifacts:
        content = await working.stored(artifact.key)
        assert artifact.key == f"default/{job_id}/{end.attempt_id}/{artifact.name}"
        assert (artifact.size_bytes, artifact.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert end.artifacts[0].details == {"pieces": 1}
    assert end.timings_ms["scripted"] == 1.5
    assert {"run", "sidecar"} <= end.timings_ms.keys()
    await working.empty()


async def test_files_of_a_request_reach_the_model(working: SidecarWorkplace) -> None:
    sent = {"sound.wav": b"x" * 2_500_000, "empty.txt": b""}
    files = tuple([await upload(working, name, content) for name, content in sent.items()])
    end = await working.end_of(await working.submit({"do": "copy_files"}, files=files))
    assert isinstance(end, Succeeded)
    assert {artifact.name: await working.stored(artifact.key) for artifact in end.artifacts} == sent


async def test_a_file_that_is_gone_is_a_fault_of_the_store_and_not_of_the_model(
    working: SidecarWorkplace,
) -> None:
    lost = InputFile(
        name="a", media_type="audio/wav", size_bytes=1, sha256="0" * 64, key="default/files/lost"
    )
    job_id = await working.submit({"do": "copy_files"}, files=(lost,))
    end = await working.end_of(job_id)
    assert isinstance(end, Failed)
    assert (end.error, "default/files/lost" in end.message) == (ErrorClass.STORAGE, True)
    assert isinstance(await working.end_of(await working.submit()), Succeeded)


async def upload(place: SidecarWorkplace, name: str, content: bytes) -> InputFile:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    digest = hashlib.sha256(content).hexdigest()
    info = await place.blobs.put(f"default/files/{digest}", pieces(), "audio/wav")
    return InputFile(
        name=name, media_type="audio/wav", size_bytes=len(content), sha256=info.sha256, key=info.key
    )


async def test_seed_and_result_are_those_of_the_model(working: SidecarWorkplace) -> None:
    job_id = await working.submit(model="scripted-async")
    end = await working.end_of(job_id)
    assert isinstance(end, Succeeded)
    assert (end.seed, end.result, end.artifacts) == (None, {}, ())


async def test_as_many_jobs_run_at_once_as_the_container_allows_and_the_rest_waits_in_the_queue(
    working: SidecarWorkplace, tmp_path: Path
) -> None:
    note, gate = tmp_path / "note", tmp_path / "gate"
    script = [{"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}]
    jobs = [await working.submit(*script) for _ in range(7)]
    await working.told(note, 4)
    await asyncio.sleep(0.3)
    stats = await working.stats()
    assert (sum(stats.depth.values()), stats.in_flight) == (3, 4)
    gate.touch()
    for job_id in jobs:
        assert isinstance(await working.end_of(job_id), Succeeded)
    assert len(await working.told(note, 7)) == 7


async def test_a_setting_allows_fewer_jobs_at_once(place: SidecarWorkplace, tmp_path: Path) -> None:
    place.container.start()
    place.sidecar.start(EVOKE_CONCURRENCY="1")
    note, gate = tmp_path / "note", tmp_path / "gate"
    script = [{"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}]
    jobs = [await place.submit(*script) for _ in range(3)]
    await place.told(note, 1)
    await asyncio.sleep(0.3)
    assert (await place.stats()).in_flight == 1
    gate.touch()
    for job_id in jobs:
        await place.end_of(job_id)


async def test_the_bulk_lane_is_served_too(working: SidecarWorkplace) -> None:
    assert isinstance(await working.end_of(await working.submit(lane=Lane.BULK)), Succeeded)


async def test_progress_log_and_preview_are_published_while_the_model_runs(working: SidecarWorkplace) -> None:
    reports = await working.progress.subscribe([QUEUE])
    job_id = await working.submit(
        {"do": "progress", "step": 1, "total": 4},
        {"do": "log", "text": "drawing"},
        {"do": "preview", "media_type": "image/png", "text": "tiny"},
        {"do": "sleep", "seconds": 0.3},
        {"do": "progress", "step": 2, "total": 4},
        {"do": "sleep", "seconds": 0.3},
    )
    heard: list[Progress] = []
    own = working.reports(reports, job_id)
    async with asyncio.timeout(60):
        while len(heard) < 4:
            heard.append(await anext(own))
    assert {(report.tenant, report.job_id, report.attempt) for report in heard} == {("default", job_id, 1)}
    assert [(report.step, report.total) for report in heard if report.step is not None] == [(1, 4), (2, 4)]
    assert [report.log for report in heard if report.log is not None] == ["drawing"]
    assert [report.preview.data for report in heard if report.preview is not None] == [b"tiny"]
    await working.end_of(job_id)


async def test_a_flood_of_progress_is_thinned_out_and_the_newest_step_is_told(
    working: SidecarWorkplace,
) -> None:
    reports = await working.progress.subscribe([QUEUE])
    flood = [{"do": "progress", "step": step, "total": 2000} for step in range(1, 2001)]
    job_id = await working.submit(*flood, {"do": "sleep", "seconds": 0.5})
    await working.end_of(job_id)
    steps: list[int | None] = []
    own = working.reports(reports, job_id)
    async with asyncio.timeout(60):
        while not steps or steps[-1] != 2000:
            steps.append((await anext(own)).step)
    assert len(steps) < 200


async def test_the_trace_goes_on_to_the_container_and_into_events_and_logs(
    working: SidecarWorkplace, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    job_id = await working.submit({"do": "note", "path": str(note)}, {"do": "fail", "error": "invalid_input"})
    await working.end_of(job_id)
    trace_id = TRACE.split("-")[1]
    assert note.read_text().split()[2].split("-")[1] == trace_id
    entries = await working.log.find([topics.attempts(QUEUE), topics.completed(QUEUE)], [job_id])
    assert {entry.properties["traceparent"].split("-")[1] for entry in entries} == {trace_id}
    assert {entry.properties["ce_subject"] for entry in entries} == {job_id}
    assert len({entry.properties["ce_id"] for entry in entries}) == len(entries) == 3
    lines = [json.loads(line) for line in working.sidecar.output.splitlines()]
    assert {line["trace_id"] for line in lines if line.get("job_id") == job_id} == {trace_id}


async def test_a_retryable_failure_is_tried_again_until_it_works(working: SidecarWorkplace) -> None:
    job_id = await working.submit({"do": "fail", "error": "out_of_memory", "until_attempt": 2})
    assert isinstance(await working.end_of(job_id), Succeeded)
    events = await working.events(job_id)
    assert names(events) == ["AttemptStarted", "AttemptFailed"] * 2 + ["AttemptStarted", "Succeeded"]
    failures = [event for event in events if isinstance(event, AttemptFailed)]
    assert {failure.error for failure in failures} == {ErrorClass.OUT_OF_MEMORY}
    assert all(
        failure.retry_at_ms is not None and failure.retry_at_ms >= failure.time_ms for failure in failures
    )
    await working.empty()


async def test_a_failure_at_the_last_attempt_is_final_and_makes_a_dead_letter(
    working: SidecarWorkplace,
) -> None:
    job_id = await working.submit({"do": "fail", "error": "model_error"})
    end = await working.end_of(job_id)
    assert isinstance(end, Failed)
    assert (end.error, end.message) == (ErrorClass.MODEL_ERROR, "RuntimeError: the model stumbled")
    events = await working.events(job_id)
    assert names(events) == ["AttemptStarted", "AttemptFailed"] * 3 + ["DeadLettered", "Failed"]
    assert [event.retry_at_ms is None for event in events if isinstance(event, AttemptFailed)] == [
        False,
        False,
        True,
    ]
    (letter,) = [event for event in events if isinstance(event, DeadLettered)]
    assert (letter.error, letter.attempts, letter.origin) == (
        ErrorClass.MODEL_ERROR,
        3,
        topics.requested(QUEUE),
    )
    submitted = await working.log.find([topics.requested(QUEUE)], [job_id])
    assert letter.request == submitted[0].payload
    await working.empty()


@pytest.mark.parametrize(
    ("error", "dead_letters"), [("invalid_input", 0), ("checkpoint", 1), ("deadline", 1)]
)
async def test_a_failure_that_trying_again_would_not_mend_is_final_at_once(
    working: SidecarWorkplace, error: str, dead_letters: int
) -> None:
    job_id = await working.submit({"do": "fail", "error": error})
    end = await working.end_of(job_id)
    assert isinstance(end, Failed)
    assert end.error == error
    expected = ["AttemptStarted", "AttemptFailed", *["DeadLettered"] * dead_letters, "Failed"]
    assert await working.story(job_id) == expected
    await working.empty()


async def test_a_model_that_the_container_does_not_serve_is_told_apart_from_bad_input(
    working: SidecarWorkplace,
) -> None:
    job_id = await working.submit(model="unserved")
    end = await working.end_of(job_id)
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.CHECKPOINT
    assert "does not serve unserved" in end.message
    assert "not those that the catalogue has" in working.sidecar.output
    assert isinstance(await working.end_of(await working.submit()), Succeeded)


@pytest.mark.parametrize(
    "output",
    [
        {"do": "output", "name": "../../escape.txt", "text": "x"},
        {"do": "output", "name": "a/b.txt", "text": "x"},
        {"do": "output", "name": "", "text": "x"},
        {"do": "output", "name": "a.txt", "media_type": "text/html\r\nx: y", "text": "x"},
    ],
)
async def test_an_output_with_a_dangerous_name_or_type_fails_the_job_and_stores_nothing(
    working: SidecarWorkplace, output: dict[str, Any]
) -> None:
    end = await working.end_of(await working.submit(output))
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.MODEL_ERROR
    assert not list(working.folder.rglob("escape.txt"))


async def test_a_job_that_was_cancelled_while_it_waited_is_acknowledged_unseen(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    job_id = await place.submit({"do": "note", "path": str(note)})
    await place.cancel(job_id)
    after = await place.submit({"do": "note", "path": str(note)})
    place.container.start()
    place.sidecar.start()
    await place.end_of(after)
    await place.empty()
    assert await place.story(job_id) == ["Cancelled"]
    assert [line.split()[0] for line in await place.told(note, 1)] == [after]


async def test_cancelling_a_running_job_stops_its_model_and_frees_the_slot(
    place: SidecarWorkplace, tmp_path: Path
) -> None:
    place.container.start()
    place.sidecar.start(EVOKE_CONCURRENCY="1")
    arrived, note = tmp_path / "arrived", tmp_path / "note"
    script = [{"do": "note", "path": str(arrived)}, {"do": "wait_for_cancel", "path": str(note)}]
    job_id = await place.submit(*script)
    behind = await place.submit()
    await place.told(arrived, 1)
    await place.cancel(job_id)
    assert await place.told(note, 1) == [f"cancelled {job_id}"]
    assert isinstance(await place.end_of(behind), Succeeded)
    await place.empty()
    assert isinstance((await place.job(job_id)).end, Cancelled)
    events = await place.events(job_id)
    assert names(events) == ["AttemptStarted", "Cancelled", "AttemptYielded"]


async def test_a_newer_attempt_elsewhere_takes_the_job_over(
    working: SidecarWorkplace, tmp_path: Path
) -> None:
    arrived, note = tmp_path / "arrived", tmp_path / "note"
    script = [{"do": "note", "path": str(arrived)}, {"do": "wait_for_cancel", "path": str(note)}]
    job_id = await working.submit(*script)
    await working.told(arrived, 1)
    own = await working.events(job_id)
    assert isinstance(own[0], AttemptStarted)
    await working.start_elsewhere(job_id, "attempt-elsewhere")
    await working.told(note, 1)

    async def yielded() -> bool:
        return "AttemptYielded" in await working.story(job_id)

    await working.eventually(yielded, "the older attempt yields")
    (event,) = [event for event in await working.events(job_id) if isinstance(event, AttemptYielded)]
    assert (event.attempt_id, event.reason) == (own[0].attempt_id, "newer_attempt")
    await working.cancel(job_id)
    await working.empty()


async def test_a_job_that_comes_back_to_the_sidecar_that_runs_it_is_not_started_twice(
    working: SidecarWorkplace, tmp_path: Path
) -> None:
    note, gate = tmp_path / "note", tmp_path / "gate"
    script = [{"do": "note", "path": str(note)}, {"do": "wait_for_file", "path": str(gate)}]
    job_id = new_id()
    await working.submit(*script, job_id=job_id)
    await working.told(note, 1)
    await working.submit(*script, job_id=job_id)
    await asyncio.sleep(0.5)
    gate.touch()
    await working.end_of(job_id)
    await working.empty()
    assert await working.story(job_id) == ["AttemptStarted", "Succeeded"]
    assert len(await working.told(note, 1)) == 1


async def test_a_request_that_is_delivered_after_its_end_changes_nothing(working: SidecarWorkplace) -> None:
    job_id = new_id()
    await working.submit(job_id=job_id)
    await working.end_of(job_id)
    await working.empty()
    await working.submit(job_id=job_id)
    await working.empty()
    assert await working.story(job_id) == ["AttemptStarted", "Succeeded"]


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"{}", b'{"type":"requested.v1"}', b"[" * 100_000, b'{"type":"purged.v1"}'],
    ids=["empty", "binary", "no-type", "no-fields", "deep", "other"],
)  # fmt: skip
async def test_a_message_that_is_no_request_is_put_aside_with_its_bytes_and_the_queue_goes_on(
    working: SidecarWorkplace, payload: bytes
) -> None:
    job_id = new_id()
    await working.submit_bytes(job_id, payload)
    assert isinstance(await working.end_of(await working.submit()), Succeeded)
    end = await working.end_of(job_id)
    assert isinstance(end, Failed)
    assert end.error is ErrorClass.POISON
    (letter,) = await working.dead_letters(job_id)
    assert (letter.request, letter.attempts) == (payload, 0)
    await working.empty()


async def test_a_request_under_another_jobs_name_is_put_aside(working: SidecarWorkplace) -> None:
    other = new_id()
    submitted = await working.submit()
    await working.end_of(submitted)
    (entry,) = await working.log.find([topics.requested(QUEUE)], [submitted])
    await working.submit_bytes(other, entry.payload)
    assert isinstance(await working.end_of(other), Failed)
    assert await working.story(submitted) == ["AttemptStarted", "Succeeded"]
