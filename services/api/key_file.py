"""API keys: made once, shown once, kept as an id and an HMAC.

A key reads `evoke_<id>_<secret><checksum>`: 8 characters of id, 32 of secret (base 32: 160 random bits), 6 of
checksum, so that a scanner can tell a leaked key from chance and a typing error never reaches the store. The file
holds one JSON object a line, with a salt of its own for every key; it is read again when it changes, so keys can be
added and taken away while the API runs, and two live keys make a rotation.
"""

from __future__ import annotations

import base64
import hmac
import logging
import os
import re
import secrets
import zlib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec

from evoke.domain.errors import InvalidInput

_log = logging.getLogger(__name__)
_KEY = re.compile(r"evoke_([a-z2-7]{8})_([a-z2-7]{32})([0-9a-f]{6})")
_SECRET_BYTES = 20
_ID_BYTES = 5
SCOPES = ("read", "write", "query", "dlq", "operate")
"""read: see jobs; write: submit and cancel; query: SQL; dlq: replay and purge; operate: see letters of no tenant."""


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file. mac: HMAC-SHA-256 (hex) of the secret under `salt`. expires_ms: Unix time in ms."""

    id: str
    salt: str
    mac: str
    tenant: str
    scopes: frozenset[str]
    expires_ms: int | None = None


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()) & 0xFFFFFF:06x}"


def _mac(salt: str, secret: str) -> str:
    return hmac.new(salt.encode(), secret.encode(), sha256).hexdigest()


def _random_text(size_bytes: int) -> str:
    return base64.b32encode(secrets.token_bytes(size_bytes)).decode().rstrip("=").lower()


def create_key(path: Path, tenant: str, scopes: Iterable[str], expires_ms: int | None) -> str:
    """Add a key to the file, readable by its owner alone, and return it: the only time that it can be seen.

    Raises InvalidInput for a tenant or a scope that can't be.
    """
    wanted = frozenset(scopes)
    if not wanted <= {*SCOPES, "*"}:
        raise InvalidInput("scopes", f"must be among {', '.join(SCOPES)} or *")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", tenant):
        raise InvalidInput("tenant", "must be 1 to 63 letters, digits, - or _")
    key_id, secret, salt = _random_text(_ID_BYTES), _random_text(_SECRET_BYTES), secrets.token_hex(16)
    stored = StoredKey(
        id=key_id, salt=salt, mac=_mac(salt, secret), tenant=tenant, scopes=wanted, expires_ms=expires_ms
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(msgspec.json.encode(stored) + b"\n")
    body = f"evoke_{key_id}_{secret}"
    return body + _checksum(body)


class KeyFile:
    """The keys of a file, by id. `refresh` reads it again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises InvalidInput when it can't be read or holds a line that is no key."""
        self._path = path
        self._stamp: tuple[int, int] = (-1, -1)
        self._keys: dict[str, StoredKey] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file again when it has changed. Raises InvalidInput, and then keeps the keys that it had."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp == self._stamp:
                return
            lines = self._path.read_bytes().splitlines()
            keys = [msgspec.json.decode(line, type=StoredKey) for line in lines if line.strip()]
        except (OSError, msgspec.DecodeError) as error:
            raise InvalidInput("EVOKE_API_KEYS_FILE", f"{self._path}: {error}") from error
        self._keys = {key.id: key for key in keys}
        self._stamp = stamp
        _log.info("API keys were read", extra={"keys": len(keys)})

    @property
    def tenants(self) -> tuple[str, ...]:
        """All tenants that have a key."""
        return tuple(dict.fromkeys(key.tenant for key in self._keys.values()))

    def find(self, key: str, now_ms: int) -> StoredKey | None:
        """The stored key that `key` opens; None when it is wrong or has expired. Compares in constant time."""
        parts = _KEY.fullmatch(key)
        if parts is None or not hmac.compare_digest(_checksum(key[:-6]), parts[3]):
            return None
        stored = self._keys.get(parts[1])
        expected = stored.mac if stored is not None else _mac("", "")
        matches = hmac.compare_digest(_mac(stored.salt if stored else "", parts[2]), expected)
        if stored is None or not matches:
            return None
        return stored if stored.expires_ms is None or now_ms < stored.expires_ms else None
