"""What lies in the blob store, as bytes that a browser can be trusted with."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from urllib.parse import quote

import msgspec

from evoke.ports.blob_store import BlobStore
from services.api.byte_ranges import Unsatisfiable, parse_range
from services.api.exchange import AnyReply, Exchange, Reply, StreamedReply
from services.api.problems import Headers, Refusal

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,80}(; ?charset=utf-8)?", re.IGNORECASE)
_SHOWN = re.compile(r"(image/(png|jpeg|webp|gif|avif)|audio/[a-z0-9.+-]+|video/[a-z0-9.+-]+|text/plain)\b")
_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, max-age=31536000, immutable"),
    (b"accept-ranges", b"bytes"),
]

URL_S = 300.0
"""How long a URL of the store is good for: it is asked for when it is used."""


class Stored(msgspec.Struct, frozen=True):
    """A blob and what is said of it. name: of the file, for people. sha256: hex, of its bytes."""

    key: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


async def serve_stored(blobs: BlobStore, exchange: Exchange, stored: Stored) -> AnyReply:
    """Answer with the bytes: whole or a range, or with where the store itself has them.

    Raises Refusal (416), BlobMissing, Unavailable.
    """
    size = stored.size_bytes
    tag = f'"{stored.sha256}"'
    headers = [*_SAFE, (b"etag", tag.encode()), (b"content-disposition", _disposition(stored))]
    seen = exchange.header(b"if-none-match")
    if seen is not None and (tag in seen or seen.strip() == "*"):
        return Reply(304, b"", headers=headers)
    start, length = _range(exchange, tag, size)
    if length != size:
        headers.append((b"content-range", f"bytes {start}-{start + length - 1}/{size}".encode()))
    if exchange.method != "HEAD":
        if (url := await _elsewhere(blobs, exchange, stored)) is not None:
            return Reply(307, b"", headers=[(b"location", url.encode()), (b"cache-control", b"no-store")])
        await blobs.stat(stored.key)
    chunks = _chunks(blobs, stored.key, start, length)
    status = 206 if length != size else 200
    return StreamedReply(status, chunks, _media_type(stored).encode(), headers, length)


async def _elsewhere(blobs: BlobStore, exchange: Exchange, stored: Stored) -> str | None:
    """Where the store itself has the bytes. A page of ours gets them here: it may load from nowhere else."""
    if exchange.header(b"sec-fetch-site") == "same-origin":
        return None
    shown = _disposition(stored).decode()
    return await blobs.url(stored.key, expires_s=URL_S, media_type=_media_type(stored), disposition=shown)


def _range(exchange: Exchange, tag: str, size_bytes: int) -> tuple[int, int]:
    condition = exchange.header(b"if-range")
    if exchange.method != "GET" or (condition is not None and condition.strip() != tag):
        return 0, size_bytes
    try:
        found = parse_range(exchange.header(b"range"), size_bytes)
    except Unsatisfiable:
        headers = [(b"content-range", f"bytes */{size_bytes}".encode())]
        raise Refusal(416, "range_not_satisfiable", f"there are {size_bytes} bytes", headers) from None
    return found or (0, size_bytes)


async def _chunks(blobs: BlobStore, key: str, start: int, length: int) -> AsyncGenerator[bytes, None]:
    if length:
        async for chunk in blobs.read(key, start, length):
            yield chunk


def _media_type(stored: Stored) -> str:
    return stored.media_type if _MEDIA_TYPE.fullmatch(stored.media_type) else "application/octet-stream"


def _disposition(stored: Stored) -> bytes:
    """Pictures, sounds and plain text may be shown; whatever could run is for saving only."""
    kind = "inline" if _SHOWN.match(stored.media_type.lower()) else "attachment"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", stored.name)[:100] or "artifact"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(stored.name[:100], safe='')}".encode()
