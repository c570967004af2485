"""The audiocraft container as a process, asked over its protocol as a sidecar asks."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from evoke.domain.errors import ErrorClass, ModelFailed
from evoke.ports.model_client import Done, GenerationRequest, OutputBytes
from tests.system.served_container import RUN_S, Container, connected, container, generate
from tests.unit.audiocraft_container.tiny_checkpoint import write_folder

pytestmark = pytest.mark.timeout(400)
ASKED = {"prompt": "a siren", "duration_s": 2, "seed": 3, "top_k": 0}


@pytest.fixture(scope="module", autouse=True)
async def one_event_loop() -> AsyncIterator[None]:
    """Keeps one event loop for all tests here: gRPC delivers the last events of a cancelled call after its test."""
    yield
    await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder: Path = tmp_path_factory.mktemp("sounds")
    weights = write_folder(folder / "tiny")
    (folder / "absent").mkdir()
    models = ["--model", f"tiny={weights}", "--model", f"absent={folder / 'absent'}"]
    options = ["--device", "cpu", "--threads", "1", *models]
    with container(folder, options, "model_containers.audiocraft") as running:
        yield running


def seconds_of(data: bytes) -> float:
    """How long a sound file plays."""
    with av.open(io.BytesIO(data), "r") as file:
        return float(sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0)))


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg"])
async def test_a_prompt_becomes_a_sound_file_of_the_length_that_was_asked(
    served: Container, format: str
) -> None:
    answer = await generate(served, "tiny", **ASKED, format=format)
    [(name, data)] = answer.files.items()
    assert name == f"0.{format}"
    assert seconds_of(data) == pytest.approx(2, abs=0.1)
    assert answer.started[name].details["seed"] == 3
    assert answer.done is not None
    assert answer.done.seed == 3


async def test_seconds_are_told_as_they_are_made(served: Container) -> None:
    answer = await generate(served, "tiny", **ASKED)
    assert [(step.step, step.total, step.unit) for step in answer.steps][-1] == (2, 2, "seconds")
    told = [step.step for step in answer.steps]
    assert told == sorted(told)
    assert 1 in told


async def test_finished_seconds_can_be_heard_while_the_rest_is_made(served: Container) -> None:
    # So long, and so many at once, that the small model takes longer than the first preview does.
    asked = [{**ASKED, "duration_s": 30, "seed": seed} for seed in range(4)]
    answer, *_ = await asyncio.gather(*(generate(served, "tiny", **each) for each in asked))
    assert {preview.media_type for preview in answer.previews} == {"audio/ogg"}
    heard = [seconds_of(preview.data) for preview in answer.previews]
    assert heard == sorted(heard)
    assert heard[0] < 29
    assert all(length <= 30.1 for length in heard)


async def test_the_same_seed_makes_the_same_file_also_beside_others(served: Container) -> None:
    alone = await generate(served, "tiny", **ASKED, format="wav")
    beside = await asyncio.gather(
        generate(served, "tiny", **ASKED, format="wav"),
        generate(served, "tiny", **{**ASKED, "seed": 4, "prompt": "rain"}, format="wav"),
        generate(served, "tiny", **{**ASKED, "seed": 5, "duration_s": 1}, format="wav"),
    )
    assert beside[0].files == alone.files
    assert beside[1].files != alone.files


async def test_a_clip_is_continued(served: Container) -> None:
    first = (await generate(served, "tiny", **{**ASKED, "duration_s": 1}, format="wav")).files["0.wav"]

    async def pieces() -> AsyncIterator[bytes]:
        yield first

    run = GenerationRequest(
        job_id="job",
        attempt=1,
        model="tiny",
        input={**ASKED, "format": "wav"},
        deadline_s=RUN_S,
        files={"audio": pieces()},
    )
    async with asyncio.timeout(RUN_S), connected(served) as client:
        sent = [message async for message in client.generate(run)]
    data = b"".join(message.data for message in sent if isinstance(message, OutputBytes))
    assert seconds_of(data) == pytest.approx(2, abs=0.1)
    assert isinstance(sent[-1], Done)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"duration_s": 31}, "duration_s"),
        ({"prompt": "x" * 101}, "prompt"),
        ({"format": "midi"}, "format"),
        ({"temperature": -1}, "temperature"),
    ],
)
async def test_what_the_model_can_not_do_is_refused_by_its_field(
    served: Container, settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(ModelFailed, match=field) as caught:
        await generate(served, "tiny", **{**ASKED, **settings})
    assert caught.value.error_class is ErrorClass.INVALID_INPUT


async def test_a_broken_checkpoint_fails_its_own_runs_only(served: Container) -> None:
    with pytest.raises(ModelFailed) as caught:
        await generate(served, "absent", **ASKED)
    assert caught.value.error_class is ErrorClass.CHECKPOINT
    assert (await generate(served, "tiny", **ASKED)).files


async def test_a_run_that_is_cancelled_leaves_room_for_the_next(served: Container) -> None:
    running = asyncio.create_task(generate(served, "tiny", **{**ASKED, "duration_s": 30}))
    await asyncio.sleep(1.0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await generate(served, "tiny", **ASKED)).files
