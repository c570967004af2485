"""Blobs on the disk: damage is noticed, what dead writers left goes away, a full disk leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from evoke.adapters.directory.blobs import DirectoryBlobStore
from evoke.adapters.directory.files import Draft, sweep
from evoke.domain.errors import BlobMissing, StorageFull, Unavailable

KEY = "default/job/attempt/out.png"


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[DirectoryBlobStore]:
    opened = DirectoryBlobStore(tmp_path)
    yield opened
    await opened.close()


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def content(blobs: DirectoryBlobStore, start: int = 0) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(KEY, start)])


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def damage(blobs: DirectoryBlobStore, folder: Path, change: Callable[[bytes], bytes]) -> None:
    await blobs.put(KEY, pieces(b"0123456789" * 1000), "image/png")
    [path] = files(folder)
    path.write_bytes(change(path.read_bytes()))


async def test_a_flipped_bit_is_noticed_before_the_last_bytes_are_given_out(
    blobs: DirectoryBlobStore, tmp_path: Path
) -> None:
    await damage(blobs, tmp_path, lambda whole: b"1" + whole[1:])
    with pytest.raises(Unavailable, match="digest"):
        await content(blobs)


@pytest.mark.parametrize("left", [0, 5, 5000, 10_000, 10_050])
async def test_a_file_that_was_cut_short_is_no_blob(
    blobs: DirectoryBlobStore, tmp_path: Path, left: int
) -> None:
    await damage(blobs, tmp_path, lambda whole: whole[:left])
    with pytest.raises(Unavailable, match="damaged"):
        await blobs.stat(KEY)
    with pytest.raises(Unavailable, match="damaged"):
        await content(blobs, 3)


async def test_bytes_that_are_missing_in_the_middle_are_noticed(
    blobs: DirectoryBlobStore, tmp_path: Path
) -> None:
    await damage(blobs, tmp_path, lambda whole: whole[:100] + whole[200:])
    with pytest.raises(Unavailable, match="wrong size"):
        await blobs.stat(KEY)


def no_space(*arguments: object, **named: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def broken(*arguments: object, **named: object) -> int:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("call", "fault", "expected"),
    [
        ("write", no_space, StorageFull),
        ("fsync", no_space, StorageFull),
        ("link", no_space, StorageFull),
        ("write", broken, Unavailable),
        ("fsync", broken, Unavailable),
    ],
)
async def test_a_disk_that_fails_leaves_no_blob_and_no_draft(  # noqa: PLR0917
    blobs: DirectoryBlobStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    fault: Callable[..., int],
    expected: type[Exception],
) -> None:
    with monkeypatch.context() as faulty:
        faulty.setattr(os, call, fault)
        with pytest.raises(expected):
            await blobs.put(KEY, pieces(b"x" * 1000), "image/png")
    assert files(tmp_path) == []
    with pytest.raises(BlobMissing):
        await blobs.stat(KEY)
    await blobs.put(KEY, pieces(b"x"), "image/png")
    assert await content(blobs) == b"x"


async def test_a_folder_that_can_not_be_synced_gives_no_promise(
    blobs: DirectoryBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await blobs.put(f"{KEY}.first", pieces(b"makes the folders"), "image/png")
    sync, calls = os.fsync, []

    def second_fails(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    with monkeypatch.context() as faulty:
        faulty.setattr(os, "fsync", second_fails)
        with pytest.raises(Unavailable):
            await blobs.put(KEY, pieces(b"x"), "image/png")
    with pytest.raises(BlobMissing):
        await blobs.stat(KEY)


async def test_what_a_dead_writer_left_is_swept_and_what_is_being_written_stays(tmp_path: Path) -> None:
    first = DirectoryBlobStore(tmp_path)
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"second"

    putting = asyncio.create_task(first.put(KEY, slow(), "image/png"))
    while not files(tmp_path / "drafts"):
        await asyncio.sleep(0.01)
    (tmp_path / "drafts" / "left").write_bytes(b"half a picture")
    second = DirectoryBlobStore(tmp_path)
    await second.put(f"{KEY}.2", pieces(b"x"), "image/png")
    assert [path.name for path in files(tmp_path / "drafts")] != ["left"]
    assert len(files(tmp_path / "drafts")) == 1
    go_on.set()
    await putting
    assert await content(first) == b"firstsecond"
    await first.close()
    await second.close()


async def test_closing_in_the_middle_of_a_put_leaves_no_draft(tmp_path: Path) -> None:
    blobs = DirectoryBlobStore(tmp_path)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(10_000)

    putting = asyncio.create_task(blobs.put(KEY, endless(), "image/png"))
    await asyncio.sleep(0.05)
    await blobs.close()
    with pytest.raises(Unavailable):
        await putting
    assert files(tmp_path) == []


async def test_deleting_leaves_no_empty_folders(blobs: DirectoryBlobStore, tmp_path: Path) -> None:
    await blobs.put(KEY, pieces(b"x"), "image/png")
    await blobs.put("other/a", pieces(b"x"), "image/png")
    await blobs.delete("default/job/")
    assert [path.name for path in (tmp_path / "blobs").iterdir()] in (
        ["other"],
        ["other", "default"],
        ["default", "other"],
    )
    assert not (tmp_path / "blobs" / "default" / "job").exists()


async def test_open_files_are_closed(blobs: DirectoryBlobStore) -> None:
    await blobs.put(KEY, pieces(bytes(3_000_000)), "image/png")
    await content(blobs)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        reading = blobs.read(KEY)
        await anext(reading)
        await reading.aclose()  # type: ignore[attr-defined]  # the port promises no more than an iterator
        with pytest.raises(BlobMissing):
            await blobs.stat(f"{KEY}.missing")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_sweep_by_another_process_takes_no_blob_that_is_being_started(tmp_path: Path) -> None:
    """A sweep can come between the making of a draft and its lock."""
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    done = threading.Event()

    def sweep_on() -> None:
        while not done.is_set():
            sweep(drafts)

    sweeping = [threading.Thread(target=sweep_on) for _ in range(2)]
    for thread in sweeping:
        thread.start()
    try:
        for number in range(500):
            draft = Draft(drafts)
            draft.publish(tmp_path / "blobs" / f"{number}.blob", str(number), "image/png", b"whole")
    finally:
        done.set()
        for thread in sweeping:
            thread.join()
    assert len(list((tmp_path / "blobs").iterdir())) == 500
