"""uvicorn's protocol, writing an answer's head and body at once.

A loop that writes each by itself makes two system calls and wakes the client twice for every answer.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_GATHERED_BYTES = 16 << 10


class GatheringTransport:
    """A transport that keeps small writes until the loop's next turn.

    What must follow them on the wire, or tells how much waits, sends them first.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def write(self, data: bytes) -> None:
        """Write soon; at once when enough has come together."""
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept.append(data)
        self._kept_bytes += len(data)
        if self._kept_bytes > _GATHERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._kept:
            kept, self._kept, self._kept_bytes = self._kept, [], 0
            self._transport.write(kept[0] if len(kept) == 1 else b"".join(kept))

    def close(self) -> None:
        """Close when everything is sent."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's; what it does comes after what was written before."""
        self._flush()
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """HTTP/1.1 over a transport that gathers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(cast(asyncio.Transport, GatheringTransport(transport, self.loop)))
