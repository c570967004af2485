"""The S3 client: its time-outs and retries, and its errors in evoke's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from evoke.domain.errors import BlobExists, BlobMissing, EvokeError, StorageFull, Unavailable

CONNECT_S, READ_S, ATTEMPTS = 3.0, 20.0, 4
"""Time-outs of one try, and how often it is tried, with growing pauses between."""
_ABSENT = {"NoSuchKey", "404", "NotFound", "NoSuchUpload"}
_PRESENT = {"PreconditionFailed", "412"}
_FULL = {"InsufficientStorage", "507", "QuotaExceeded", "XMinioStorageFull", "EntityTooLargeForQuota"}


@dataclass(frozen=True)
class Bucket:
    """Where the blobs lie. endpoint: URL of a server other than Amazon's. presigned: give URLs to download from."""

    name: str
    region: str
    endpoint: str | None = None
    path_style: bool = False
    presigned: bool = False


def connect(bucket: Bucket, threads: int) -> Any:
    """Return a client for so many threads; credentials come by the usual chain, when the first request is sent."""
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=threads,
        tcp_keepalive=True,
        signature_version="s3v4",  # else the URLs are signed in a way that newer regions and other servers refuse
        s3={"addressing_style": "path" if bucket.path_style else "auto"},
    )
    session = boto3.session.Session(region_name=bucket.region)
    return session.client("s3", endpoint_url=bucket.endpoint, config=config)


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Raise what the client raises as errors of the contract."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error, key) from error
    except BotoCoreError as error:
        raise Unavailable(f"the blob store does not answer: {error}") from error


def code_of(error: ClientError) -> str:
    """The server's name of what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meaning(error: ClientError, key: str) -> EvokeError:
    code = code_of(error)
    if code in _ABSENT:
        return BlobMissing(f"there is no blob {key}")
    if code in _PRESENT:
        return BlobExists(f"{key} exists")
    if code in _FULL:
        return StorageFull("no space is left for blobs")
    return Unavailable(f"the blob store answers {code}: {error.response.get('Error', {}).get('Message', '')}")
