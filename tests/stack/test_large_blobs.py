"""Blobs that go to S3 in parts."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator

import pytest

from evoke.adapters.s3.upload import PART_BYTES
from evoke.bootstrap import open_blob_store
from evoke.domain.errors import BlobExists, BlobMissing
from evoke.ports.blob_store import BlobStore
from evoke.settings import load_settings
from tests.stack.servers import PrivateStack

pytestmark = pytest.mark.distributed

SIZE_BYTES = 2 * PART_BYTES + 12_345
MEDIA_TYPE = "application/octet-stream"


@pytest.fixture
async def blobs(servers: PrivateStack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BlobStore]:
    servers.start("versitygw")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    opened = await open_blob_store(load_settings({"engine": "distributed", **servers.settings()}))
    yield opened
    await opened.close()


def key() -> str:
    return f"tenant/{secrets.token_hex(6)}/attempt/large.bin"


async def pieces(seed: int, breaks_off: bool = False) -> AsyncIterator[bytes]:
    """A blob that no part repeats."""
    for start in range(0, SIZE_BYTES, 1 << 20):
        size = min(1 << 20, SIZE_BYTES - start)
        yield hashlib.shake_128(f"{seed} {start}".encode()).digest(size)
        if breaks_off and start > PART_BYTES:
            raise OSError("the model's output broke off")


async def whole(seed: int) -> bytes:
    return b"".join([piece async for piece in pieces(seed)])


async def read(blobs: BlobStore, name: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(name, start, length)])


async def test_a_blob_of_several_parts_comes_back_whole_and_in_ranges_over_their_seams(
    blobs: BlobStore,
) -> None:
    name, data = key(), await whole(1)
    info = await blobs.put(name, pieces(1), MEDIA_TYPE)
    assert (info.size_bytes, info.sha256) == (SIZE_BYTES, hashlib.sha256(data).hexdigest())
    assert await blobs.stat(name) == info
    assert await read(blobs, name) == data
    seam = PART_BYTES - 1000
    assert await read(blobs, name, seam, 2000) == data[seam : seam + 2000]


async def test_of_several_large_puts_of_a_key_one_wins_and_stays(blobs: BlobStore) -> None:
    name = key()
    outcomes = await asyncio.gather(
        *(blobs.put(name, pieces(seed), MEDIA_TYPE) for seed in range(3)), return_exceptions=True
    )
    [winner] = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)] == [BlobExists] * 2
    assert await read(blobs, name) == await whole(winner)


async def test_a_large_put_that_breaks_off_leaves_nothing(blobs: BlobStore) -> None:
    name = key()
    with pytest.raises(OSError, match="broke off"):
        await blobs.put(name, pieces(4, breaks_off=True), MEDIA_TYPE)
    with pytest.raises(BlobMissing):
        await blobs.stat(name)
    assert (await blobs.put(name, pieces(5), MEDIA_TYPE)).size_bytes == SIZE_BYTES
