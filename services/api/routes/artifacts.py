"""A job's outputs, as bytes that a browser can be trusted with."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from urllib.parse import quote

import msgspec

from evoke.domain.errors import NotFound
from evoke.domain.events import Artifact, Succeeded
from services.api.byte_ranges import Unsatisfiable, parse_range
from services.api.context import Context
from services.api.exchange import AnyReply, Exchange, Reply, StreamedReply
from services.api.lookup import Lookup
from services.api.operations import JOB_ID, MIN_POSITION, Answer, Operation, Parameter
from services.api.problems import Headers, Refusal
from services.api.schemas.jobs import ArtifactDocument, artifact_documents
from services.api.waiting import reach_min_position, require_ready

_encode = msgspec.json.Encoder().encode
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,80}(; ?charset=utf-8)?", re.IGNORECASE)
_SHOWN = re.compile(r"(image/(png|jpeg|webp|gif|avif)|audio/[a-z0-9.+-]+|video/[a-z0-9.+-]+|text/plain)\b")
_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, max-age=31536000, immutable"),
    (b"accept-ranges", b"bytes"),
]


class ArtifactPage(msgspec.Struct, frozen=True):
    """All outputs of a job."""

    items: list[ArtifactDocument]


class ArtifactRoutes:
    """`/v1/jobs/{id}/artifacts`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs/{id}/artifacts`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        return Reply(200, _encode(ArtifactPage(artifact_documents(found.job))))

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs/{id}/artifacts/{number}`."""
        require_ready(self._context)
        artifact = await self._artifact(exchange)
        size = artifact.size_bytes
        tag = f'"{artifact.sha256}"'
        headers = [*_SAFE, (b"etag", tag.encode()), (b"content-disposition", _disposition(artifact))]
        seen = exchange.header(b"if-none-match")
        if seen is not None and (tag in seen or seen.strip() == "*"):
            return Reply(304, b"", headers=headers)
        start, length = self._range(exchange, tag, size)
        if length != size:
            headers.append((b"content-range", f"bytes {start}-{start + length - 1}/{size}".encode()))
        if exchange.method != "HEAD":
            await self._context.blobs.stat(artifact.key)
        media_type = (
            artifact.media_type if _MEDIA_TYPE.fullmatch(artifact.media_type) else "application/octet-stream"
        )
        chunks = self._chunks(artifact.key, start, length)
        return StreamedReply(206 if length != size else 200, chunks, media_type.encode(), headers, length)

    async def _artifact(self, exchange: Exchange) -> Artifact:
        number = exchange.parameters["number"]
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        end = found.job.end
        known = end.artifacts if isinstance(end, Succeeded) else ()
        if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) < len(known)):
            raise NotFound(f"job {found.job.id} has {len(known)} artifacts, none is called {number[:20]!r}")
        return known[int(number)]

    @staticmethod
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

    async def _chunks(self, key: str, start: int, length: int) -> AsyncGenerator[bytes, None]:
        if length:
            async for chunk in self._context.blobs.read(key, start, length):
                yield chunk

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="GET",
                path="/v1/jobs/{id}/artifacts",
                handler=self.page,
                scope="read",
                tag="artifacts",
                summary="List a job's outputs",
                parameters=(JOB_ID, MIN_POSITION),
                answers={
                    200: Answer(said="The outputs; none before the job has succeeded.", body=ArtifactPage)
                },
                refusals=(404, 422, 503),
            ),
            Operation(
                method="GET",
                path="/v1/jobs/{id}/artifacts/{number}",
                handler=self.get,
                scope="read",
                tag="artifacts",
                summary="Fetch an output",
                said="The bytes, with `ETag` (their sha256), byte ranges (`Range`, `If-Range`) and `HEAD`.",
                parameters=(JOB_ID, _NUMBER, _RANGE),
                answers={
                    200: Answer(said="The whole.", media_type="application/octet-stream"),
                    206: Answer(said="The range that was asked for.", media_type="application/octet-stream"),
                    304: Answer(said="Not changed: outputs never change."),
                },
                refusals=(404, 416, 503),
            ),
        )


def _disposition(artifact: Artifact) -> bytes:
    """Pictures, sounds and plain text may be shown; whatever could run is for saving only."""
    kind = "inline" if _SHOWN.match(artifact.media_type.lower()) else "attachment"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", artifact.name)[:100] or "artifact"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(artifact.name[:100], safe='')}".encode()


_NUMBER = Parameter(
    name="number",
    place="path",
    schema={"type": "integer", "minimum": 0},
    said="The output's number, from 0.",
    example=0,
)
_RANGE = Parameter(
    name="Range",
    place="header",
    schema={"type": "string"},
    said="One range of bytes.",
    example="bytes=0-1023",
)
