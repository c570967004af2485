"""The contract of `BlobStore`."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable

import pytest

from evoke.bootstrap import open_blob_store
from evoke.domain.errors import BlobExists, BlobMissing, InvalidInput, Unavailable
from evoke.ports.blob_store import BlobInfo, BlobStore
from evoke.settings import Settings
from tests.contract.second_process import SecondProcess

Start = Callable[..., SecondProcess]
PNG = "image/png"
SERVERS = ("versitygw",)


@pytest.fixture
async def blobs(settings: Settings) -> AsyncIterator[BlobStore]:
    opened = await open_blob_store(settings)
    yield opened
    await opened.close()


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1000)
        await asyncio.sleep(0)


async def broken_off() -> AsyncIterator[bytes]:
    yield b"the first half"
    raise ConnectionResetError("the model went away")


async def content(blobs: BlobStore, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(key, start, length)])


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 4, random.Random(1).randbytes(3_000_000)])
async def test_what_is_put_is_read_and_described(blobs: BlobStore, queue: str, data: bytes) -> None:
    key = f"{queue}/job/attempt/out.png"
    info = await blobs.put(key, pieces(data[:1000], data[1000:]), PNG)
    assert info == BlobInfo(key, PNG, len(data), hashlib.sha256(data).hexdigest())
    assert await blobs.stat(key) == info
    assert await content(blobs, key) == data


async def test_what_was_put_is_there_after_reopening(settings: Settings, queue: str) -> None:
    blobs = await open_blob_store(settings)
    info = await blobs.put(f"{queue}/a", pieces(b"abc"), PNG)
    await blobs.close()
    blobs = await open_blob_store(settings)
    assert await blobs.stat(f"{queue}/a") == info
    assert await content(blobs, f"{queue}/a") == b"abc"
    await blobs.close()


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, None), (0, 0), (0, 1), (5, None), (5, 3), (9, 1), (9, 50), (10, None), (50, 2), (3, 1000)],
)
async def test_a_range_is_what_a_slice_is(
    blobs: BlobStore, queue: str, start: int, length: int | None
) -> None:
    await blobs.put(f"{queue}/a", pieces(b"0123456789"), PNG)
    expected = b"0123456789"[start:] if length is None else b"0123456789"[start : start + length]
    assert await content(blobs, f"{queue}/a", start, length) == expected


async def test_large_blobs_come_in_chunks_of_at_most_a_mebibyte(blobs: BlobStore, queue: str) -> None:
    await blobs.put(f"{queue}/a", pieces(bytes(2_500_000)), PNG)
    sizes = [len(chunk) async for chunk in blobs.read(f"{queue}/a", 7)]
    assert sum(sizes) == 2_499_993
    assert max(sizes) <= 1 << 20


async def test_a_key_is_written_once(blobs: BlobStore, queue: str) -> None:
    await blobs.put(f"{queue}/a", pieces(b"first"), PNG)
    with pytest.raises(BlobExists):
        await blobs.put(f"{queue}/a", pieces(b"second"), "text/plain")
    assert await content(blobs, f"{queue}/a") == b"first"
    assert (await blobs.stat(f"{queue}/a")).media_type == PNG


async def test_of_concurrent_puts_exactly_one_wins(blobs: BlobStore, queue: str) -> None:
    for round_ in range(5):
        key = f"{queue}/{round_}/a"
        puts = [blobs.put(key, pieces(b"%d" % number, bytes(100_000)), PNG) for number in range(8)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        winners = [outcome for outcome in outcomes if isinstance(outcome, BlobInfo)]
        assert len(winners) == 1
        assert all(isinstance(outcome, (BlobInfo, BlobExists)) for outcome in outcomes)
        assert hashlib.sha256(await content(blobs, key)).hexdigest() == winners[0].sha256


async def test_what_was_never_put_is_missing(blobs: BlobStore, queue: str) -> None:
    with pytest.raises(BlobMissing):
        await blobs.stat(f"{queue}/a")
    with pytest.raises(BlobMissing):
        await content(blobs, f"{queue}/a")


async def test_a_put_that_is_broken_off_leaves_nothing(blobs: BlobStore, queue: str) -> None:
    with pytest.raises(ConnectionResetError):
        await blobs.put(f"{queue}/a", broken_off(), PNG)
    with pytest.raises(BlobMissing):
        await blobs.stat(f"{queue}/a")
    await blobs.put(f"{queue}/a", pieces(b"whole"), PNG)
    assert await content(blobs, f"{queue}/a") == b"whole"


async def test_a_cancelled_put_leaves_nothing(blobs: BlobStore, queue: str) -> None:
    putting = asyncio.create_task(blobs.put(f"{queue}/a", endless(), PNG))
    await asyncio.sleep(0.1)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    with pytest.raises(BlobMissing):
        await blobs.stat(f"{queue}/a")


async def test_a_put_is_not_seen_before_it_is_whole(blobs: BlobStore, queue: str) -> None:
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"second"

    putting = asyncio.create_task(blobs.put(f"{queue}/a", slow(), PNG))
    await asyncio.sleep(0.05)
    with pytest.raises(BlobMissing):
        await blobs.stat(f"{queue}/a")
    go_on.set()
    await putting
    assert await content(blobs, f"{queue}/a") == b"firstsecond"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "a//b",
        "a/",
        "..",
        "../a",
        "a/../b",
        "a/..",
        "./a",
        "a/.",
        "a\0b",
        "a/\n",
        "x" * 300,
        "a/" * 700 + "a",
    ],
)
async def test_keys_that_are_no_names_are_refused(blobs: BlobStore, key: str) -> None:
    with pytest.raises(InvalidInput):
        await blobs.put(key, pieces(b"x"), PNG)
    with pytest.raises(InvalidInput):
        await blobs.stat(key)
    with pytest.raises(InvalidInput):
        await content(blobs, key)


@pytest.mark.parametrize(
    "name", ["out.png", "é漢字 😀.png", "a b&c=d?e#f%20", "%2Eblob", "a.blob", "-rf", "~", "CON", "x" * 200]
)
async def test_names_may_hold_what_users_write(blobs: BlobStore, queue: str, name: str) -> None:
    await blobs.put(f"{queue}/{name}", pieces(name.encode()), PNG)
    assert await content(blobs, f"{queue}/{name}") == name.encode()


async def test_a_key_may_be_the_beginning_of_another(blobs: BlobStore, queue: str) -> None:
    keys = [
        f"{queue}/a",
        f"{queue}/a/b",
        f"{queue}/a.blob",
        f"{queue}/a.blob/b",
        f"{queue}/a%2Eblob/b",
        f"{queue}/a/b/c",
    ]
    for key in keys:
        await blobs.put(key, pieces(key.encode()), PNG)
    for key in keys:
        assert await content(blobs, key) == key.encode()


async def test_deleting_a_prefix_removes_what_is_below_it_and_nothing_else(
    blobs: BlobStore, queue: str
) -> None:
    for key in ("job/1/a", "job/1/b", "job/2/a", "job2/1/a", "job"):
        await blobs.put(f"{queue}/{key}", pieces(key.encode()), PNG)
    assert await blobs.delete(f"{queue}/job/") == 3
    assert await blobs.delete(f"{queue}/job/") == 0
    for key in ("job/1/a", "job/1/b", "job/2/a"):
        with pytest.raises(BlobMissing):
            await blobs.stat(f"{queue}/{key}")
    for key in ("job2/1/a", "job"):
        assert await content(blobs, f"{queue}/{key}") == key.encode()
    await blobs.put(f"{queue}/job/1/a", pieces(b"again"), PNG)


@pytest.mark.parametrize("prefix", ["", "/", "a", "../", "a/../", "/a/"])
async def test_a_prefix_that_is_no_folder_of_the_store_is_refused(blobs: BlobStore, prefix: str) -> None:
    with pytest.raises(InvalidInput):
        await blobs.delete(prefix)


async def test_puts_and_deletes_at_once_leave_whole_blobs_or_none(blobs: BlobStore, queue: str) -> None:
    async def put(number: int) -> None:
        await blobs.put(f"{queue}/job/{number % 3}/{number}", pieces(b"%d" % number), PNG)

    async def delete() -> None:
        await blobs.delete(f"{queue}/job/")

    await asyncio.gather(*(put(number) if number % 4 else delete() for number in range(80)))
    for number in range(80):
        try:
            assert await content(blobs, f"{queue}/job/{number % 3}/{number}") == b"%d" % number
        except BlobMissing:
            continue


async def test_a_reader_that_leaves_early_disturbs_nobody(blobs: BlobStore, queue: str) -> None:
    await blobs.put(f"{queue}/a", pieces(bytes(3_000_000)), PNG)
    for _ in range(20):
        reading = asyncio.create_task(content(blobs, f"{queue}/a"))
        await asyncio.sleep(0.001)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert len(await content(blobs, f"{queue}/a")) == 3_000_000


async def test_a_url_is_given_or_the_api_has_to_serve(blobs: BlobStore, queue: str) -> None:
    await blobs.put(f"{queue}/a", pieces(b"x"), PNG)
    url = await blobs.url(f"{queue}/a", expires_s=60)
    assert url is None or url.startswith(("http://", "https://"))


async def test_a_killed_writer_leaves_whole_blobs_or_none(
    blobs: BlobStore, queue: str, start_process: Start
) -> None:
    chance = random.Random(13)
    started: list[str] = []
    promised: dict[str, str] = {}
    for life in range(4):
        process = start_process("put", f"{queue}/life{life}")
        lines = [await process.line()]
        await asyncio.sleep(chance.random() * 0.15)
        process.kill()
        lines += await process.rest()
        started += [line[1] for line in lines if line[0] == "start"]
        promised.update((line[1], line[2]) for line in lines if line[0] == "done")
    for key in started:
        try:
            digest = hashlib.sha256(await content(blobs, key)).hexdigest()
        except BlobMissing:
            assert key not in promised
        else:
            assert digest == (await blobs.stat(key)).sha256 == promised.get(key, digest)


async def test_a_closed_store_refuses(settings: Settings, queue: str) -> None:
    blobs = await open_blob_store(settings)
    await blobs.put(f"{queue}/a", pieces(b"x"), PNG)
    await blobs.close()
    await blobs.close()
    with pytest.raises(Unavailable):
        await blobs.put(f"{queue}/b", pieces(b"x"), PNG)
    with pytest.raises(Unavailable):
        await blobs.stat(f"{queue}/a")
