"""A log that is damaged, foreign or in the wrong place is refused; a damaged entry is never skipped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.adapters.sqlite import entries
from evoke.adapters.sqlite.file_system import file_system_of, refuse_network_file_system
from evoke.adapters.sqlite.log import SqliteLog
from evoke.adapters.sqlite.queue import SqliteQueue
from evoke.adapters.sqlite.schema import require_sqlite
from evoke.domain.errors import InvalidInput, LogCorrupt, Unavailable
from evoke.ports.event_log import Position, Record

TOPIC = "requested_q"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


async def fill(path: Path, count: int = 300) -> list[Position]:
    log = await SqliteLog.open(path)
    records = [Record(TOPIC, f"job-{number}", b"payload %d " % number * 20) for number in range(count)]
    positions = await asyncio.gather(*(log.append(record) for record in records))
    await log.close()
    return positions


def alter(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


async def refusal(path: Path) -> str:
    """What is said by whoever opens the file."""
    for opener in (SqliteLog.open, SqliteQueue.open):
        with pytest.raises(LogCorrupt) as raised:
            await opener(path)
    return str(raised.value)


async def test_what_is_no_sqlite_file_is_refused(path: Path) -> None:
    path.write_bytes(b"this is a text, and long enough to be a header " * 200)
    assert str(path) in await refusal(path)


async def test_a_file_of_another_application_is_refused(path: Path) -> None:
    alter(path, "CREATE TABLE t (a)")
    assert "no log of evoke" in await refusal(path)
    assert apsw.Connection(str(path)).execute("SELECT name FROM sqlite_schema").fetchall() == [("t",)]


async def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    await fill(path)
    alter(path, "PRAGMA user_version = 999")
    assert "schema version 999" in await refusal(path)


async def test_a_file_with_a_damaged_page_is_refused(path: Path) -> None:
    await fill(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    assert "damaged" in await refusal(path)


async def test_a_file_that_was_cut_short_is_refused(path: Path) -> None:
    await fill(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "damaged" in await refusal(path)


async def test_a_flipped_bit_in_a_recent_entry_is_found_at_the_start(path: Path) -> None:
    positions = await fill(path)
    content = path.read_bytes()
    assert content.count(b"payload 250 payload 250") > 0
    path.write_bytes(content.replace(b"payload 250 payload 250", b"payload 250 qayload 250", 1))
    assert positions[250] in await refusal(path)


async def test_a_flipped_bit_in_an_old_entry_is_found_when_it_is_read_and_never_skipped(path: Path) -> None:
    positions = await fill(path, 2000)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"payload 250 payload 250", b"payload 250 qayload 250", 1))
    log, queue = await SqliteLog.open(path), await SqliteQueue.open(path)
    subscription = await queue.subscribe("q", "w")
    for reading in (
        log.read(TOPIC, None, 1000),
        log.read(TOPIC, positions[249], 1),
        anext(log.tail({TOPIC: None})),
        subscription.receive(500),
    ):
        with pytest.raises(LogCorrupt, match=positions[250]):
            await reading
    assert len(await log.read(TOPIC, None, 250)) == 250
    assert (await queue.stats("q")).in_flight == 0, "a taking that failed has taken something"
    await queue.close()
    await log.close()


async def test_a_request_whose_entry_is_gone_is_no_silent_loss(path: Path) -> None:
    positions = await fill(path, 3)
    alter(path, "DELETE FROM entries WHERE seq = 1")
    queue = await SqliteQueue.open(path)
    subscription = await queue.subscribe("q", "w")
    with pytest.raises(LogCorrupt, match=positions[0]):
        await subscription.receive(1)
    await queue.close()


async def test_an_empty_file_becomes_a_log(path: Path) -> None:
    path.touch()
    await fill(path, 1)


async def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        await SqliteLog.open(tmp_path / "nowhere" / "log.sqlite")


async def test_opening_after_a_refusal_works_once_the_file_is_restored(path: Path) -> None:
    await fill(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    await refusal(path)
    path.write_bytes(whole)
    log = await SqliteLog.open(path)
    assert len(await log.read(TOPIC, None, 1000)) == 300
    await log.close()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
rows = st.tuples(texts, texts, st.binary(max_size=20), st.binary(max_size=20))


@given(rows, rows)
def test_different_rows_have_different_checksums(
    one: tuple[str, str, bytes, bytes], other: tuple[str, str, bytes, bytes]
) -> None:
    """By chance two in 2**32 are alike; no swap of bytes between the parts makes them so."""
    assert (entries.checksum(*one) == entries.checksum(*other)) is (one == other)


@given(rows, st.integers(0, 10_000))
def test_any_flipped_bit_changes_the_checksum(row: tuple[str, str, bytes, bytes], place: int) -> None:
    topic, key, payload, properties = row
    if payload:
        flipped = bytearray(payload)
        flipped[place // 8 % len(payload)] ^= 1 << place % 8
        assert entries.checksum(topic, key, bytes(flipped), properties) != entries.checksum(*row)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_positions_compare_as_their_numbers(one: int, other: int) -> None:
    assert (entries.position_of(one) < entries.position_of(other)) is (one < other)
    assert entries.seq_of(entries.position_of(one)) == one


@pytest.mark.parametrize(
    "text", ["", "0", "x" * 16, "0" * 15, "0" * 17, "-000000000000001", "F" * 16, "8" + "0" * 15]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        entries.seq_of(Position(text))


@pytest.mark.parametrize(
    "record",
    [
        Record("", "key", b""),
        Record("topic\udc00", "key", b""),
        Record("topic", "key\udc00", b""),
        Record("topic", "key", b"", {"name": "\udc00"}),
        Record("topic", "key", bytes(65 << 20)),
    ],
    ids=["no topic", "topic", "key", "properties", "size"],
)
async def test_a_record_that_can_not_be_stored_is_refused_and_the_next_one_is_taken(
    path: Path, record: Record
) -> None:
    log = await SqliteLog.open(path)
    with pytest.raises(InvalidInput):
        await log.append(record)
    await log.append(Record("topic", "key", b""))
    await log.close()


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.7.0"])
def test_a_sqlite_that_can_lose_commits_is_refused(version: str) -> None:
    with pytest.raises(Unavailable, match=version):
        require_sqlite(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.52.0", "3.54.1", "4.0.0"])
def test_a_sqlite_that_is_new_enough_is_accepted(version: str) -> None:
    require_sqlite(version)


MOUNTED = """/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
server:/data /mnt/data nfs4 rw 0 0
//nas/x /mnt/with\\040space cifs rw 0 0
/dev/vdb /mnt/data/local xfs rw 0 0
broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/home/me", "ext4"),
        ("/tmp/x", "tmpfs"),
        ("/mnt/data", "nfs4"),
        ("/mnt/data/deep/er", "nfs4"),
        ("/mnt/database", "ext4"),
        ("/mnt/data/local/x", "xfs"),
        ("/mnt/with space/x", "cifs"),
    ],
)
def test_the_innermost_mount_tells_the_file_system(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTED) == kind


def test_a_network_file_system_is_refused_by_the_name_of_the_setting() -> None:
    with pytest.raises(InvalidInput, match="nfs4") as raised:
        refuse_network_file_system(Path("/mnt/data/evoke"), MOUNTED)
    assert raised.value.field == "EVOKE_DATA_DIR"
    refuse_network_file_system(Path("/mnt/data/local/evoke"), MOUNTED)
    refuse_network_file_system(Path("/mnt/data/evoke"), "")
