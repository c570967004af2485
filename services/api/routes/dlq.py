"""Dead letters over HTTP: list, look, replay and purge, one by one or many."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from evoke.domain.errors import ErrorClass, InvalidInput
from evoke.hot_view import Letter
from services.api.context import Context
from services.api.dead_letters import DeadLetters, LetterFilter
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.json_door import read_json
from services.api.operations import CURSOR, LIMIT, Answer, Operation, Parameter
from services.api.parameters import limit_of
from services.api.routes.examples import ID, SUBMISSION
from services.api.routes.jobs import next_link
from services.api.schemas.jobs import ErrorDocument, timestamp
from services.api.waiting import require_ready

_AT_ONCE = 1000
_BUDGET_S = 20.0
_encode = msgspec.json.Encoder().encode


class LetterDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was put aside. job_id, tenant and model are empty when its bytes could not be decoded."""

    id: str
    job_id: str
    queue: str
    model: str
    error: ErrorDocument
    attempts: int
    dead_lettered_at: str | None
    origin: str


class LetterDetail(LetterDocument, frozen=True, kw_only=True):
    """With the request: as JSON where it is JSON, and as raw bytes in base 64."""

    request: Any
    request_base64: str


class LetterPage(msgspec.Struct, frozen=True):
    """Outstanding letters, newest first. total: how many match in all."""

    items: list[LetterDocument]
    next: str | None
    total: int


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters: by error, by queue, by both, or `"all": true`."""

    error: str | None = None
    queue: str | None = None
    all: bool = False


class ReplayedLetter(msgspec.Struct, frozen=True):
    """A letter and the job that repeats it."""

    letter_id: str
    job_id: str


class RefusedLetter(msgspec.Struct, frozen=True):
    """A letter that could not be replayed, and why."""

    letter_id: str
    code: str
    message: str


class ReplayReport(msgspec.Struct, frozen=True):
    """remaining: letters that match and are still outstanding: ask again, or look at `refused`."""

    replayed: list[ReplayedLetter]
    refused: list[RefusedLetter]
    remaining: int


class PurgeReport(msgspec.Struct, frozen=True):
    """How many were thrown away, and how many that match are still outstanding."""

    purged: int
    remaining: int


_selection = msgspec.json.Decoder(Selection)


class DlqRoutes:
    """`/v1/dlq`."""

    def __init__(self, context: Context, letters: DeadLetters) -> None:
        self._context = context
        self._letters = letters

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/dlq`."""
        require_ready(self._context)
        limit = limit_of(exchange)
        wanted = _filter(exchange.query.get("queue"), exchange.query.get("error"))
        letters = sorted(self._letters.newest_first(exchange.principal, wanted), key=_age, reverse=True)
        after = _cursor_of(exchange)
        page = [letter for letter in letters if after is None or _age(letter) < after]
        following = None
        if len(page) > limit:
            following = f"{page[limit - 1].time_ms}.{page[limit - 1].id}"
        said = LetterPage([_document(letter) for letter in page[:limit]], following, len(letters))
        return Reply(200, _encode(said), JSON, next_link(exchange, following))

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/dlq/{letter}`."""
        require_ready(self._context)
        letter = self._letters.get(exchange.principal, exchange.parameters["letter"])
        raw = await self._letters.request_bytes(letter)
        fields = {name: getattr(_document(letter), name) for name in LetterDocument.__struct_fields__}
        said = LetterDetail(
            **fields, request=_json_or_none(raw), request_base64=base64.b64encode(raw).decode()
        )
        return Reply(200, _encode(said))

    async def replay(self, exchange: Exchange) -> AnyReply:
        """`POST /v1/dlq/{letter}/replay`."""
        require_ready(self._context)
        letter = self._letters.get(exchange.principal, exchange.parameters["letter"])
        job_id = await self._letters.replay(letter, exchange.traceparent)
        location = [(b"location", f"/v1/jobs/{job_id}".encode())]
        return Reply(202, _encode(ReplayedLetter(letter.id, job_id)), JSON, location)

    async def purge(self, exchange: Exchange) -> AnyReply:
        """`DELETE /v1/dlq/{letter}`."""
        require_ready(self._context)
        await self._letters.purge(self._letters.get(exchange.principal, exchange.parameters["letter"]))
        return Reply(204, b"")

    async def replay_many(self, exchange: Exchange) -> AnyReply:
        """`POST /v1/dlq/replay`."""
        wanted, letters = await self._selected(exchange)
        done, refused = await self._letters.each(letters, _BUDGET_S, True, exchange.traceparent)
        said = ReplayReport(
            [ReplayedLetter(letter, job) for letter, job in done.items() if job is not None],
            [RefusedLetter(letter, error.code, str(error)) for letter, error in refused.items()],
            self._count(exchange, wanted),
        )
        return Reply(202, _encode(said))

    async def purge_many(self, exchange: Exchange) -> AnyReply:
        """`POST /v1/dlq/purge`."""
        wanted, letters = await self._selected(exchange)
        done, refused = await self._letters.each(letters, _BUDGET_S, False, exchange.traceparent)
        for error in refused.values():
            raise error
        return Reply(200, _encode(PurgeReport(len(done), self._count(exchange, wanted))))

    async def _selected(self, exchange: Exchange) -> tuple[LetterFilter, list[Letter]]:
        require_ready(self._context)
        asked = await read_json(exchange, _selection, self._context.settings.max_body_bytes)
        if asked.all is (asked.error is not None or asked.queue is not None):
            raise InvalidInput("body", 'must name "error" or "queue", or say "all": true')
        wanted = _filter(asked.queue, asked.error)
        return wanted, list(self._letters.newest_first(exchange.principal, wanted))[:_AT_ONCE]

    def _count(self, exchange: Exchange, wanted: LetterFilter) -> int:
        return sum(1 for _letter in self._letters.newest_first(exchange.principal, wanted))

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="GET",
                path="/v1/dlq",
                handler=self.page,
                scope="read",
                tag="dead letters",
                summary="List dead letters, newest first",
                parameters=(_QUEUE, _ERROR, LIMIT, CURSOR),
                answers={200: Answer(said="A page.", body=LetterPage)},
                refusals=(422, 503),
            ),
            Operation(
                method="POST",
                path="/v1/dlq/replay",
                handler=self.replay_many,
                scope="dlq",
                tag="dead letters",
                summary="Replay many dead letters",
                said=f"At most {_AT_ONCE} at once; `remaining` says whether to ask again.",
                body=Selection,
                body_example={"error": "poison"},
                answers={202: Answer(said="What was replayed.", body=ReplayReport)},
                refusals=(400, 413, 415, 422, 503),
            ),
            Operation(
                method="POST",
                path="/v1/dlq/purge",
                handler=self.purge_many,
                scope="dlq",
                tag="dead letters",
                summary="Throw many dead letters away",
                said=f"At most {_AT_ONCE} at once; `remaining` says whether to ask again.",
                body=Selection,
                body_example={"queue": "txt2img_generation", "error": "poison"},
                answers={200: Answer(said="How many went.", body=PurgeReport)},
                refusals=(400, 413, 415, 422, 503, 507),
            ),
            Operation(
                method="GET",
                path="/v1/dlq/{letter}",
                handler=self.get,
                scope="read",
                tag="dead letters",
                summary="Look at a dead letter",
                parameters=(_LETTER,),
                answers={
                    200: Answer(said="The letter with its request.", body=LetterDetail, example=_DETAIL)
                },
                refusals=(404, 503),
            ),
            Operation(
                method="DELETE",
                path="/v1/dlq/{letter}",
                handler=self.purge,
                scope="dlq",
                tag="dead letters",
                summary="Throw a dead letter away",
                parameters=(_LETTER,),
                answers={204: Answer(said="It is gone.")},
                refusals=(404, 503, 507),
            ),
            Operation(
                method="POST",
                path="/v1/dlq/{letter}/replay",
                handler=self.replay,
                scope="dlq",
                tag="dead letters",
                summary="Replay a dead letter",
                said="A replay is a new job that names the old one (`replay_of`).",
                parameters=(_LETTER,),
                answers={202: Answer(said="The new job.", body=ReplayedLetter)},
                refusals=(404, 409, 429, 503, 507),
            ),
        )


def _age(letter: Letter) -> tuple[int, str]:
    return letter.time_ms, letter.id


def _cursor_of(exchange: Exchange) -> tuple[int, str] | None:
    raw = exchange.query.get("cursor")
    if raw is None:
        return None
    time_ms, separator, letter_id = raw.partition(".")
    if not separator or not time_ms.isascii() or not time_ms.isdigit() or len(time_ms) > 15:
        raise InvalidInput("cursor", "is no cursor of this API")
    return int(time_ms), letter_id


def _filter(queue: str | None, error: str | None) -> LetterFilter:
    if error is not None and error not in list(ErrorClass):
        raise InvalidInput("error", f"must be one of {', '.join(ErrorClass)}")
    return LetterFilter(queue=queue, error=error)


def _document(letter: Letter) -> LetterDocument:
    return LetterDocument(
        id=letter.id,
        job_id=letter.job_id,
        queue=letter.queue,
        model=letter.model,
        error=ErrorDocument(letter.error.value, letter.message),
        attempts=letter.attempts,
        dead_lettered_at=timestamp(letter.time_ms),
        origin=letter.origin,
    )


def _json_or_none(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_LETTER = Parameter(
    name="letter", place="path", schema={"type": "string"}, said="The letter's id, or its job's.", example=ID
)
_QUEUE = Parameter(name="queue", place="query", schema={"type": "string"}, said="Letters of this queue.")
_ERROR = Parameter(
    name="error",
    place="query",
    schema={"type": "string", "enum": [each.value for each in ErrorClass]},
    said="Letters with this error.",
)
_DETAIL = {
    "id": ID,
    "job_id": ID,
    "queue": "txt2img_generation",
    "model": "shapes-64",
    "error": {"code": "poison", "message": "the job ended its worker 3 times"},
    "attempts": 3,
    "dead_lettered_at": "2026-01-31T12:00:09.000Z",
    "origin": "sidecar-1",
    "request": SUBMISSION,
    "request_base64": "eyJ0eXBlIjoicmVxdWVzdGVkLnYxIn0=",
}
