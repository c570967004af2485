"""The door of audio diagnosis: `/diagnosis/` takes a recording and tells whether there are coughs in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from evoke.domain.errors import NotFound
from evoke.domain.events import Failed, Succeeded
from evoke.domain.job import Job
from services.api.context import Context
from services.api.exchange import JSON, AnyReply, Exchange, Reply
from services.api.lookup import Lookup
from services.api.operations import JOB_ID, MIN_POSITION, Answer, Operation, Parameter
from services.api.routes.examples import ID
from services.api.routes.jobs import tagged
from services.api.schemas.jobs import ErrorDocument, timestamp
from services.api.submission import Submissions, Wanted, body_digest, check_key
from services.api.uploads import FORM, read_upload, sound_type, store_upload
from services.api.waiting import reach_min_position, require_ready

TASK = "audio-diagnosis"
DOOR = "diagnosis"
FILE = "audio"
MAX_BYTES = 16 << 20
_FORMATS = (
    "audio/wav",
    "audio/flac",
    "audio/ogg",
    "audio/mpeg",
    "audio/mp4",
    "application/octet-stream",
    FORM,
)
_encode = msgspec.json.Encoder().encode


class DiagnosisAccepted(msgspec.Struct, frozen=True):
    """Where to ask for the diagnosis."""

    message: str
    id: str


class DiagnosisDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A recording and its diagnosis. result: what the model found, null until done. pictures: of the segments."""

    id: str
    status: str
    model: str
    request_time: str | None
    complete_time: str | None
    result: dict[str, Any] | None
    pictures: list[str]
    error: ErrorDocument | None


class DiagnosisRoutes:
    """`/diagnosis` with and without a slash at the end."""

    def __init__(self, context: Context, submissions: Submissions, lookup: Lookup) -> None:
        self._context = context
        self._submissions = submissions
        self._lookup = lookup

    async def submit(self, exchange: Exchange) -> AnyReply:
        """`POST /diagnosis/`. The recording is stored before the request is written, so a request never lacks it."""
        context = self._context
        require_ready(context)
        model = context.catalogue.default(TASK)
        check = context.checks[model.id]
        value = check.complete(check.from_text(dict(exchange.query)), "query")
        with context.uploads.share() as take:
            data = await read_upload(exchange, FILE, MAX_BYTES, take)
            file = await store_upload(context.blobs, exchange.tenant, FILE, data, sound_type(data))
        key = check_key(exchange.header(b"idempotency-key"))
        accepted = await self._submissions.submit(
            Wanted(
                tenant=exchange.tenant,
                model=model,
                input=value,
                key=key,
                digest=body_digest([value, file.sha256]) if key is not None else None,
                door=DOOR,
                traceparent=exchange.traceparent,
                files=(file,),
            )
        )
        said = DiagnosisAccepted("The recording is being examined", accepted.job_id)
        return Reply(202, _encode(said), JSON, [(b"location", f"/diagnosis/{accepted.job_id}/".encode())])

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /diagnosis/{id}/`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        job = (await self._lookup.find(exchange.tenant, exchange.parameters["id"])).job
        if job.requested is None or job.requested.door != DOOR:
            raise NotFound(f"there is no diagnosis {job.id!r}")
        return tagged(exchange, _encode(_document(job, exchange.origin)))

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="POST",
                path="/diagnosis",
                shown_path="/diagnosis/",
                handler=self.submit,
                scope="write",
                tag="diagnosis",
                summary="Ask whether there are coughs in a recording",
                said="The body is the sound file itself, or a form with it in the field `audio`; at most 16 MiB.",
                parameters=(_THRESHOLD, _PICTURES, _IDEMPOTENCY_KEY),
                uploads=_FORMATS,
                form_field=FILE,
                answers={
                    202: Answer(said="Accepted, and on disk.", body=DiagnosisAccepted, example=_ACCEPTED)
                },
                refusals=(400, 404, 413, 415, 422, 429, 503, 507),
            ),
            Operation(
                method="GET",
                path="/diagnosis/{id}",
                shown_path="/diagnosis/{id}/",
                handler=self.get,
                scope="read",
                tag="diagnosis",
                summary="Look at a diagnosis",
                parameters=(JOB_ID, MIN_POSITION),
                answers={
                    200: Answer(said="The recording's diagnosis.", body=DiagnosisDocument),
                    304: Answer(said="Not changed."),
                },
                refusals=(404, 422, 503),
            ),
        )


def _document(job: Job, origin: str) -> DiagnosisDocument:
    asked, end = job.requested, job.end
    done = end if isinstance(end, Succeeded) else None
    count = len(done.artifacts) if done is not None else 0
    return DiagnosisDocument(
        id=job.id,
        status=job.status.value,
        model=job.model,
        request_time=timestamp(asked.time_ms if asked else None),
        complete_time=timestamp(end.time_ms if end else None),
        result=done.result if done is not None else None,
        pictures=[f"{origin}/v1/jobs/{job.id}/artifacts/{number}" for number in range(count)],
        error=ErrorDocument(end.error.value, end.message) if isinstance(end, Failed) else None,
    )


_THRESHOLD = Parameter(
    name="threshold",
    place="query",
    schema={"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
    said="Probability from which a segment is called a cough.",
)
_PICTURES = Parameter(
    name="pictures",
    place="query",
    schema={"type": "integer", "minimum": 0, "maximum": 16, "default": 16},
    said="Spectrograms to draw, of the clearest segments.",
)
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    said="The same key with the same recording gives the same request, for a day.",
)
_ACCEPTED = {"message": "The recording is being examined", "id": ID}
