"""The table of what the API can do: each operation once, with its handler and what the document says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from services.api.exchange import AnyReply, Exchange

Handler = Callable[[Exchange], Awaitable[AnyReply]]
Place = Literal["path", "query", "header"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of an operation. schema: JSON Schema."""

    name: str
    place: Place
    schema: dict[str, Any]
    said: str
    example: Any = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. body: the struct that it holds, None for none or for other media types, which `schema` describes."""

    said: str
    body: Any = None
    example: Any = None
    media_type: str = "application/json"
    schema: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    scope: what a key must be allowed, None where no key is asked for. body: the struct of its JSON body.
    uploads: media types that its body may have instead of JSON. form_field: where a form among them has the file.
    shown_path: how the document spells the path, where people know another spelling.
    """

    method: str
    path: str
    handler: Handler
    scope: str | None
    tag: str
    summary: str
    said: str = ""
    parameters: Sequence[Parameter] = ()
    body: Any = None
    body_example: Any = None
    uploads: Sequence[str] = ()
    form_field: str = "file"
    answers: Mapping[int, Answer] = {}
    refusals: Sequence[int] = ()
    shown_path: str | None = None


JOB_ID = Parameter(
    name="id",
    place="path",
    schema={"type": "string", "maxLength": 100},
    said="The job's id.",
    example="019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f",
)
LIMIT = Parameter(
    name="limit",
    place="query",
    schema={"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    said="How many to return at most.",
)
CURSOR = Parameter(name="cursor", place="query", schema={"type": "string"}, said="`next` of the page before.")
RANGE = Parameter(
    name="Range",
    place="header",
    schema={"type": "string"},
    said="One range of bytes.",
    example="bytes=0-1023",
)
MIN_POSITION = Parameter(
    name="min_position",
    place="query",
    schema={"type": "string"},
    said="A `position` that this API gave: the answer is at least as new, or 503.",
)
