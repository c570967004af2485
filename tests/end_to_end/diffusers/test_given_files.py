"""Pictures that are sent with a run, through the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from evoke.domain.errors import ErrorClass, ModelFailed
from evoke.ports.model_client import GenerationRequest, OutputBytes
from tests.system.served_container import RUN_S, Container, connected, generate

pytestmark = pytest.mark.timeout(400)
SETTINGS = {"prompt": "a red circle", "steps": 4, "seed": 3}


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data[:100]
    yield data[100:]


async def redrawn(container: Container, files: dict[str, bytes], **settings: Any) -> bytes:
    """The picture of a run with these files, each named by its field."""
    asked = {**SETTINGS, **dict.fromkeys(files, "file:any"), **settings}
    run = GenerationRequest(
        job_id="job",
        attempt=1,
        model="tiny",
        input=asked,
        deadline_s=RUN_S,
        files={name: _pieces(data) for name, data in files.items()},
    )
    async with asyncio.timeout(RUN_S), connected(container) as client:
        return b"".join(
            [message.data async for message in client.generate(run) if isinstance(message, OutputBytes)]
        )


async def test_a_picture_that_comes_with_a_run_is_redrawn(served: Container) -> None:
    first = (await generate(served, "tiny", **SETTINGS)).files["0.png"]
    other = (await generate(served, "tiny", **{**SETTINGS, "seed": 9})).files["0.png"]
    one = await redrawn(served, {"init_image": first}, strength=0.5)
    assert one.startswith(b"\x89PNG")
    assert one == await redrawn(served, {"init_image": first}, strength=0.5)
    assert one != await redrawn(served, {"init_image": other}, strength=0.5)
    assert one != await redrawn(served, {"init_image": first, "mask": other}, strength=0.5)


@pytest.mark.parametrize(
    ("files", "settings", "field"),
    [
        ({"init_image": b"no picture"}, {}, "init_image"),
        ({}, {"init_image": "file:any"}, "init_image"),
        ({"mask": b"no picture"}, {}, "mask"),
        ({}, {"loras": [{"name": "unknown"}]}, "loras.0.name"),
    ],
)
async def test_what_can_not_be_used_is_refused_by_its_field(
    served: Container, files: dict[str, bytes], settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(ModelFailed, match=field) as caught:
        await redrawn(served, files, **settings)
    assert caught.value.error_class is ErrorClass.INVALID_INPUT
