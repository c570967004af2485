"""The console's own files, read once: a name that is not among them does not exist, whatever it says."""

from __future__ import annotations

from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
from starlette.responses import Response

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class _File(msgspec.Struct, frozen=True):
    body: bytes
    media_type: str
    tag: str


class StaticFiles:
    """What `/static/` serves: small files that a browser asks for again only to hear that nothing changed."""

    def __init__(self) -> None:
        """Reads `static/`."""
        self._files: dict[str, _File] = {}
        self._read(files("services.console") / "static", "")

    def answer(self, name: str, seen: str | None) -> Response:
        """The file of that name. seen: the browser's `If-None-Match`."""
        found = self._files.get(name)
        if found is None:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        headers = {"etag": found.tag, "cache-control": "no-cache", "x-content-type-options": "nosniff"}
        if seen is not None and found.tag in seen:
            return Response(None, 304, headers)
        return Response(found.body, 200, headers, found.media_type)

    def _read(self, folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            name = prefix + entry.name
            if entry.is_dir():
                self._read(entry, name + "/")
                continue
            media_type = _MEDIA_TYPES.get(name[name.rfind(".") :])
            if media_type is not None:
                body = entry.read_bytes()
                self._files[name] = _File(body, media_type, f'"{blake2b(body, digest_size=8).hexdigest()}"')
