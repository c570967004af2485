"""Outputs stream into a real store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evoke.bootstrap import open_blob_store
from evoke.domain.errors import BlobExists, BlobMissing, ModelFailed
from evoke.ports.blob_store import BlobStore
from evoke.ports.model_client import OutputBytes, OutputStarted
from evoke.settings import load_settings
from worker_sidecar import outputs as module
from worker_sidecar.outputs import Outputs

DEADLINE_S = 30.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[BlobStore]:
    opened = await open_blob_store(load_settings({"data_dir": tmp_path}))
    yield opened
    await opened.close()


def start(name: str, media_type: str = "text/plain") -> OutputStarted:
    return OutputStarted(name, media_type, {"width": 1})


async def test_outputs_may_come_interleaved_and_are_described_in_the_models_order(store: BlobStore) -> None:
    outputs = Outputs(store, "t/j/a/")
    outputs.start(start("b.txt"))
    outputs.start(start("a.txt"))
    for number in range(5):
        await outputs.write(OutputBytes("a.txt", b"a" * number, last=number == 4))
        await outputs.write(OutputBytes("b.txt", b"b", last=number == 4))
    b, a = await outputs.stored()
    await outputs.close()
    assert (b.name, b.size_bytes, b.sha256) == ("b.txt", 5, hashlib.sha256(b"bbbbb").hexdigest())
    assert (a.name, a.size_bytes, a.key, a.details) == ("a.txt", 10, "t/j/a/a.txt", {"width": 1})
    assert b"".join([chunk async for chunk in store.read(a.key)]) == b"a" * 10


async def test_what_is_given_up_is_not_stored(store: BlobStore) -> None:
    outputs = Outputs(store, "t/j/a/")
    outputs.start(start("a.txt"))
    await outputs.write(OutputBytes("a.txt", b"half", last=False))
    await outputs.close()
    await outputs.close()
    with pytest.raises(BlobMissing):
        await store.stat("t/j/a/a.txt")


async def test_a_store_that_refuses_is_noticed_while_writing(store: BlobStore) -> None:
    outputs = Outputs(store, "t/j/a/")
    outputs.start(start("a.txt"))
    await outputs.write(OutputBytes("a.txt", b"x", last=True))
    await outputs.stored()
    again = Outputs(store, "t/j/a/")
    again.start(start("a.txt"))

    async def write_for_ever() -> None:
        while True:
            await again.write(OutputBytes("a.txt", b"x" * 1000, last=False))
            await asyncio.sleep(0)

    with pytest.raises(BlobExists):
        async with asyncio.timeout(DEADLINE_S):
            await write_for_ever()
    await again.close()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("../a", "text/plain"),
        ("a/b", "text/plain"),
        (".hidden", "text/plain"),
        ("", "text/plain"),
        ("a" * 129, "text/plain"),
        ("a\n", "text/plain"),
        ("é.txt", "text/plain"),
        ("a.txt", "nonsense"),
        ("a.txt", "text/html\r\nSet-Cookie: x"),
        ("a.txt", ""),
    ],
)
async def test_names_and_types_that_could_do_harm_are_refused(
    store: BlobStore, name: str, media_type: str
) -> None:
    with pytest.raises(ModelFailed):
        Outputs(store, "t/j/a/").start(start(name, media_type))


@pytest.mark.parametrize("media_type", ["image/png", "image/svg+xml", "text/plain; charset=utf-8"])
async def test_usual_types_are_accepted(store: BlobStore, media_type: str) -> None:
    outputs = Outputs(store, "t/j/a/")
    outputs.start(start("a.bin", media_type))
    await outputs.close()


async def test_details_are_bounded(store: BlobStore) -> None:
    with pytest.raises(ModelFailed, match="too long"):
        Outputs(store, "t/j/a/").start(OutputStarted("a.txt", "text/plain", {"x": "y" * 20_000}))


async def test_the_number_of_outputs_is_bounded(store: BlobStore) -> None:
    outputs = Outputs(store, "t/j/a/")
    for number in range(module.MAX_OUTPUTS):
        outputs.start(start(f"{number}.txt"))
    with pytest.raises(ModelFailed, match="more than"):
        outputs.start(start("one-more.txt"))
    await outputs.close()
