"""Objects of a bucket: one by its key, or all below a prefix. See `evoke/ports/weights_source.py`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from evoke.domain.errors import EvokeError, InvalidInput, NotFound, Unavailable
from evoke.domain.weights_place import InBucket, file_name
from evoke.ports.weights_source import Listing, RemoteFile

CONNECT_S, READ_S, ATTEMPTS = 5.0, 60.0, 4
PIECE_BYTES = 1 << 20


class BucketSource:
    """A `WeightsSource` of a bucket. Credentials come by the usual AWS chain."""

    def __init__(self, place: InBucket, *, region: str, endpoint: str | None, path_style: bool) -> None:
        self._place = place
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            s3={"addressing_style": "path" if path_style else "auto"},
        )
        session = boto3.session.Session(region_name=region)
        self._client: Any = session.client("s3", endpoint_url=endpoint, config=config)
        self._what = f"s3://{place.bucket}/{place.key}"

    def listing(self) -> Listing:
        """See `WeightsSource.listing`. A lone object's version is its entity tag; a prefix has none."""
        if not self._place.key.endswith("/"):
            return self._of_one()
        with _told(self._what):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.bucket, Prefix=self._place.key
            )
            objects = [entry for page in pages for entry in page.get("Contents", [])]
        files = [
            RemoteFile(name=entry["Key"].removeprefix(self._place.key), size_bytes=entry["Size"])
            for entry in objects
            if not entry["Key"].endswith("/")
        ]
        if not files:
            raise NotFound(f"there is nothing below {self._what}")
        return Listing(files=files, version="")

    def read(self, file: RemoteFile, start: int, version: str) -> tuple[int, Iterator[bytes]]:
        """See `WeightsSource.read`."""
        key = self._place.key + (file.name if self._place.key.endswith("/") else "")
        whole = {"Bucket": self._place.bucket, "Key": key}
        part = (
            {**whole, "Range": f"bytes={start}-", **({"IfMatch": version} if version else {})}
            if start
            else whole
        )
        with _told(self._what):
            try:
                found = self._client.get_object(**part)
            except ClientError as error:
                if not start or _status(error) not in (412, 416):
                    raise
                start, found = 0, self._client.get_object(**whole)
        return start, _pieces(found["Body"], self._what)

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def _of_one(self) -> Listing:
        with _told(self._what):
            head = self._client.head_object(
                Bucket=self._place.bucket, Key=self._place.key, ChecksumMode="ENABLED"
            )
        checksum = head.get("ChecksumSHA256") if head.get("ChecksumType") == "FULL_OBJECT" else None
        file = RemoteFile(
            name=file_name(self._place),
            size_bytes=head["ContentLength"],
            sha256=base64.b64decode(checksum).hex() if checksum else None,
        )
        return Listing(files=[file], version=head.get("ETag", ""), single=True)


def _pieces(body: Any, what: str) -> Iterator[bytes]:
    with _told(what):
        try:
            while piece := body.read(PIECE_BYTES):
                yield piece
        finally:
            body.close()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise what the client raises as errors of the contract."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error, what) from error
    except BotoCoreError as error:
        raise Unavailable(f"{what} can't be fetched: {type(error).__name__}") from error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _meaning(error: ClientError, what: str) -> EvokeError:
    status = _status(error)
    if status == 404:
        return NotFound(f"{what} does not exist")
    if status in (401, 403):
        return InvalidInput("source.uri", f"{what} must not be read with these credentials (HTTP {status})")
    return Unavailable(f"{what} can't be fetched: HTTP {status}")
