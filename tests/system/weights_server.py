"""An HTTP server that serves files as the web and as the Hugging Face hub does, with faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BLOCK_BYTES = 64 << 10


def safetensors(weights: bytes) -> bytes:
    """A `.safetensors` file with one tensor of these bytes."""
    header = json.dumps(
        {"w": {"dtype": "U8", "shape": [len(weights)], "data_offsets": [0, len(weights)]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + weights


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients break off on purpose."""


class WeightsServer:
    """Files by their path. Tests change the attributes at any time.

    token: asked for as a bearer token. cut_after: a reply breaks off after so many bytes, so often as `cuts` says.
    ranges: whether parts can be asked for. moved_to: a host name to which `/resolve/` is redirected, at the same port.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.token = ""
        self.gated = False
        self.ranges = True
        self.tags = True
        self.cut_after = 0
        self.cuts = 0
        self.moved_to = ""
        self.status = 0
        self.sent = Counter[str]()
        self.asked: list[tuple[str, str, str]] = []
        """(path, range, authorization) of every request for a file."""
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                world._answer(self)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        authorization = request.headers.get("authorization", "")
        if path.startswith("/api/models/"):
            self._list(request, path, authorization)
            return
        self.asked.append((path, request.headers.get("range", ""), authorization))
        if self.status:
            _plain(request, self.status)
        elif self.token and "/cdn/" not in path and authorization != f"Bearer {self.token}":
            _plain(request, 401)
        elif "/resolve/" in path and self.moved_to and not path.startswith("/cdn/"):
            target = f"http://{self.moved_to}:{self.port}/cdn{path}"
            _plain(request, 302, {"location": target})
        elif (content := self._content(path.removeprefix("/cdn"))) is None:
            _plain(request, 404)
        else:
            self._send(request, path, content)

    def _content(self, path: str) -> bytes | None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if found is None:
            return self.files.get(path)
        return self.repositories.get(found[1], {}).get(found[3]) if found[2] in (COMMIT, "main") else None

    def _list(self, request: BaseHTTPRequestHandler, path: str, authorization: str) -> None:
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path)
        files = self.repositories.get(found[1]) if found is not None else None
        if self.gated and authorization != f"Bearer {self.token}":
            _plain(request, 403, {"x-error-code": "GatedRepo"})
        elif files is None or found is None or (self.token and authorization != f"Bearer {self.token}"):
            _plain(request, 401 if files is None else 404, {"x-error-code": "RepoNotFound"})
        elif found[2] not in ("main", COMMIT):
            _plain(request, 404, {"x-error-code": "RevisionNotFound"})
        else:
            siblings = [_sibling(name, content) for name, content in files.items()]
            body = json.dumps(
                {"id": found[1], "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
            )
            _plain(request, 200, {"content-type": "application/json"}, body.encode())

    def _send(self, request: BaseHTTPRequestHandler, path: str, content: bytes) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", "")) if self.ranges else None
        start = int(wanted[1]) if wanted is not None else 0
        end = int(wanted[2]) + 1 if wanted is not None and wanted[2] else len(content)
        if wanted is not None and start >= len(content) and start:
            _plain(request, 416, {"content-range": f"bytes */{len(content)}", **self._tag(content)})
            return
        request.send_response(206 if wanted is not None else 200)
        if wanted is not None:
            request.send_header("content-range", f"bytes {start}-{end - 1}/{len(content)}")
        for name, value in self._tag(content).items():
            request.send_header(name, value)
        request.send_header("content-length", str(end - start))
        request.end_headers()
        self._write(request, path, content[start:end])

    def _write(self, request: BaseHTTPRequestHandler, path: str, content: bytes) -> None:
        """Send in blocks, perhaps not all of it."""
        end = len(content)
        if self.cuts and self.cut_after < end:
            self.cuts -= 1
            end = self.cut_after
        try:
            for start in range(0, end, BLOCK_BYTES):
                block = content[start : min(start + BLOCK_BYTES, end)]
                request.wfile.write(block)
                self.sent[path] += len(block)
        except OSError:
            request.close_connection = True
        if end < len(content):
            request.close_connection = True

    def _tag(self, content: bytes) -> dict[str, str]:
        return {"etag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'} if self.tags else {}


def _sibling(name: str, content: bytes) -> dict[str, object]:
    git = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    told: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": git}
    if name.endswith((".safetensors", ".bin")):
        digest = hashlib.sha256(content).hexdigest()
        told |= {"blobId": "0" * 40, "lfs": {"sha256": digest, "size": len(content), "pointerSize": 134}}
    return told


def _plain(
    request: BaseHTTPRequestHandler, status: int, headers: dict[str, str] | None = None, body: bytes = b""
) -> None:
    request.send_response(status)
    for name, value in {**(headers or {}), "content-length": str(len(body))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def weights_server() -> Iterator[WeightsServer]:
    """A server that is stopped at the end of the block."""
    server = WeightsServer()
    try:
        yield server
    finally:
        server.stop()
