"""Requests to a catalog behind AWS's own authentication, such as Glue's, are signed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from evoke.adapters.iceberg.rest import RestPlace, rest_home


class Catalog(BaseHTTPRequestHandler):
    authorizations: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.authorizations.append(self.headers["Authorization"])
        body = json.dumps({"defaults": {}, "overrides": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def uri(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    Catalog.authorizations.clear()
    server = HTTPServer(("127.0.0.1", 0), Catalog)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/iceberg"
    server.shutdown()
    server.server_close()


def test_they_are_signed_for_the_service_and_the_region(uri: str) -> None:
    rest_home(RestPlace(uri, "123456789012", "evoke", "eu-central-1", None, "glue"))
    (told,) = Catalog.authorizations
    assert told is not None
    assert told.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/glue/aws4_request" in told


def test_they_are_not_signed_where_nothing_is_said(uri: str) -> None:
    rest_home(RestPlace(uri, None, "evoke", "eu-central-1", None))
    assert len(Catalog.authorizations) == 1
    assert "AWS4" not in str(Catalog.authorizations)
