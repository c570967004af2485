"""`/v1/files`: what inputs can name."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evoke.domain.errors import BlobMissing, InvalidInput, NotFound
from evoke.domain.file_references import is_file_id
from evoke.ports.blob_store import BlobInfo
from services.api.context import Context
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.media_types import media_type_of
from services.api.operations import RANGE, Answer, Operation, Parameter
from services.api.stored_bytes import Stored, serve_stored
from services.api.uploads import FORM, file_key, read_upload, store_upload

FIELD = "file"
_FORMATS = (
    "application/octet-stream",
    "image/png",
    "image/jpeg",
    "image/webp",
    "audio/wav",
    "audio/flac",
    "audio/ogg",
    "audio/mpeg",
    "audio/mp4",
    FORM,
)
_encode = msgspec.json.Encoder().encode


class FileDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A file. id: the SHA-256 of its bytes, hex. media_type: by its first bytes. reference: how an input names it.

    url: of the bytes.
    """

    id: str
    reference: str
    media_type: str
    size_bytes: int
    sha256: str
    url: str


class FileRoutes:
    """Uploads are stored before they are answered, under their digest: to repeat one changes nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def upload(self, exchange: Exchange) -> AnyReply:
        """`POST /v1/files`."""
        context = self._context
        with context.uploads.share() as take:
            data = await read_upload(exchange, FIELD, context.settings.max_file_bytes, take)
            if not data:
                raise InvalidInput(FIELD, "is empty")
            file = await store_upload(context.blobs, exchange.tenant, FIELD, data, media_type_of(data))
        said = _document(file.sha256, file.media_type, file.size_bytes)
        return Reply(201, _encode(said), JSON, [(b"location", f"/v1/files/{file.sha256}".encode())])

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/files/{id}`."""
        info = await self._info(exchange)
        return Reply(200, _encode(_document(info.sha256, info.media_type, info.size_bytes)))

    async def content(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/files/{id}/content`."""
        info = await self._info(exchange)
        stored = Stored(info.key, info.sha256, info.media_type, info.size_bytes, info.sha256)
        return await serve_stored(self._context.blobs, exchange, stored)

    async def _info(self, exchange: Exchange) -> BlobInfo:
        file_id = exchange.parameters["id"]
        unknown = NotFound(f"there is no file {file_id[:80]!r}")
        if not is_file_id(file_id):
            raise unknown
        try:
            return await self._context.blobs.stat(file_key(exchange.tenant, file_id))
        except BlobMissing:
            raise unknown from None

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="POST",
                path="/v1/files",
                handler=self.upload,
                scope="write",
                tag="files",
                summary="Upload a file",
                said=_SAID,
                uploads=_FORMATS,
                form_field=FIELD,
                answers={
                    201: Answer(
                        said="Stored.",
                        body=FileDocument,
                        example=_EXAMPLE,
                        headers={"Location": "Where the file is described."},
                    )
                },
                refusals=(400, 413, 422, 503, 507),
            ),
            Operation(
                method="GET",
                path="/v1/files/{id}",
                handler=self.get,
                scope="read",
                tag="files",
                summary="Look at a file",
                parameters=(_ID,),
                answers={200: Answer(said="The file.", body=FileDocument, example=_EXAMPLE)},
                refusals=(404, 503),
            ),
            Operation(
                method="GET",
                path="/v1/files/{id}/content",
                handler=self.content,
                scope="read",
                tag="files",
                summary="Fetch a file's bytes",
                said="With `ETag` (their sha256), byte ranges (`Range`, `If-Range`) and `HEAD`.",
                parameters=(_ID, RANGE),
                answers={
                    200: Answer(said="The whole.", media_type="application/octet-stream"),
                    206: Answer(said="The range that was asked for.", media_type="application/octet-stream"),
                    304: Answer(said="Not changed: files never change."),
                    307: Answer(
                        said="The store itself has the bytes (`EVOKE_S3_PRESIGNED`), for some minutes."
                    ),
                },
                refusals=(404, 416, 503),
            ),
        )


def _document(digest: str, media_type: str, size_bytes: int) -> FileDocument:
    return FileDocument(
        id=digest,
        reference=f"file:{digest}",
        media_type=media_type,
        size_bytes=size_bytes,
        sha256=digest,
        url=f"/v1/files/{digest}/content",
    )


_SAID = """The body is the file itself, or a form with it in the field `file`; `EVOKE_MAX_FILE_BYTES` bounds the body
(32 MiB by default). 201 means durable. The type is told by the bytes, not by what the client says, and the same bytes
have the same id. An input names the file as `file:ID`, or an output of an earlier job as `job:ID/NUMBER`. Files are
kept as outputs are: evoke itself removes none."""
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ID = Parameter(
    name="id",
    place="path",
    schema={"type": "string", "maxLength": 100},
    said="The file's id: the SHA-256 of its bytes, hex.",
    example=_DIGEST,
)
_EXAMPLE = msgspec.to_builtins(_document(_DIGEST, "image/png", 5120))
