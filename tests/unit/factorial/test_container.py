"""The factorial container as its client sees it."""

from __future__ import annotations

import asyncio
import hashlib
import math
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evoke.bootstrap import connect_model, load_catalogue
from evoke.domain.errors import ErrorClass, ModelFailed
from evoke.ports.model_client import (
    Done,
    GenerationRequest,
    ModelClient,
    OutputBytes,
    OutputStarted,
    StepDone,
)
from tests.system.processes import ProcessUnderTest


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[ModelClient]:
    with tempfile.TemporaryDirectory(prefix="evoke-") as folder:
        address = f"unix:{folder}/model.sock"
        log = Path(folder) / "container.log"
        process = ProcessUnderTest("factorial", "model_containers.factorial", ("--address", address), {}, log)
        process.start()
        connected = await connect_model(address)
        async with asyncio.timeout(60):
            await connected.describe()
        yield connected
        await connected.close()
        process.kill()


def request(number: object) -> GenerationRequest:
    return GenerationRequest(job_id="j", attempt=1, model="factorial", input={"no": number}, deadline_s=90.0)


async def test_it_serves_the_catalogues_model_with_the_same_limits(client: ModelClient) -> None:
    (described,) = await client.describe()
    entry = load_catalogue(None).get("factorial")
    assert described.id == entry.id
    for limit in ("minimum", "maximum", "type"):
        assert described.input_schema["properties"]["no"][limit] == entry.input["properties"]["no"][limit]


async def test_the_digits_are_streamed_as_text_and_progress_never_goes_back(client: ModelClient) -> None:
    messages = [message async for message in client.generate(request(50_000))]
    starts = [message for message in messages if isinstance(message, OutputStarted)]
    assert [(start.name, start.media_type) for start in starts] == [("result.txt", "text/plain")]
    text = b"".join(message.data for message in messages if isinstance(message, OutputBytes))
    sys.set_int_max_str_digits(0)
    assert text.decode() == str(math.factorial(50_000))
    done = messages[-1]
    assert isinstance(done, Done)
    assert done.result == {"digits": len(text)}
    steps = [message.step for message in messages if isinstance(message, StepDone)]
    assert steps == sorted(steps)
    assert steps[-1] == 100


async def test_the_largest_number_is_served(client: ModelClient) -> None:
    digest, size = hashlib.sha256(), 0
    async for message in client.generate(request(1_000_000)):
        if isinstance(message, OutputBytes):
            digest.update(message.data)
            size += len(message.data)
    assert size == 5_565_709  # OEIS A061010


async def test_a_cancelled_run_frees_its_place(client: ModelClient) -> None:
    for _ in range(6):
        messages = client.generate(request(1_000_000))
        assert isinstance(await anext(messages), StepDone)
        await messages.aclose()
    async with asyncio.timeout(60):
        assert (await last(client, 5)).result == {"digits": 3}


async def last(client: ModelClient, number: object) -> Done:
    found = [message async for message in client.generate(request(number))][-1]
    assert isinstance(found, Done)
    return found


@pytest.mark.parametrize("number", [-1, 1_000_001, "5", 2.5, None, True])
async def test_other_inputs_are_refused_naming_the_field(client: ModelClient, number: object) -> None:
    with pytest.raises(ModelFailed, match=r"^no: ") as failure:
        await last(client, number)
    assert failure.value.error_class is ErrorClass.INVALID_INPUT
