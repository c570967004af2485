"""A door for one task, with the manners of `/images/`: settings and metadata in, a document with addresses out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from evoke.domain.errors import InvalidInput, NotFound
from evoke.domain.events import Failed, InputFile, Succeeded
from evoke.domain.job import Job
from evoke.ports.history import JobFilter
from services.api.context import Context
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.input_files import InputFiles
from services.api.json_door import decoded, require_json
from services.api.listing import Listing
from services.api.lookup import Lookup
from services.api.operations import CURSOR, JOB_ID, LIMIT, MIN_POSITION, Answer, Operation, Parameter
from services.api.parameters import limit_of
from services.api.problems import FieldError, InvalidFields
from services.api.routes.jobs import cursor_of, next_link, tagged
from services.api.schemas.jobs import ErrorDocument, timestamp
from services.api.submission import Submissions, Wanted, body_digest, check_key
from services.api.upload_room import Take
from services.api.uploads import FORM, is_form, parse_upload_form, sound_type, store_upload
from services.api.waiting import reach_min_position, require_ready

_encode = msgspec.json.Encoder().encode
MAX_CLIP_BYTES = 16 << 20


class GenerationSubmission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """generation_settings: `model` and that model's input; numbers may be given as strings."""

    generation_settings: dict[str, Any]
    metadata: dict[str, Any] = {}


class GenerationAccepted(msgspec.Struct, frozen=True):
    """What a submit answers."""

    message: str
    id: str


class GenerationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What every door tells of a request.

    generation_settings: as they were used, the seed included once it is known.
    """

    id: str
    status: str
    metadata: dict[str, Any]
    request_time: str | None
    complete_time: str | None
    generation_settings: dict[str, Any]


_submission = msgspec.json.Decoder(GenerationSubmission)


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """What one door has of its own.

    name: under which its jobs are known. path: where it is, without a slash at the end. things: what is made, in the
    plural. document: of one request, `page`: of several. file: the form's field of a sound that a request may bring.
    """

    name: str
    task: str
    path: str
    things: str
    document: Any
    page: Any
    said: str
    submission: Mapping[str, Any]
    example: Mapping[str, Any]
    make: Callable[[Job, str], Any]
    file: str | None = None


class GenerationDoor:
    """One door, with and without a slash at the end."""

    def __init__(  # noqa: PLR0913, PLR0917  # what it asks, and what it is
        self,
        context: Context,
        submissions: Submissions,
        lookup: Lookup,
        listing: Listing,
        files: InputFiles,
        manners: Manners,
    ) -> None:
        self._context = context
        self._files = files
        self._submissions = submissions
        self._lookup = lookup
        self._listing = listing
        self._manners = manners

    async def submit(self, exchange: Exchange) -> AnyReply:
        """`POST`. A file is stored before the request is written, so a request never lacks it."""
        require_ready(self._context)
        with self._context.uploads.share() as take:
            return await self._submit(exchange, *await self._read(exchange, take))

    async def _submit(self, exchange: Exchange, asked: GenerationSubmission, data: bytes | None) -> AnyReply:
        context, manners = self._context, self._manners
        settings = dict(asked.generation_settings)
        name = settings.pop("model", None)
        if name is not None and not isinstance(name, str):
            raise InvalidInput("generation_settings.model", "must be of type string")
        model = context.catalogue.default(manners.task) if name is None else context.catalogue.get(name)
        if model.task != manners.task:
            raise InvalidFields(
                [FieldError("generation_settings.model", f"is a model for {model.task}, not {manners.task}")]
            )
        check = context.checks[model.id]
        key = check_key(exchange.header(b"idempotency-key"))
        value = check.complete(check.from_text(settings), "generation_settings")
        named = await self._files.named(exchange.tenant, check.files, value, "generation_settings")
        brought: tuple[InputFile, ...] = ()
        if data is not None and manners.file is not None:
            kind = sound_type(data)
            brought = (await store_upload(context.blobs, exchange.tenant, manners.file, data, kind),)
        same: Any = [asked, *(file.sha256 for file in brought)] if brought else asked
        accepted = await self._submissions.submit(
            Wanted(
                tenant=exchange.tenant,
                model=model,
                input=value,
                metadata=asked.metadata,
                key=key,
                digest=body_digest(same) if key is not None else None,
                door=manners.name,
                traceparent=exchange.traceparent,
                files=(*named, *brought),
            )
        )
        said = GenerationAccepted("Request is being processed", accepted.job_id)
        location = [(b"location", f"{manners.path}/{accepted.job_id}/".encode())]
        return Reply(202, _encode(said), JSON, location)

    async def _read(self, exchange: Exchange, take: Take) -> tuple[GenerationSubmission, bytes | None]:
        """What is asked for, and the file that comes with it in a form."""
        limit, file = self._context.settings.max_body_bytes, self._manners.file
        if file is None or not is_form(exchange):
            require_json(exchange)
            return decoded(await exchange.body(limit), _submission), None
        form = await parse_upload_form(exchange, limit + MAX_CLIP_BYTES, take)
        known = {"generation_settings", "metadata"}
        if unknown := sorted((form.fields.keys() - known) | (form.files.keys() - {file})):
            raise InvalidInput(unknown[0][:80], "is not a known field of the form")
        # Each text is JSON by itself, so that a broken one can't change what its neighbour means.
        body = {name: decoded(text, _object) for name, text in form.fields.items()}
        data = form.files.get(file)
        if data is not None and len(data) > MAX_CLIP_BYTES:
            raise InvalidInput(file, f"has {len(data)} bytes, the limit is {MAX_CLIP_BYTES}")
        return decoded(_encode(body), _submission), data

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET` of one."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        if not self._is_of_this_door(found.job):
            raise NotFound(f"there is no {self._manners.name} request {found.job.id!r}")
        return tagged(exchange, _encode(self._manners.make(found.job, exchange.origin)))

    def _is_of_this_door(self, job: Job) -> bool:
        if job.requested is not None and job.requested.door == self._manners.name:
            return True
        models = self._context.catalogue.models
        return any(model.id == job.model and model.task == self._manners.task for model in models)

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET` of several."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        limit = limit_of(exchange)
        wanted = JobFilter(grouping=exchange.query.get("grouping"), door=self._manners.name)
        found = await self._listing.page(exchange.tenant, wanted, cursor_of(exchange), limit + 1)
        items = [self._manners.make(each.job, exchange.origin) for each in found[:limit]]
        following = items[-1].id if len(found) > limit else None
        body = _encode(self._manners.page(items, following))
        return Reply(200, body, JSON, next_link(exchange, following))

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        manners = self._manners
        return (
            Operation(
                method="POST",
                path=manners.path,
                shown_path=f"{manners.path}/",
                handler=self.submit,
                scope="write",
                tag=manners.name,
                summary=f"Ask for {manners.things}",
                said=manners.said,
                parameters=(_IDEMPOTENCY_KEY,),
                body=GenerationSubmission,
                body_example=dict(manners.submission),
                uploads=(FORM,) if manners.file is not None else (),
                form_field=manners.file or "",
                answers={
                    202: Answer(
                        said="Accepted, and on disk.", body=GenerationAccepted, example=_accepted(manners)
                    )
                },
                refusals=(400, 404, 413, 415, 422, 429, 503, 507),
            ),
            Operation(
                method="GET",
                path=f"{manners.path}/{{id}}",
                shown_path=f"{manners.path}/{{id}}/",
                handler=self.get,
                scope="read",
                tag=manners.name,
                summary=f"Look at a request for {manners.things}",
                parameters=(JOB_ID, MIN_POSITION),
                answers={
                    200: Answer(said="The request.", body=manners.document, example=dict(manners.example)),
                    304: Answer(said="Not changed."),
                },
                refusals=(404, 422, 503),
            ),
            Operation(
                method="GET",
                path=manners.path,
                shown_path=f"{manners.path}/",
                handler=self.page,
                scope="read",
                tag=manners.name,
                summary=f"List requests for {manners.things}, newest first",
                parameters=(_GROUPING, LIMIT, CURSOR, MIN_POSITION),
                answers={
                    200: Answer(
                        said="A page.",
                        body=manners.page,
                        example={"items": [dict(manners.example)], "next": None},
                    )
                },
                refusals=(422, 503),
            ),
        )


def common_parts(job: Job) -> dict[str, Any]:
    """What the document of every door has: all but its own addresses."""
    asked, end = job.requested, job.end
    settings: dict[str, Any] = {**(asked.input if asked else {}), "model": job.model}
    if isinstance(end, Succeeded) and end.seed is not None:
        settings["seed"] = end.seed
    return {
        "id": job.id,
        "status": job.status.value,
        "metadata": asked.metadata if asked else {},
        "request_time": timestamp(asked.time_ms if asked else None),
        "complete_time": timestamp(end.time_ms if end else None),
        "generation_settings": settings,
        "error": ErrorDocument(end.error.value, end.message) if isinstance(end, Failed) else None,
    }


def artifact_urls(job: Job, origin: str) -> list[str]:
    """The addresses of what was made, none before it is done."""
    count = len(job.end.artifacts) if isinstance(job.end, Succeeded) else 0
    return [f"{origin}/v1/jobs/{job.id}/artifacts/{number}" for number in range(count)]


def _accepted(manners: Manners) -> dict[str, Any]:
    return {"message": "Request is being processed", "id": manners.example["id"]}


_object = msgspec.json.Decoder(dict[str, Any])
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
