"""The document and the page that shows it; nothing comes from another host."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec

from evoke.domain.catalogue import Catalogue
from evoke.domain.errors import NotFound
from services.api.exchange import AnyReply, Exchange, Reply
from services.api.openapi import openapi_document
from services.api.operations import Answer, Handler, Operation
from services.api.problems import Headers

_FILES = {
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", b"text/javascript; charset=utf-8"),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", b"text/css; charset=utf-8"),
    "docs.js": ("docs.js", b"text/javascript; charset=utf-8"),
}
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; frame-ancestors 'none'"
)
_SAFE: Headers = [(b"x-content-type-options", b"nosniff"), (b"content-security-policy", _POLICY)]


class DocumentRoutes:
    """`/openapi.json` and `/docs`."""

    def __init__(self, operations: Sequence[Operation], catalogue: Catalogue) -> None:
        """operations: all others; the document is made from them here, once."""
        document = openapi_document((*operations, *self.operations), catalogue)
        self._document = Reply(200, msgspec.json.encode(document))

    async def document(self, exchange: Exchange) -> AnyReply:
        """`GET /openapi.json`."""
        return self._document

    async def docs(self, exchange: Exchange) -> AnyReply:
        """`GET /docs`."""
        return Reply(200, _read("docs.html"), b"text/html; charset=utf-8", _SAFE)

    async def file(self, exchange: Exchange) -> AnyReply:
        """`GET /docs/{file}`: what the page needs."""
        found = _FILES.get(exchange.parameters["file"])
        if found is None:
            raise NotFound("the page has no such file")
        headers: Headers = [*_SAFE, (b"cache-control", b"public, max-age=86400")]
        return Reply(200, _read(found[0]), found[1], headers)

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table. Only the document itself is part of the document."""
        return (
            Operation(
                method="GET",
                path="/openapi.json",
                handler=self.document,
                scope=None,
                tag="operation",
                summary="This document",
                answers={200: Answer(said="OpenAPI 3.1.", body=dict[str, Any])},
            ),
        )

    @property
    def pages(self) -> Sequence[Operation]:
        """Rows that the document does not show."""
        return (_page("/docs", self.docs), _page("/docs/{file}", self.file))


def _page(path: str, handler: Handler) -> Operation:
    return Operation(method="GET", path=path, handler=handler, scope=None, tag="pages", summary="")


def _read(name: str) -> bytes:
    return (resources.files("services.api") / "static" / name).read_bytes()
