"""One HTTP request and its answer, close to ASGI: what the hot path can afford."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, MutableMapping
from contextlib import aclosing
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec

from evoke.domain.errors import InvalidInput
from services.api.begun import Begun
from services.api.problems import Headers, Refusal
from services.api.upload_room import Take

Scope = MutableMapping[str, Any]
_BODY_TIMEOUT_S = 30.0
_DRAINED_BYTES = 4 << 20
_DRAIN_TIMEOUT_S = 2.0
_MAX_QUERY_BYTES = 8192
_CLOSE: Headers = [(b"connection", b"close")]
JSON = b"application/json"


class Principal(msgspec.Struct, frozen=True):
    """Who asks: the tenant, and what the key may do (`*`: everything)."""

    tenant: str
    scopes: frozenset[str]
    key_id: str = ""

    def may(self, scope: str) -> bool:
        """Whether the key has the scope."""
        return scope in self.scopes or "*" in self.scopes


class Reply(msgspec.Struct, frozen=True):
    """An answer whose body is at hand."""

    status: int
    body: bytes
    media_type: bytes = JSON
    headers: Headers = []


class StreamedReply(msgspec.Struct, frozen=True):
    """An answer whose body comes by and by. size_bytes: its length where it is known."""

    status: int
    chunks: AsyncGenerator[bytes, None]
    media_type: bytes
    headers: Headers = []
    size_bytes: int | None = None
    send_timeout_s: float = 60.0


AnyReply = Reply | StreamedReply


class Exchange:
    """A request that is being answered. parameters: the path's; principal: set before a handler runs."""

    __slots__ = ("_headers", "_query", "_receive", "_send", "parameters", "principal", "scope", "traceparent")

    def __init__(self, scope: Scope, receive: Any, send: Any, traceparent: str) -> None:
        self.scope = scope
        self.parameters: Mapping[str, str] = {}
        self.principal = Principal("", frozenset())
        self.traceparent = traceparent
        self._receive = receive
        self._send = send
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._query: dict[str, str] | None = None

    @property
    def method(self) -> str:
        """`GET`, `POST`, ..."""
        method: str = self.scope["method"]
        return method

    @property
    def tenant(self) -> str:
        """Whose jobs this request sees."""
        return self.principal.tenant

    def header(self, name: bytes) -> str | None:
        """A header's value, by its name in lower case."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; the last one of a name counts. Raises InvalidInput."""
        if self._query is None:
            raw: bytes = self.scope["query_string"]
            self._query = _parsed(raw) if raw else {}
        return self._query

    @property
    def origin(self) -> str:
        """Scheme and host as the client named them, empty when it named none."""
        host = self.header(b"host")
        return f"{self.scope['scheme']}://{host}" if host else ""

    async def body(self, limit: int, timeout_s: float = _BODY_TIMEOUT_S, take: Take | None = None) -> bytes:
        """The whole body, within `timeout_s` seconds. take: counts its bytes, and may refuse them.

        Raises Refusal (413, 408, 400).
        """
        announced = self._headers.get(b"content-length", b"0")
        fits = announced.isdigit() and len(announced) <= 18 and int(announced) <= limit
        # The body of most requests came with its head: a timer would cost more than reading it.
        reading = Begun(self._read(limit, take) if fits else self._refuse_size(limit))
        if reading.over:
            return await reading
        try:
            async with asyncio.timeout(timeout_s):
                return await reading
        except TimeoutError:
            raise Refusal(408, "timeout", "the request's body did not arrive in time", _CLOSE) from None

    async def _read(self, limit: int, take: Take | None) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "disconnected", "the client went away before its request was read")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                await self._refuse_size(limit)
            if take is not None:
                take(len(chunk))
            if not message.get("more_body", False):
                return b"".join((*chunks, chunk)) if chunks else chunk
            chunks.append(chunk)

    async def _refuse_size(self, limit: int) -> NoReturn:
        """Read on for a little while: a connection that is closed with bytes unread may lose the answer on its way."""
        left = 0 if self.header(b"expect") else _DRAINED_BYTES
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT_S):
                while left > 0:
                    message = await self._receive()
                    left -= max(1, len(message.get("body", b"")))
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            left = 0
        raise Refusal(413, "body_too_large", f"a body may have at most {limit} bytes", _CLOSE)

    async def gone(self) -> None:
        """Return once the client has gone away. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, reply: AnyReply) -> None:
        """Send an answer."""
        if isinstance(reply, Reply):
            await self._answer_whole(reply)
        else:
            await self._answer_streamed(reply)

    async def _answer_whole(self, reply: Reply) -> None:
        headers = [
            (b"content-type", reply.media_type),
            (b"content-length", str(len(reply.body)).encode()),
            (b"traceparent", self.traceparent.encode()),
            (b"x-request-id", self.traceparent[3:35].encode()),
            *reply.headers,
        ]
        if reply.status in (204, 304):
            headers = headers[2:]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        empty = self.scope["method"] == "HEAD" or reply.status in (204, 304)
        await self._send({"type": "http.response.body", "body": b"" if empty else reply.body})

    async def _answer_streamed(self, reply: StreamedReply) -> None:
        headers = [
            (b"content-type", reply.media_type),
            (b"traceparent", self.traceparent.encode()),
            (b"x-request-id", self.traceparent[3:35].encode()),
            *reply.headers,
        ]
        if reply.size_bytes is not None:
            headers.append((b"content-length", str(reply.size_bytes).encode()))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if self.scope["method"] != "HEAD":
            await self._send_chunks(reply)
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_chunks(self, reply: StreamedReply) -> None:
        """Send until the end, or until the client has gone: then the source of the chunks is closed at once."""
        sending = asyncio.ensure_future(self._pump(reply))
        leaving = asyncio.ensure_future(self.gone())
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _pump(self, reply: StreamedReply) -> None:
        async with aclosing(reply.chunks) as chunks:
            async for chunk in chunks:
                async with asyncio.timeout(reply.send_timeout_s):
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})


def _parsed(raw: bytes) -> dict[str, str]:
    if len(raw) > _MAX_QUERY_BYTES:
        raise Refusal(414, "query_too_long", f"the query is longer than {_MAX_QUERY_BYTES} bytes")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=64)
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidInput("query", f"is not well-formed: {error}") from None
    return dict(pairs)
