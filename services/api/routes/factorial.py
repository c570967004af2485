"""The doors of the stand-in: `/factorial`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from evoke.domain.errors import InvalidInput, NotFound
from evoke.domain.events import Failed, Succeeded
from evoke.domain.job import Job
from services.api.context import Context
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.lookup import Lookup
from services.api.operations import Answer, Operation, Parameter
from services.api.routes.examples import ID
from services.api.schemas.jobs import ErrorDocument
from services.api.submission import Submissions, Wanted
from services.api.waiting import reach_min_position, require_ready

TASK = "factorial"
DOOR = "factorial"
_MOST_DIGITS = 8 << 20
_encode = msgspec.json.Encoder().encode


class FactorialAccepted(msgspec.Struct, frozen=True):
    """Where to ask for the result."""

    id: str


class FactorialDocument(msgspec.Struct, frozen=True, kw_only=True):
    """input: the number. output: its factorial in decimal digits, null until done."""

    id: str
    input: int | None
    status: str
    output: str | None
    error: ErrorDocument | None


class FactorialRoutes:
    """`/factorial?no=` and `/factorial/result?id=`."""

    def __init__(self, context: Context, submissions: Submissions, lookup: Lookup) -> None:
        self._context = context
        self._submissions = submissions
        self._lookup = lookup

    async def submit(self, exchange: Exchange) -> AnyReply:
        """`GET /factorial?no=N`."""
        require_ready(self._context)
        model = self._context.catalogue.default(TASK)
        check = self._context.checks[model.id]
        given: dict[str, Any] = {"no": exchange.query["no"]} if "no" in exchange.query else {}
        wanted = Wanted(
            tenant=exchange.tenant,
            model=model,
            input=check.complete(check.from_text(given), "query"),
            door=DOOR,
            traceparent=exchange.traceparent,
        )
        accepted = await self._submissions.submit(wanted)
        location = [
            (b"location", f"/factorial/result?id={accepted.job_id}".encode()),
            (b"cache-control", b"no-store"),
        ]
        return Reply(202, _encode(FactorialAccepted(accepted.job_id)), JSON, location)

    async def result(self, exchange: Exchange) -> AnyReply:
        """`GET /factorial/result?id=ID`."""
        require_ready(self._context)
        job_id = exchange.query.get("id")
        if job_id is None:
            raise InvalidInput("id", "is required")
        await reach_min_position(self._context, exchange)
        job = (await self._lookup.find(exchange.tenant, job_id)).job
        if job.requested is None or "no" not in job.requested.input:
            raise NotFound(f"there is no factorial {job_id[:80]!r}")
        said = FactorialDocument(
            id=job.id,
            input=job.requested.input["no"],
            status=job.status.value,
            output=await self._output(job),
            error=ErrorDocument(job.end.error.value, job.end.message)
            if isinstance(job.end, Failed)
            else None,
        )
        return Reply(200, _encode(said))

    async def _output(self, job: Job) -> str | None:
        if not isinstance(job.end, Succeeded) or not job.end.artifacts:
            return None
        chunks = self._context.blobs.read(job.end.artifacts[0].key, 0, _MOST_DIGITS)
        return b"".join([chunk async for chunk in chunks]).decode("ascii", "replace").strip()

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="GET",
                path="/factorial",
                handler=self.submit,
                scope="write",
                tag="factorial",
                summary="Ask for a factorial",
                parameters=(_NO,),
                answers={202: Answer(said="Accepted.", body=FactorialAccepted, example={"id": ID})},
                refusals=(404, 422, 429, 503, 507),
            ),
            Operation(
                method="GET",
                path="/factorial/result",
                handler=self.result,
                scope="read",
                tag="factorial",
                summary="Look at a factorial",
                parameters=(_ID,),
                answers={
                    200: Answer(said="The number and, once done, its factorial.", body=FactorialDocument)
                },
                refusals=(404, 422, 503),
            ),
        )


_NO = Parameter(
    name="no",
    place="query",
    schema={"type": "integer", "minimum": 0},
    said="The number; required.",
    example=150000,
)
_ID = Parameter(
    name="id", place="query", schema={"type": "string"}, said="The job's id; required.", example=ID
)
