"""The general door: submit, look, list, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import urlencode

import msgspec

from evoke.domain.errors import InvalidInput
from evoke.domain.ids import is_job_id
from evoke.domain.job import Status
from evoke.hot_view import HotJob
from evoke.ports.history import JobFilter
from services.api.context import Context
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.found import Found
from services.api.input_files import InputFiles
from services.api.json_door import read_json
from services.api.listing import Listing
from services.api.lookup import Lookup
from services.api.operations import CURSOR, JOB_ID, LIMIT, MIN_POSITION, Answer, Operation, Parameter
from services.api.parameters import limit_of, time_ms_of
from services.api.problems import Headers
from services.api.routes.examples import JOB, SUBMISSION
from services.api.schemas.jobs import JobDocument, JobPage, Submission
from services.api.submission import Submissions, Wanted, body_digest, check_key
from services.api.waiting import asked_wait_s, preferred_wait_s, reach_min_position, require_ready

_submission = msgspec.json.Decoder(Submission)
_encode = msgspec.json.Encoder().encode
_BODIES = 1024


class JobRoutes:
    """`/v1/jobs` and what is below it, but for events and artifacts."""

    def __init__(
        self,
        context: Context,
        submissions: Submissions,
        lookup: Lookup,
        listing: Listing,
        files: InputFiles,
    ) -> None:
        self._context = context
        self._files = files
        self._submissions = submissions
        self._lookup = lookup
        self._listing = listing
        self._bodies: dict[str, tuple[bytes, bytes, str]] = {}

    async def submit(self, exchange: Exchange) -> AnyReply:
        """`POST /v1/jobs`."""
        context = self._context
        require_ready(context)
        asked = await read_json(exchange, _submission, context.settings.max_body_bytes)
        model = context.catalogue.get(asked.model)
        if model.files:
            wanted = ", ".join(model.files)
            raise InvalidInput(
                "model", f"{model.id} needs a file ({wanted}), which only a door of its own takes: see /docs"
            )
        key = check_key(exchange.header(b"idempotency-key"))
        check = context.checks[model.id]
        value = check.complete(asked.input)
        accepted = await self._submissions.submit(
            Wanted(
                tenant=exchange.principal.tenant,
                model=model,
                input=value,
                files=await self._files.named(exchange.principal.tenant, check.files, value, "input"),
                metadata=asked.metadata,
                priority=asked.priority,
                key=key,
                digest=body_digest(asked) if key is not None else None,
                traceparent=exchange.traceparent,
            )
        )
        found = accepted.fresh or await self._lookup.find(exchange.principal.tenant, accepted.job_id)
        return await self._accepted(exchange, found, repeated=accepted.repeated)

    async def _accepted(self, exchange: Exchange, found: Found, *, repeated: bool) -> Reply:
        headers: Headers = [(b"location", f"/v1/jobs/{found.job.id}".encode())]
        if repeated:
            headers.append((b"idempotency-replayed", b"true"))
        wait_s = preferred_wait_s(exchange, self._context.settings.max_wait_s)
        if wait_s is not None:
            headers.append((b"preference-applied", f"wait={wait_s:g}".encode()))
            found = await self._lookup.finished(found, wait_s)
        status = 200 if wait_s is not None and found.job.status.terminal else 202
        return Reply(status, _encode(self._lookup.document(found)), JSON, headers)

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs/{id}`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        wait_s = asked_wait_s(exchange, self._context.settings.max_wait_s)
        hot = self._context.view.get(exchange.tenant, exchange.parameters["id"])
        if hot is not None and hot.packed is not None:
            return self._ended(exchange, hot, hot.packed)
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        if wait_s:
            found = await self._lookup.finished(found, wait_s)
        return tagged(exchange, _encode(self._lookup.document(found)))

    def _ended(self, exchange: Exchange, hot: HotJob, packed: bytes) -> Reply:
        """A job that has ended reads the same every time, and those that were read last are read most."""
        known = self._bodies.get(hot.id)
        if known is not None and known[0] is packed:
            return answered(exchange, known[1], known[2])
        body = _encode(self._lookup.document(Found(hot.fold(), hot)))
        tag = tag_of(body)
        self._bodies[hot.id] = (packed, body, tag)
        if len(self._bodies) > _BODIES:
            del self._bodies[next(iter(self._bodies))]
        return answered(exchange, body, tag)

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        wanted = _filter_of(exchange)
        limit = limit_of(exchange)
        cursor = cursor_of(exchange)
        found = await self._listing.page(exchange.tenant, wanted, cursor, limit + 1)
        items = [self._lookup.document(each) for each in found[:limit]]
        following = items[-1].id if len(found) > limit else None
        links = next_link(exchange, following)
        return Reply(200, _encode(JobPage(items, following)), JSON, links)

    async def cancel(self, exchange: Exchange) -> AnyReply:
        """`POST /v1/jobs/{id}/cancel`."""
        require_ready(self._context)
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        if found.hot is not None and not found.job.status.terminal:
            await asyncio.shield(self._submissions.cancel(found.hot))
            found = Found(found.hot.fold(), found.hot)
        return Reply(200, _encode(self._lookup.document(found)))

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        job = Answer(said="The job.", body=JobDocument, example=JOB)
        return (
            Operation(
                method="POST",
                path="/v1/jobs",
                handler=self.submit,
                scope="write",
                tag="jobs",
                summary="Submit a job",
                said="202 means durable: the job survives the loss of power. It is checked against the model's JSON "
                "Schema before. With `Prefer: wait=N` the answer waits up to N seconds for the job's end: then 200.",
                parameters=(_IDEMPOTENCY_KEY, _PREFER),
                body=Submission,
                body_example=SUBMISSION,
                answers={
                    202: Answer(
                        said="Accepted, and on disk.",
                        body=JobDocument,
                        example=JOB,
                        headers={"Location": "Where the job is."},
                    ),
                    200: Answer(said="The job has ended within the wait.", body=JobDocument, example=JOB),
                },
                refusals=(400, 404, 413, 415, 422, 429, 503, 507),
            ),
            Operation(
                method="GET",
                path="/v1/jobs/{id}",
                handler=self.get,
                scope="read",
                tag="jobs",
                summary="Look at a job",
                said="`wait` seconds for its end; answers 304 to the `ETag` that `If-None-Match` names.",
                parameters=(JOB_ID, MIN_POSITION, _WAIT),
                answers={200: job, 304: Answer(said="Not changed.")},
                refusals=(404, 422, 503),
            ),
            Operation(
                method="GET",
                path="/v1/jobs",
                handler=self.page,
                scope="read",
                tag="jobs",
                summary="List jobs, newest first",
                said="Exact while jobs arrive: a walk by cursor neither skips nor repeats a job.",
                parameters=(*_FILTERS, LIMIT, CURSOR, MIN_POSITION),
                answers={
                    200: Answer(
                        said="A page.",
                        body=JobPage,
                        example={"items": [JOB], "next": None},
                        headers={"Link": 'The next page (RFC 8288), `rel="next"`.'},
                    )
                },
                refusals=(422, 503),
            ),
            Operation(
                method="POST",
                path="/v1/jobs/{id}/cancel",
                handler=self.cancel,
                scope="write",
                tag="jobs",
                summary="Cancel a job",
                said="Answers with the job's state in effect: a job that had ended before stays as it was.",
                parameters=(JOB_ID,),
                answers={200: job},
                refusals=(404, 503, 507),
            ),
        )


def tag_of(body: bytes) -> str:
    """The ETag of a body."""
    return f'"{blake2b(body, digest_size=8).hexdigest()}"'


def answered(exchange: Exchange, body: bytes, tag: str) -> Reply:
    """The body with its ETag, or 304 when the client has it already."""
    headers: Headers = [(b"etag", tag.encode()), (b"cache-control", b"private, no-cache")]
    seen = exchange.header(b"if-none-match")
    if seen is not None and (seen.strip() == "*" or tag in seen):
        return Reply(304, b"", JSON, headers)
    return Reply(200, body, JSON, headers)


def tagged(exchange: Exchange, body: bytes) -> Reply:
    """The body with its ETag, or 304 when the client has it already."""
    return answered(exchange, body, tag_of(body))


def cursor_of(exchange: Exchange) -> str | None:
    """The query's `cursor`. Raises InvalidInput."""
    cursor = exchange.query.get("cursor")
    if cursor is not None and not is_job_id(cursor):
        raise InvalidInput("cursor", "is no cursor of this API")
    return cursor


def next_link(exchange: Exchange, following: str | None) -> Headers:
    """The header `Link` to the next page (RFC 8288)."""
    if following is None:
        return []
    query = urlencode({**exchange.query, "cursor": following})
    path = exchange.scope["path"]
    return [(b"link", f'<{path}?{query}>; rel="next"'.encode("ascii", "ignore"))]


def _filter_of(exchange: Exchange) -> JobFilter:
    query = exchange.query
    models = frozenset(filter(None, query.get("model", "").split(",")))
    return JobFilter(
        statuses=_statuses_of(query.get("status", "")),
        models=models,
        grouping=query.get("grouping"),
        since_ms=time_ms_of(exchange, "since"),
        until_ms=time_ms_of(exchange, "until"),
    )


def _statuses_of(text: str) -> frozenset[Status]:
    try:
        return frozenset(Status(each) for each in text.split(",") if each)
    except ValueError:
        raise InvalidInput("status", f"must be among {', '.join(Status)}") from None


_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    said="The same key with the same body gives the same job, for a day; with another body 422.",
    example="order-4711",
)
_PREFER = Parameter(
    name="Prefer",
    place="header",
    schema={"type": "string"},
    said="`wait=N`: answer once the job has ended, or after N seconds.",
    example="wait=10",
)
_WAIT = Parameter(
    name="wait",
    place="query",
    schema={"type": "number", "minimum": 0},
    said="Seconds to wait for the job's end before answering.",
)
_FILTERS = (
    Parameter(
        name="status",
        place="query",
        schema={"type": "string"},
        said=f"One or more of {', '.join(Status)}, comma-separated.",
        example="queued,running",
    ),
    Parameter(name="model", place="query", schema={"type": "string"}, said="Ids of models, comma-separated."),
    Parameter(
        name="grouping",
        place="query",
        schema={"type": "string"},
        said="Jobs whose `metadata.grouping` is this.",
    ),
    Parameter(
        name="since",
        place="query",
        schema={"type": "string"},
        said="Submitted at or after this time: RFC 3339, or Unix milliseconds.",
        example="2026-01-31T12:00:00Z",
    ),
    Parameter(
        name="until",
        place="query",
        schema={"type": "string"},
        said="Submitted before this time: RFC 3339, or Unix milliseconds.",
    ),
)
