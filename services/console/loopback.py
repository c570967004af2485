"""Reads the public HTTP API from within the process that serves it, with the manners of any other client.

The console knows nothing of the API's insides: it asks the same ASGI application by the same paths, with the
key that the browser sent. So its pages show exactly what that browser could have read by itself.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request

_DEADLINE_S = 15.0
_MOST_BYTES = 16 << 20
_PASSED_ON = (b"host", b"authorization", b"traceparent", b"x-forwarded-for", b"x-forwarded-proto")


class Answer(msgspec.Struct, frozen=True):
    """What the API said: the status and the JSON document, a problem (RFC 9457) when `ok` is false."""

    status: int
    document: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the document is what was asked for."""
        return 200 <= self.status < 300

    @property
    def items(self) -> list[dict[str, Any]]:
        """The entries of a list; none when the answer is a refusal."""
        return list(self.document.get("items", ())) if self.ok else []


class Loopback:
    """A client of the API on behalf of one request for a page."""

    def __init__(self, request: Request, deadline_s: float = _DEADLINE_S) -> None:
        """request: the browser's; its key and host are passed on. deadline_s: how long one answer may take."""
        self._request = request
        self._deadline_s = deadline_s

    @property
    def with_key(self) -> bool:
        """Whether the browser sent an API key."""
        return "authorization" in self._request.headers

    @property
    def origin(self) -> str:
        """Scheme and host as the browser named them, without a slash at the end."""
        return str(self._request.base_url).rstrip("/")

    async def get(self, *path: str, **query: str | None) -> Answer:
        """`GET` the path made of these segments. Never raises for what the API says or fails to say in time."""
        address = "/" + "/".join(quote(segment, safe="") for segment in path)
        asked = urlencode({name: value for name, value in query.items() if value})
        reply = _Collector()
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._request.app(self._scope(address, asked), reply.receive, reply.send)
        except TimeoutError:
            return _refusal(504, "timeout", "The API did not answer in time.")
        return reply.answer()

    def _scope(self, address: str, query: str) -> dict[str, Any]:
        outer = self._request.scope
        kept = {
            name: outer[name]
            for name in ("asgi", "http_version", "scheme", "server", "client", "root_path")
            if name in outer
        }
        return {
            **kept,
            "type": "http",
            "method": "GET",
            "path": address,
            "raw_path": address.encode(),
            "query_string": query.encode(),
            "headers": [pair for pair in outer["headers"] if pair[0] in _PASSED_ON],
        }


class _Collector:
    """The client's side of ASGI: an empty body, and a client that stays."""

    def __init__(self) -> None:
        self._asked = False
        self._status = 500
        self._body = bytearray()
        self._whole = True

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return
        chunk = message.get("body", b"")
        self._whole = self._whole and len(self._body) + len(chunk) <= _MOST_BYTES
        if self._whole:
            self._body += chunk

    def answer(self) -> Answer:
        """The collected answer. What is no JSON object, or too long, reads as a bad gateway."""
        if not self._whole:
            return _refusal(502, "bad_answer", f"The API answered with more than {_MOST_BYTES} bytes.")
        try:
            return Answer(self._status, msgspec.json.decode(bytes(self._body), type=dict[str, Any]))
        except msgspec.DecodeError:
            return _refusal(502, "bad_answer", "The API answered with something that is not JSON.")


def _refusal(status: int, code: str, detail: str) -> Answer:
    return Answer(status, {"status": status, "code": code, "title": "No answer", "detail": detail})
