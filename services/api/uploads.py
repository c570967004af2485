"""Files that come with a request: read within bounds, known by their bytes, stored once."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_form

from evoke.domain.errors import BlobExists, InvalidInput
from evoke.domain.events import InputFile
from evoke.ports.blob_store import BlobStore
from services.api.exchange import Exchange
from services.api.media_types import media_type_of
from services.api.problems import Refusal
from services.api.upload_room import Take

FORM = "multipart/form-data"
UPLOAD_S = 300.0
"""How long the body of an upload may take."""
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class UploadForm:
    """A form: its texts and its files, by the names of their fields."""

    fields: Mapping[str, bytes]
    files: Mapping[str, bytes]


def is_form(exchange: Exchange) -> bool:
    """Whether the body is declared as a form."""
    declared = exchange.header(b"content-type") or ""
    return declared.partition(";")[0].strip().lower() == FORM


async def parse_upload_form(exchange: Exchange, limit: int, take: Take) -> UploadForm:
    """Read a form of at most `limit` bytes. Raises Refusal (400, 408, 413), Unavailable."""
    body = await exchange.body(limit, UPLOAD_S, take)
    take(len(body))  # what is in it is held beside it
    fields: dict[str, bytes] = {}
    files: dict[str, bytes] = {}

    def keep_field(field: object) -> None:
        fields[_name(field)] = getattr(field, "value", None) or b""

    def keep_file(file: object) -> None:
        stream = getattr(file, "file_object")  # noqa: B009  # the library has no type for it
        stream.seek(0)
        files[_name(file)] = stream.read()

    headers = {"Content-Type": (exchange.header(b"content-type") or "").encode("latin-1")}
    try:
        parse_form(headers, io.BytesIO(body), keep_field, keep_file)
    except (FormParserError, ValueError) as error:
        raise Refusal(400, "malformed_form", f"the form can't be read: {error}") from error
    return UploadForm(fields, files)


def _name(part: object) -> str:
    return str((getattr(part, "field_name", None) or b"").decode("utf-8", "replace"))


async def read_upload(exchange: Exchange, field: str, limit: int, take: Take) -> bytes:
    """The body, or of a form the file in that field; `limit` is that of the whole body.

    take: counts the bytes. Raises Refusal (400, 408, 413), InvalidInput, Unavailable.
    """
    if not is_form(exchange):
        return await exchange.body(limit, UPLOAD_S, take)
    files = (await parse_upload_form(exchange, limit, take)).files
    if field not in files:
        raise InvalidInput(field, f"is required: a file in the form's field {field!r}")
    return files[field]


def sound_type(data: bytes) -> str:
    """The media type of a sound file by its first bytes. Raises Refusal (415) for anything else."""
    found = media_type_of(data)
    if not data:
        raise Refusal(
            415, "unsupported_media_type", "the file is empty; send wav, flac, ogg, opus, mp3 or m4a"
        )
    if found.startswith("audio/"):
        return found
    raise Refusal(
        415, "unsupported_media_type", "the file is no wav, flac, ogg, opus, mp3 or m4a by its first bytes"
    )


def file_key(tenant: str, digest: str) -> str:
    """Where a tenant's file with that SHA-256 (hex) lies in the blob store."""
    return f"{tenant}/files/{digest}"


async def store_upload(blobs: BlobStore, tenant: str, name: str, data: bytes, media_type: str) -> InputFile:
    """Keep the file under its own digest, so that the same bytes are stored once. Raises Unavailable, StorageFull."""
    hashed = await asyncio.to_thread(hashlib.sha256, data)  # tens of milliseconds for a large one
    digest = hashed.hexdigest()
    key = file_key(tenant, digest)
    with suppress(BlobExists):  # then it holds the same bytes: the key is their digest
        await blobs.put(key, _pieces(data), media_type)
    return InputFile(name=name, media_type=media_type, size_bytes=len(data), sha256=digest, key=key)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]
