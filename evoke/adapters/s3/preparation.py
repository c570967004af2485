"""Makes the bucket, at servers other than Amazon's: there, a bucket and its policies are the work of Terraform."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from evoke.adapters.s3.client import Bucket, code_of, connect, translated

_ABSENT = {"404", "NoSuchBucket"}
_MADE_MEANWHILE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def make_bucket(bucket: Bucket) -> str:
    """Make the bucket unless it is there; return a line that says which. Blocks. Raises Unavailable."""
    client = connect(bucket, 1)
    try:
        with translated(f"bucket {bucket.name}"):
            made = not _is_there(client, bucket.name) and _make(client, bucket)
    finally:
        client.close()
    return f"bucket {bucket.name}: {'made' if made else 'there'}"


def _is_there(client: Any, name: str) -> bool:
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if code_of(error) in _ABSENT:
            return False
        raise
    return True


def _make(client: Any, bucket: Bucket) -> bool:
    """False when somebody else was faster."""
    place = {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
    try:
        client.create_bucket(Bucket=bucket.name, **(place if bucket.region != "us-east-1" else {}))
    except ClientError as error:
        if code_of(error) in _MADE_MEANWHILE:
            return False
        raise
    return True
