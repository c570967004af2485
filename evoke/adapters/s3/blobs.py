"""Blobs as objects of a bucket. See `evoke/ports/blob_store.py` for what is promised."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from evoke.adapters.s3.client import Bucket, code_of, connect, translated
from evoke.adapters.s3.upload import SHA256, Draft
from evoke.domain.blob_keys import SUFFIX, stored_folder, stored_name
from evoke.domain.errors import InvalidInput, Unavailable
from evoke.ports.blob_store import BlobInfo

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
PREFIX = "blobs/"
"""Beginning of the names of all objects of this store: other things may lie in the bucket."""
_THREADS = 16


class S3BlobStore:
    """A `BlobStore` in a bucket. Blocking calls run on threads of its own."""

    def __init__(self, bucket: Bucket) -> None:
        """Connects with the first request."""
        self._bucket = bucket
        self._client = connect(bucket, _THREADS)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._closed = False

    async def put(self, key: str, data: AsyncIterator[bytes], media_type: str) -> BlobInfo:
        """See `BlobStore.put`. The bytes are taken in whole before they are sent."""
        place = self._place(key)
        draft = Draft()
        try:
            async for chunk in data:
                await self._run(key, partial(draft.write, chunk))
            return await self._run(key, partial(draft.send, self._client, place, key, media_type))
        finally:
            if self._closed:
                draft.discard()
            else:
                await asyncio.shield(self._run(key, draft.discard))

    async def stat(self, key: str) -> BlobInfo:
        """See `BlobStore.stat`."""
        place = self._place(key)
        return _described(key, await self._run(key, partial(self._client.head_object, **place)))

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """See `BlobStore.read`. Raises InvalidInput for a negative start or length.

        The digest of a blob that is read whole is verified before its end; Unavailable is raised when it does not fit.
        """
        if start < 0 or (length is not None and length < 0):
            raise InvalidInput("range", "must not be negative")
        place = self._place(key)
        if length == 0:
            await self.stat(key)
            return
        whole = start == 0 and length is None
        wanted = {} if whole else {"Range": f"bytes={start}-{'' if length is None else start + length - 1}"}
        found = await self._run(key, partial(_opened, self._client, {**place, **wanted}))
        if found is None:
            return
        digest = hashlib.sha256()
        body = found["Body"]
        try:
            while chunk := await self._run(key, partial(body.read, CHUNK_BYTES)):
                digest.update(chunk)
                yield chunk
        finally:
            body.close()
        if whole and digest.hexdigest() != found["Metadata"].get(SHA256):
            raise Unavailable(f"blob {key} is damaged: its digest does not fit")

    async def url(
        self, key: str, *, expires_s: float, media_type: str | None = None, disposition: str | None = None
    ) -> str | None:
        """See `BlobStore.url`: a presigned URL where the settings want it."""
        request = self._place(key)
        if not self._bucket.presigned:
            return None
        if media_type is not None:
            request["ResponseContentType"] = media_type
        if disposition is not None:
            request["ResponseContentDisposition"] = disposition
        sign = partial(
            self._client.generate_presigned_url, "get_object", Params=request, ExpiresIn=int(expires_s)
        )
        return str(await self._run(key, sign))

    async def delete(self, prefix: str) -> int:
        """See `BlobStore.delete`."""
        folder = f"{PREFIX}{stored_folder(prefix)}/"
        return await self._run(prefix, partial(_delete, self._client, self._bucket.name, folder))

    async def close(self) -> None:
        """See `BlobStore.close`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._client.close()

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": PREFIX + stored_name(key)}

    async def _run(self, key: str, work: Callable[[], T]) -> T:
        if self._closed:
            raise Unavailable("the blob store is closed")

        def job() -> T:
            try:
                with translated(key):
                    return work()
            except OSError as error:  # of the temporary file, or of a connection that broke off
                raise Unavailable(f"the blob store cannot be used: {error}") from error

        return await asyncio.get_running_loop().run_in_executor(self._threads, job)


def _described(key: str, head: dict[str, Any]) -> BlobInfo:
    digest = head["Metadata"].get(SHA256)
    if digest is None:
        raise Unavailable(f"blob {key} is damaged: its digest is missing")
    return BlobInfo(key, head["ContentType"], head["ContentLength"], digest)


def _opened(client: Any, request: dict[str, str]) -> dict[str, Any] | None:
    """The object, open for reading; None when the range begins behind its end."""
    try:
        found: dict[str, Any] = client.get_object(**request)
    except ClientError as error:
        if code_of(error) in ("InvalidRange", "416"):
            return None
        raise
    return found


def _delete(client: Any, bucket: str, folder: str) -> int:
    count = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
        names = [found["Key"] for found in page.get("Contents", ()) if found["Key"].endswith(SUFFIX)]
        if names:
            listed = {"Objects": [{"Key": name} for name in names], "Quiet": True}
            refused = client.delete_objects(Bucket=bucket, Delete=listed).get("Errors", ())
            if refused:
                raise Unavailable(f"the blob store did not delete {refused[0]['Key']}: {refused[0]['Code']}")
            count += len(names)
    return count
