"""Writing one object, once: at one go when it is small, in parts when it is large; it is there whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from evoke.adapters.s3.client import code_of
from evoke.ports.blob_store import BlobInfo

PART_BYTES = 16 << 20
"""Bytes that are sent at once; a blob of more is sent in parts of that size."""
SHA256, TOKEN = "sha256", "put"
"""Metadata of an object: the digest of its bytes, and which put has written it."""
_CONFLICTS = 5
_CONFLICT_PAUSE_S = 0.1


class Draft:
    """A blob that is being taken in: its digest has to be known before S3 takes its description.

    Kept in memory up to PART_BYTES, then in a temporary file.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=PART_BYTES)  # noqa: SIM115  # closed by `discard`
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._busy = threading.Lock()  # a cancelled put discards while a thread still works

    def write(self, chunk: bytes) -> None:
        """Add bytes. Raises OSError."""
        with self._busy:
            self._digest.update(chunk)
            self._file.write(chunk)
            self._size_bytes += len(chunk)

    def discard(self) -> None:
        """Remove what was taken in. Idempotent."""
        with self._busy:
            self._file.close()

    def send(self, client: Any, place: dict[str, str], key: str, media_type: str) -> BlobInfo:
        """Write the object. place: `Bucket` and `Key`.

        Raises ClientError (412 when it exists), BotoCoreError, OSError.
        """
        with self._busy:
            token = secrets.token_hex(16)
            info = BlobInfo(key, media_type, self._size_bytes, self._digest.hexdigest())
            described = {"ContentType": media_type, "Metadata": {SHA256: info.sha256, TOKEN: token}}
            try:
                _repeated(lambda: self._sent(client, place, described))
            except ClientError as error:
                if not (code_of(error) in ("PreconditionFailed", "412") and _is_ours(client, place, token)):
                    raise
        return info

    def _sent(self, client: Any, place: dict[str, str], described: dict[str, Any]) -> None:
        self._file.seek(0)
        if self._size_bytes <= PART_BYTES:
            client.put_object(**place, **described, Body=self._file.read(), IfNoneMatch="*")
            return
        upload = client.create_multipart_upload(**place, **described)["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            while part := self._file.read(PART_BYTES):
                number = len(parts) + 1
                sent = client.upload_part(**place, UploadId=upload, PartNumber=number, Body=part)
                parts.append({"ETag": sent["ETag"], "PartNumber": number})
            client.complete_multipart_upload(
                **place, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except BaseException:
            client.abort_multipart_upload(**place, UploadId=upload)
            raise


def _repeated(send: Callable[[], None]) -> None:
    """Try again when another put of the key was under way, which S3 tells by 409: one of them may have failed."""
    for attempt in range(_CONFLICTS):
        try:
            return send()
        except ClientError as error:
            if code_of(error) not in ("ConditionalRequestConflict", "409") or attempt == _CONFLICTS - 1:
                raise
            time.sleep(_CONFLICT_PAUSE_S * 2**attempt)
    return None


def _is_ours(client: Any, place: dict[str, str], token: str) -> bool:
    """A repeated request meets what the first one wrote, when only its answer was lost."""
    metadata: dict[str, str] = client.head_object(**place)["Metadata"]
    return metadata.get(TOKEN) == token
