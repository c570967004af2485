"""Which keys a blob may have, and under which names stores keep them.

The parts of a key are the names of folders, and the last one with `.blob` is the blob's, so that the keys `a` and
`a/b` can both exist where a store lies on a file system, as many S3 servers do.
"""

from __future__ import annotations

from evoke.domain.errors import InvalidInput

MAX_KEY_BYTES = 1024
MAX_NAME_BYTES = 200
SUFFIX = ".blob"


def stored_name(key: str) -> str:
    """Return the path, relative and `/`-separated, of a key's blob. Raises InvalidInput for one that is no key."""
    *folders, name = _parts("key", key)
    return "/".join((*map(_folder_name, folders), name + SUFFIX))


def stored_folder(prefix: str) -> str:
    """Return the path, without a `/` at its end, below which all keys with that prefix lie. Raises InvalidInput."""
    if not prefix.endswith("/"):
        raise InvalidInput("prefix", "must end in /")
    return "/".join(map(_folder_name, _parts("prefix", prefix[:-1])))


def _parts(field: str, key: str) -> list[str]:
    if len(key.encode(errors="replace")) > MAX_KEY_BYTES or not key.isprintable():
        raise InvalidInput(field, f"{key[:80]!r}: must be printable, of at most {MAX_KEY_BYTES} bytes")
    parts = key.split("/")
    if any(part in ("", ".", "..") or len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise InvalidInput(
            field, f"{key[:80]!r}: parts are names of 1 to {MAX_NAME_BYTES} bytes, not . or .."
        )
    return parts


def _folder_name(part: str) -> str:
    """A folder's name is its part of the key, but never one that a blob could have."""
    escaped = part.replace("%", "%25")
    return escaped.removesuffix(SUFFIX) + "%2Eblob" if escaped.endswith(SUFFIX) else escaped
