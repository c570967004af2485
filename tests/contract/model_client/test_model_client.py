"""The contract of `ModelClient`, against real container processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from evoke.bootstrap import connect_model
from evoke.domain.errors import ErrorClass, ModelFailed, ModelUnavailable, Unavailable
from evoke.domain.progress import Preview
from evoke.ports.model_client import (
    Done,
    GenerationRequest,
    LogLine,
    Metric,
    ModelClient,
    ModelMessage,
    OutputBytes,
    OutputStarted,
    StepDone,
)
from tests.contract.model_client.rogue_container import MANNERS
from tests.system.processes import ProcessUnderTest, eventually

DEADLINE_S = 60.0
pytestmark = pytest.mark.usefixtures("container")


def request(
    *script: Mapping[str, Any],
    model: str = "scripted",
    attempt: int = 1,
    deadline_s: float = 60.0,
    **rest: Any,
) -> GenerationRequest:
    return GenerationRequest(
        job_id="job-1",
        attempt=attempt,
        model=model,
        input={"script": list(script), **rest},
        deadline_s=deadline_s,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    )


async def collect(client: ModelClient, wanted: GenerationRequest) -> list[ModelMessage]:
    async with asyncio.timeout(DEADLINE_S):
        return [message async for message in client.generate(wanted)]


async def test_describe_tells_every_model_once_the_container_is_set_up(client: ModelClient) -> None:
    async with asyncio.timeout(DEADLINE_S):
        described = {model.id: model for model in await client.describe()}
    assert set(described) == {"scripted", "scripted-async", "broken"}
    assert described["scripted"].max_concurrency == 4
    assert described["scripted"].limits == {"max_pixels": 64.0}
    assert "script" in described["scripted"].input_schema["properties"]


async def test_a_run_tells_everything_in_order_and_ends_with_done(client: ModelClient) -> None:
    await client.describe()
    script: list[dict[str, Any]] = [
        {"do": "progress", "step": 1, "total": 2},
        {"do": "log", "text": "half way"},
        {"do": "preview", "media_type": "image/png", "text": "pixels"},
        {"do": "metric", "name": "gpu_memory_bytes", "seconds": 7.0},
        {"do": "output", "name": "a.txt", "text": "héllo"},
    ]
    messages = await collect(client, request(*script, seed=42, result={"a": [1, "é"]}))
    assert messages == [
        StepDone(1, 2, "steps"),
        LogLine("half way"),
        Preview(media_type="image/png", data=b"pixels"),
        Metric("gpu_memory_bytes", 7.0),
        OutputStarted("a.txt", "text/plain", {"pieces": 1}),
        OutputBytes("a.txt", "héllo".encode(), True),
        Done(42, {"scripted": 1.5}, {"a": [1, "é"]}),
    ]


async def test_an_async_model_tells_the_same_way(client: ModelClient) -> None:
    await client.describe()
    script: list[dict[str, Any]] = [
        {"do": "progress", "step": 1, "total": 1},
        {"do": "output", "name": "a.txt", "text": "hi"},
    ]
    messages = await collect(client, request(*script, model="scripted-async", seed=3))
    assert messages == [
        StepDone(1, 1, "steps"),
        OutputStarted("a.txt", "text/plain", {}),
        OutputBytes("a.txt", b"hi", False),
        OutputBytes("a.txt", b"!", True),
        Done(3, {}, {}),
    ]


async def test_large_outputs_arrive_whole_in_bounded_pieces(client: ModelClient) -> None:
    await client.describe()
    messages = await collect(
        client, request({"do": "output", "name": "big.bin", "pieces": 20, "piece_bytes": 700_001})
    )
    pieces = [message for message in messages if isinstance(message, OutputBytes)]
    assert b"".join(piece.data for piece in pieces) == b"".join(bytes([n]) * 700_001 for n in range(20))
    assert max(len(piece.data) for piece in pieces) <= 1 << 20
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]


async def test_an_empty_output_is_an_output(client: ModelClient) -> None:
    await client.describe()
    messages = await collect(client, request({"do": "output", "name": "empty.txt"}))
    assert messages[1] == OutputBytes("empty.txt", b"", True)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        ("invalid_input", ErrorClass.INVALID_INPUT, "prompt: is not to my taste"),
        ("out_of_memory", ErrorClass.OUT_OF_MEMORY, "the card is full"),
        ("memory_error", ErrorClass.OUT_OF_MEMORY, "out of memory"),
        ("checkpoint", ErrorClass.CHECKPOINT, "the weights are torn"),
        ("deadline", ErrorClass.DEADLINE, "the run's time is over"),
        ("model_error", ErrorClass.MODEL_ERROR, "RuntimeError: the model stumbled"),
        ("system_exit", ErrorClass.MODEL_ERROR, "SystemExit: "),
    ],
)
async def test_an_error_of_the_model_keeps_its_class(
    client: ModelClient, container: ProcessUnderTest, error: str, expected: ErrorClass, message: str
) -> None:
    await client.describe()
    before = len(container.output)
    with pytest.raises(ModelFailed) as failure:
        await collect(client, request({"do": "fail", "error": error}))
    assert failure.value.error_class is expected
    assert str(failure.value) == message
    assert (await collect(client, request()))[-1] == Done(None, {"scripted": 1.5}, {})
    assert ("Traceback" in container.output[before:]) is (expected is ErrorClass.MODEL_ERROR)


async def test_torchs_out_of_memory_is_known_by_its_name(client: ModelClient) -> None:
    await client.describe()
    with pytest.raises(ModelFailed, match="CUDA out of memory") as failure:
        await collect(client, request({"do": "torch_out_of_memory"}))
    assert failure.value.error_class is ErrorClass.OUT_OF_MEMORY


async def test_an_async_model_fails_with_its_class_too(client: ModelClient) -> None:
    await client.describe()
    with pytest.raises(ModelFailed) as failure:
        await collect(client, request({"do": "fail", "error": "out_of_memory"}, model="scripted-async"))
    assert failure.value.error_class is ErrorClass.OUT_OF_MEMORY


@pytest.mark.parametrize("model", ["scripted", "scripted-async"])
async def test_an_input_against_the_schema_is_refused_naming_the_field(
    client: ModelClient, model: str
) -> None:
    await client.describe()
    with pytest.raises(ModelFailed, match=r"^script\.0\.step: ") as failure:
        await collect(client, request({"do": "progress", "step": "many"}, model=model))
    assert failure.value.error_class is ErrorClass.INVALID_INPUT


async def test_a_model_that_is_not_served_is_refused(client: ModelClient) -> None:
    await client.describe()
    with pytest.raises(ModelFailed, match="does not serve 'nobody'") as failure:
        await collect(client, request(model="nobody"))
    assert failure.value.error_class is ErrorClass.INVALID_INPUT


async def test_a_broken_checkpoint_fails_its_own_runs_only(client: ModelClient) -> None:
    await client.describe()
    with pytest.raises(ModelFailed, match="ends in the middle") as failure:
        await collect(client, request(model="broken"))
    assert failure.value.error_class is ErrorClass.CHECKPOINT
    assert isinstance((await collect(client, request()))[-1], Done)


async def test_closing_the_iterator_cancels_the_run(client: ModelClient, tmp_path: Path) -> None:
    await client.describe()
    note = tmp_path / "note"
    messages = client.generate(
        request({"do": "progress", "step": 1, "total": 9}, {"do": "wait_for_cancel", "path": str(note)})
    )
    assert await anext(messages) == StepDone(1, 9, "steps")
    await messages.aclose()
    await appears(note, "cancelled job-1")


async def test_cancelling_the_task_cancels_the_run(client: ModelClient, tmp_path: Path) -> None:
    await client.describe()
    note, arrived = tmp_path / "note", tmp_path / "arrived"
    script = [{"do": "note", "path": str(arrived)}, {"do": "wait_for_cancel", "path": str(note)}]
    task = asyncio.create_task(collect(client, request(*script)))
    await appears(arrived, "job-1 1")
    task.cancel()
    await appears(note, "cancelled job-1")
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_trace_and_the_attempt_reach_the_model(client: ModelClient, tmp_path: Path) -> None:
    await client.describe()
    await collect(client, request({"do": "note", "path": str(tmp_path / "note")}, attempt=2))
    assert (tmp_path / "note").read_text() == f"job-1 2 00-{'1' * 32}-{'2' * 16}-01\n"


async def test_input_files_reach_the_model(client: ModelClient) -> None:
    await client.describe()

    async def content(pieces: int) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 1_500_000

    wanted = request({"do": "note_files"})
    files = {"sound.wav": content(6), "empty.txt": content(0)}
    messages = await collect(client, GenerationRequest(**{**_fields(wanted), "files": files}))
    assert messages[:2] == [LogLine("sound.wav 9000000"), LogLine("empty.txt 0")]


async def test_a_file_whose_bytes_can_not_be_had_fails_the_run_with_that_error(client: ModelClient) -> None:
    await client.describe()

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * 1_500_000
        raise Unavailable("the blob store is away")

    wanted = GenerationRequest(**{**_fields(request({"do": "note_files"})), "files": {"a": content()}})
    with pytest.raises(Unavailable, match="the blob store is away"):
        await collect(client, wanted)
    assert isinstance((await collect(client, request()))[-1], Done)


async def test_a_run_beyond_its_deadline_fails_with_that_class(client: ModelClient) -> None:
    await client.describe()
    with pytest.raises(ModelFailed) as failure:
        await collect(client, request({"do": "sleep_deaf", "seconds": 30}, deadline_s=0.2))
    assert failure.value.error_class is ErrorClass.DEADLINE


async def test_a_slow_reader_holds_the_model_back_instead_of_filling_memory(
    client: ModelClient, container: ProcessUnderTest, tmp_path: Path
) -> None:
    await client.describe()
    before = memory(container)
    note = tmp_path / "note"
    big = {"do": "output", "name": "big.bin", "pieces": 300, "piece_bytes": 1 << 20}
    messages = client.generate(request(big, {"do": "note", "path": str(note)}))
    assert isinstance(await anext(messages), OutputStarted)
    await asyncio.sleep(1.5)  # a model that is not held back has written everything by now
    assert not note.exists()
    assert memory(container) - before < 100 << 20
    received = sum([len(message.data) async for message in messages if isinstance(message, OutputBytes)])
    assert received == 300 << 20


async def test_a_container_that_dies_in_a_run_is_lost_and_comes_back(
    client: ModelClient, container: ProcessUnderTest, tmp_path: Path
) -> None:
    await client.describe()
    lost = asyncio.create_task(client.lost())
    arrived = tmp_path / "arrived"
    run = asyncio.create_task(
        collect(client, request({"do": "note", "path": str(arrived)}, {"do": "sleep", "seconds": 60}))
    )
    await appears(arrived, "job-1")
    assert not lost.done()
    container.kill()
    with pytest.raises(ModelUnavailable):
        await run
    async with asyncio.timeout(DEADLINE_S):
        await lost
        waiting = asyncio.create_task(client.describe())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        container.start()
        assert len(await waiting) == 3
    assert isinstance((await collect(client, request()))[-1], Done)


async def test_a_container_that_kills_itself_fails_every_run_in_it(
    client: ModelClient, container: ProcessUnderTest, tmp_path: Path
) -> None:
    await client.describe()
    arrived = tmp_path / "arrived"
    innocent = asyncio.create_task(
        collect(client, request({"do": "note", "path": str(arrived)}, {"do": "sleep", "seconds": 60}))
    )
    await appears(arrived, "job-1")
    for run in (collect(client, request({"do": "kill"})), innocent):
        with pytest.raises(ModelUnavailable):
            await run
    container.wait_for_exit()  # its sockets close before it ends: the next test must not take it for alive


async def test_a_container_that_is_away_fails_runs_at_once(
    client: ModelClient, container: ProcessUnderTest
) -> None:
    await client.describe()
    container.kill()
    with pytest.raises(ModelUnavailable):
        await collect(client, request())


async def test_a_stopped_container_ends_in_the_deadline_and_works_when_it_goes_on(
    client: ModelClient, container: ProcessUnderTest
) -> None:
    await client.describe()
    with pytest.raises(ModelFailed) as failure:
        await collect(client, request({"do": "hang"}, deadline_s=0.3))
    assert failure.value.error_class is ErrorClass.DEADLINE
    container.send(signal.SIGCONT)
    assert isinstance((await collect(client, request()))[-1], Done)


async def test_runs_beyond_what_may_wait_are_refused(client: ModelClient, tmp_path: Path) -> None:
    await client.describe()
    gate = tmp_path / "gate"
    runs = [
        asyncio.create_task(collect(client, request({"do": "wait_for_file", "path": str(gate)})))
        for _ in range(9)
    ]
    done, _ = await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED, timeout=DEADLINE_S)
    gate.touch()
    refused = [run for run in runs if await failure_of(run) is not None]
    assert refused == list(done)
    assert len(refused) == 1
    assert isinstance(refused[0].exception(), ModelUnavailable)


async def test_closing_the_client_ends_its_runs(address: str) -> None:
    client = await connect_model(address)
    await client.describe()
    run = asyncio.create_task(collect(client, request({"do": "sleep", "seconds": 60})))
    await asyncio.sleep(0.1)
    await client.close()
    await client.close()
    assert isinstance(await failure_of(run), ModelUnavailable | asyncio.CancelledError)


@pytest.mark.parametrize(
    "manner", [name for name in MANNERS if name not in ("unknown-error-class", "empty-message")] + ["aborts"]
)
async def test_a_container_that_breaks_the_protocol_counts_as_lost(rogue: ModelClient, manner: str) -> None:
    with pytest.raises(ModelUnavailable) as failure:
        await collect(rogue, request(model=manner))
    assert "failed to connect" not in str(failure.value)


async def test_what_a_later_container_adds_is_passed_over(rogue: ModelClient) -> None:
    assert await collect(rogue, request(model="empty-message")) == [Done(None, {}, {})]
    with pytest.raises(ModelFailed, match="strange") as failure:
        await collect(rogue, request(model="unknown-error-class"))
    assert failure.value.error_class is ErrorClass.MODEL_ERROR


async def test_a_description_without_a_name_counts_as_lost(rogue: ModelClient) -> None:
    with pytest.raises(ModelUnavailable, match="without a name"):
        await rogue.describe()


@pytest.fixture(scope="module")
def rogue_address(socket_folder: Path) -> Iterator[str]:
    path = socket_folder / "rogue.sock"
    module = "tests.contract.model_client.rogue_container"
    process = ProcessUnderTest("rogue", module, (str(path),), {}, socket_folder / "rogue.log")
    process.start()
    eventually(lambda: "listening" in process.output, "the rogue container listens")
    yield f"unix:{path}"
    process.kill()


@pytest.fixture
async def rogue(rogue_address: str) -> AsyncIterator[ModelClient]:
    client = await connect_model(rogue_address)
    yield client
    await client.close()


async def appears(path: Path, text: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not path.exists() or text not in path.read_text():
            await asyncio.sleep(0.02)


async def failure_of(run: asyncio.Task[Any]) -> BaseException | None:
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.wait({run})
    return asyncio.CancelledError() if run.cancelled() else run.exception()


def memory(process: ProcessUnderTest) -> int:
    return int(psutil.Process(process.pid).memory_info().rss)


def _fields(wanted: GenerationRequest) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in wanted.__struct_fields__}
