"""The door that existing users know: `/images/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from evoke.domain.errors import InvalidInput, NotFound
from evoke.domain.events import Failed, Succeeded
from evoke.domain.job import Job
from evoke.ports.history import JobFilter
from services.api.context import Context
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.json_door import read_json
from services.api.listing import Listing
from services.api.lookup import Lookup
from services.api.operations import CURSOR, JOB_ID, LIMIT, MIN_POSITION, Answer, Operation, Parameter
from services.api.parameters import limit_of
from services.api.problems import FieldError, InvalidFields
from services.api.routes.examples import ID, PROMPT
from services.api.routes.jobs import cursor_of, next_link, tagged
from services.api.schemas.jobs import ErrorDocument, timestamp
from services.api.submission import Submissions, Wanted, body_digest, check_key
from services.api.waiting import reach_min_position, require_ready

TASK = "text-to-image"
DOOR = "images"
_encode = msgspec.json.Encoder().encode


class ImageSubmission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """generation_settings: `model` and that model's input; numbers may be given as strings."""

    generation_settings: dict[str, Any]
    metadata: dict[str, Any] = {}


class ImageAccepted(msgspec.Struct, frozen=True):
    """What a submit answers."""

    message: str
    id: str


class ImageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its pictures. generation_settings: as they were used, the seed included once it is known.

    image_url: the first picture, null until done. image_urls: batch_size x n_iters of them.
    """

    id: str
    status: str
    metadata: dict[str, Any]
    request_time: str | None
    complete_time: str | None
    generation_settings: dict[str, Any]
    image_url: str | None
    image_urls: list[str]
    error: ErrorDocument | None


class ImagePage(msgspec.Struct, frozen=True):
    """Requests, newest first. next: the cursor of the next page, null on the last."""

    items: list[ImageDocument]
    next: str | None


_submission = msgspec.json.Decoder(ImageSubmission)


class ImageRoutes:
    """`/images` with and without a slash at the end."""

    def __init__(self, context: Context, submissions: Submissions, lookup: Lookup, listing: Listing) -> None:
        self._context = context
        self._submissions = submissions
        self._lookup = lookup
        self._listing = listing

    async def submit(self, exchange: Exchange) -> AnyReply:
        """`POST /images/`."""
        context = self._context
        require_ready(context)
        asked = await read_json(exchange, _submission, context.settings.max_body_bytes)
        settings = dict(asked.generation_settings)
        name = settings.pop("model", None)
        if name is not None and not isinstance(name, str):
            raise InvalidInput("generation_settings.model", "must be of type string")
        model = context.catalogue.default(TASK) if name is None else context.catalogue.get(name)
        if model.task != TASK:
            raise InvalidFields(
                [FieldError("generation_settings.model", f"is a model for {model.task}, not {TASK}")]
            )
        check = context.checks[model.id]
        key = check_key(exchange.header(b"idempotency-key"))
        accepted = await self._submissions.submit(
            Wanted(
                tenant=exchange.tenant,
                model=model,
                input=check.complete(check.from_text(settings), "generation_settings"),
                metadata=asked.metadata,
                key=key,
                digest=body_digest(asked) if key is not None else None,
                door=DOOR,
                traceparent=exchange.traceparent,
            )
        )
        said = ImageAccepted("Request is being processed", accepted.job_id)
        location = [(b"location", f"/images/{accepted.job_id}/".encode())]
        return Reply(202, _encode(said), JSON, location)

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /images/{id}/`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        if not self._is_image(found.job):
            raise NotFound(f"there is no image request {found.job.id!r}")
        return tagged(exchange, _encode(_image_document(found.job, exchange.origin)))

    def _is_image(self, job: Job) -> bool:
        if job.requested is not None and job.requested.door == DOOR:
            return True
        return any(model.id == job.model and model.task == TASK for model in self._context.catalogue.models)

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET /images/`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        limit = limit_of(exchange)
        wanted = JobFilter(grouping=exchange.query.get("grouping"), door=DOOR)
        found = await self._listing.page(exchange.tenant, wanted, cursor_of(exchange), limit + 1)
        items = [_image_document(each.job, exchange.origin) for each in found[:limit]]
        following = items[-1].id if len(found) > limit else None
        return Reply(200, _encode(ImagePage(items, following)), JSON, next_link(exchange, following))

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="POST",
                path="/images",
                shown_path="/images/",
                handler=self.submit,
                scope="write",
                tag="images",
                summary="Ask for pictures",
                said="`generation_settings` are those of the model (the default one when `model` is absent); numbers "
                "may be given as strings. `metadata.grouping` puts requests together.",
                parameters=(_IDEMPOTENCY_KEY,),
                body=ImageSubmission,
                body_example=_SUBMISSION,
                answers={202: Answer(said="Accepted, and on disk.", body=ImageAccepted, example=_ACCEPTED)},
                refusals=(400, 404, 413, 415, 422, 429, 503, 507),
            ),
            Operation(
                method="GET",
                path="/images/{id}",
                shown_path="/images/{id}/",
                handler=self.get,
                scope="read",
                tag="images",
                summary="Look at a request for pictures",
                parameters=(JOB_ID, MIN_POSITION),
                answers={
                    200: Answer(said="The request.", body=ImageDocument, example=_IMAGE),
                    304: Answer(said="Not changed."),
                },
                refusals=(404, 422, 503),
            ),
            Operation(
                method="GET",
                path="/images",
                shown_path="/images/",
                handler=self.page,
                scope="read",
                tag="images",
                summary="List requests for pictures, newest first",
                parameters=(_GROUPING, LIMIT, CURSOR, MIN_POSITION),
                answers={
                    200: Answer(said="A page.", body=ImagePage, example={"items": [_IMAGE], "next": None})
                },
                refusals=(422, 503),
            ),
        )


def _image_document(job: Job, origin: str) -> ImageDocument:
    asked, end = job.requested, job.end
    settings: dict[str, Any] = {**(asked.input if asked else {}), "model": job.model}
    urls: list[str] = []
    if isinstance(end, Succeeded):
        if end.seed is not None:
            settings["seed"] = end.seed
        urls = [f"{origin}/v1/jobs/{job.id}/artifacts/{number}" for number in range(len(end.artifacts))]
    return ImageDocument(
        id=job.id,
        status=job.status.value,
        metadata=asked.metadata if asked else {},
        request_time=timestamp(asked.time_ms if asked else None),
        complete_time=timestamp(end.time_ms if end else None),
        generation_settings=settings,
        image_url=urls[0] if urls else None,
        image_urls=urls,
        error=ErrorDocument(end.error.value, end.message) if isinstance(end, Failed) else None,
    )


_GROUPING = Parameter(
    name="grouping",
    place="query",
    schema={"type": "string"},
    said="Requests whose `metadata.grouping` is this.",
)
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    said="The same key with the same body gives the same request, for a day.",
)
_SUBMISSION = {
    "generation_settings": {
        "prompt": PROMPT,
        "seed": 7,
        "steps": "20",
        "batch_size": "1",
        "model": "shapes-64",
    },
    "metadata": {"grouping": "first-tries"},
}
_ACCEPTED = {"message": "Request is being processed", "id": ID}
_IMAGE = {
    "id": ID,
    "status": "succeeded",
    "metadata": {"grouping": "first-tries"},
    "request_time": "2026-01-31T12:00:00.000Z",
    "complete_time": "2026-01-31T12:00:01.240Z",
    "generation_settings": {"prompt": PROMPT, "seed": 7, "steps": 20, "batch_size": 1, "model": "shapes-64"},
    "image_url": f"http://localhost:8000/v1/jobs/{ID}/artifacts/0",
    "image_urls": [f"http://localhost:8000/v1/jobs/{ID}/artifacts/0"],
    "error": None,
}
