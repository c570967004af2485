"""Where weights come from: the addresses that a catalogue's `source.uri` may have."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from evoke.domain.errors import InvalidInput

DEFAULT_REVISION = "main"
KINDS = "hf:ORG/NAME@REVISION, https://…, s3://BUCKET/KEY, package:PATH, or a local path"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}")


class OnHub(msgspec.Struct, frozen=True):
    """A repository of the Hugging Face hub at a revision: a branch, a tag or a commit."""

    repository: str
    revision: str


class OnWeb(msgspec.Struct, frozen=True):
    """A single file. `http` is allowed for tests and private networks."""

    url: str


class InBucket(msgspec.Struct, frozen=True):
    """An object of S3, or with a key that ends in `/` all objects below it."""

    bucket: str
    key: str


class InPackage(msgspec.Struct, frozen=True):
    """A path inside evoke's own code."""

    path: str


class OnDisk(msgspec.Struct, frozen=True):
    """A file or folder of this machine; a relative path starts at the catalogue's folder."""

    path: str


Place = OnHub | OnWeb | InBucket | InPackage | OnDisk


def place_of(uri: str) -> Place:
    """Parse a `source.uri`. Raises InvalidInput, never repeating what may be a secret in it."""
    kind, colon, rest = uri.partition(":")
    if not uri.strip() or len(uri) > 2000:
        raise InvalidInput("source.uri", f"must be {KINDS}, at most 2000 characters")
    if not colon:
        return OnDisk(uri)
    match kind:
        case "hf":
            return _on_hub(rest)
        case "https" | "http":
            return _on_web(uri)
        case "s3":
            return _in_bucket(rest)
        case "package":
            return InPackage(rest)
        case "file":
            return OnDisk(rest.removeprefix("//"))
    raise InvalidInput("source.uri", f"{kind[:20]!r} is no kind of source; it must be {KINDS}")


def shown(uri: str) -> str:
    """The address as it may be printed and logged: without user, password, query and fragment."""
    parts = urlsplit(uri) if uri.startswith(("http://", "https://")) else None
    if parts is None:
        return uri
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")


def file_name(place: OnWeb | InBucket) -> str:
    """The name of the single file that is meant, empty where there is none."""
    path = urlsplit(place.url).path if isinstance(place, OnWeb) else place.key
    return path.rpartition("/")[2]


def _on_hub(text: str) -> OnHub:
    repository, at, revision = text.partition("@")
    if not _REPOSITORY.fullmatch(repository) or ".." in repository:
        raise InvalidInput("source.uri", f"hf:{text[:100]} must be hf:ORG/NAME@REVISION")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise InvalidInput("source.uri", f"{revision[:100]!r} is no revision of {repository}")
    return OnHub(repository, revision or DEFAULT_REVISION)


def _on_web(uri: str) -> OnWeb:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        parts.port  # noqa: B018  # raises for a port that is none
    except ValueError:
        host = None
    if not host:
        raise InvalidInput("source.uri", f"{shown(uri)[:200]} is no URL")
    if parts.username or parts.password:
        raise InvalidInput("source.uri", "must hold no user or password; give tokens in EVOKE_MODELS_TOKENS")
    if not file_name(OnWeb(uri)):
        raise InvalidInput("source.uri", f"{shown(uri)[:200]} must name a file")
    return OnWeb(uri)


def _in_bucket(rest: str) -> InBucket:
    bucket, slash, key = rest.removeprefix("//").partition("/")
    if not rest.startswith("//") or not _BUCKET.fullmatch(bucket) or not slash or not key.strip("/"):
        raise InvalidInput("source.uri", f"s3:{rest[:100]} must be s3://BUCKET/KEY, or s3://BUCKET/PREFIX/")
    return InBucket(bucket, key)
