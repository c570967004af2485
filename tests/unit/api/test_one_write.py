"""What leaves a connection in one write, seen from a transport that writes down what it was asked."""

from __future__ import annotations

import asyncio

from services.api.one_write import GatheringTransport


class Written(asyncio.Transport):
    """Keeps what is written to it, and when it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("closed")

    def abort(self) -> None:
        self.told.append("aborted")


async def test_small_writes_of_one_turn_leave_together() -> None:
    written = Written()
    transport = GatheringTransport(written, asyncio.get_running_loop())
    transport.write(b"head ")
    transport.write(b"body")
    assert written.told == []
    await asyncio.sleep(0)
    assert written.told == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert written.told == [b"head body", b"next"]


async def test_large_writes_do_not_come_together_in_memory() -> None:
    written = Written()
    transport = GatheringTransport(written, asyncio.get_running_loop())
    for _ in range(10):
        transport.write(b"x" * 20_000)
    assert [len(data) for data in written.told] == [20_000] * 10


async def test_what_was_written_leaves_before_the_connection_is_closed() -> None:
    written = Written()
    transport = GatheringTransport(written, asyncio.get_running_loop())
    transport.write(b"the end")
    transport.close()
    await asyncio.sleep(0)
    assert written.told == [b"the end", "closed"]


async def test_anything_else_asked_of_the_transport_comes_after_what_was_written() -> None:
    written = Written()
    transport = GatheringTransport(written, asyncio.get_running_loop())
    transport.write(b"the end")
    transport.abort()
    assert written.told == [b"the end", "aborted"]
