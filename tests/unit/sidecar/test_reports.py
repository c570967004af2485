"""Progress is thinned out on its way to a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evoke.bootstrap import open_progress_channel
from evoke.codec import decode_progress
from evoke.domain.progress import Preview, Progress
from evoke.ports.model_client import LogLine, StepDone
from evoke.ports.progress_channel import ProgressChannel
from evoke.settings import load_settings
from worker_sidecar.reports import LOGS_PER_STEP, MAX_LOG_CHARS, MAX_PREVIEW_BYTES, Reports

WHO = {"tenant": "t", "job_id": "j", "attempt_id": "a", "attempt": 2}


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[ProgressChannel]:
    opened = await open_progress_channel(load_settings({"data_dir": tmp_path}))
    yield opened
    await opened.close()


async def heard_until(heard: AsyncIterator[bytes], log: str) -> list[Progress]:
    """Everything up to the line that says so."""
    found: list[Progress] = []
    async with asyncio.timeout(30):
        async for report in heard:
            progress = decode_progress(report)
            if progress.log == log:
                return found
            found.append(progress)
    return found


async def test_the_newest_of_many_steps_is_told_in_the_end(channel: ProgressChannel) -> None:
    heard = await channel.subscribe(["q"])
    reports = Reports(channel, "q", WHO)
    for step in range(1, 501):
        reports.step(StepDone(step, 500, "steps"))
    await asyncio.sleep(0.3)
    reports.log(LogLine("end"))
    found = await heard_until(heard, "end")
    assert [progress.step for progress in found] == [1, 500]
    assert {(progress.tenant, progress.job_id, progress.attempt) for progress in found} == {("t", "j", 2)}


async def test_a_step_that_waits_is_not_told_after_the_end(channel: ProgressChannel) -> None:
    heard = await channel.subscribe(["q"])
    reports = Reports(channel, "q", WHO)
    reports.step(StepDone(1, 3, "steps"))
    reports.step(StepDone(2, 3, "steps"))
    reports.close()
    await asyncio.sleep(0.2)
    reports.log(LogLine("end"))
    assert [progress.step for progress in await heard_until(heard, "end")] == [1]


async def test_previews_are_bounded_in_size_and_number(channel: ProgressChannel) -> None:
    heard = await channel.subscribe(["q"])
    reports = Reports(channel, "q", WHO)
    reports.preview(Preview(media_type="image/png", data=b"x" * (MAX_PREVIEW_BYTES + 1)))
    reports.preview(Preview(media_type="text/html\r\nx: y", data=b"x"))
    for number in range(5):
        reports.preview(Preview(media_type="image/png", data=str(number).encode()))
    reports.log(LogLine("end"))
    found = await heard_until(heard, "end")
    assert [progress.preview.data for progress in found if progress.preview] == [b"0"]


async def test_lines_are_bounded_in_length_and_number(channel: ProgressChannel) -> None:
    heard = await channel.subscribe(["q"])
    reports = Reports(channel, "q", WHO)
    for _ in range(LOGS_PER_STEP + 10):
        reports.log(LogLine("x" * 10_000))
    reports.step(StepDone(1, 2, "steps"))
    reports.log(LogLine("end"))
    found = await heard_until(heard, "end")
    lines = [progress.log for progress in found if progress.log is not None]
    assert len(lines) == LOGS_PER_STEP
    assert {len(line) for line in lines} == {MAX_LOG_CHARS}
