"""A job's outputs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evoke.domain.errors import NotFound
from evoke.domain.events import Artifact, Succeeded
from services.api.context import Context
from services.api.exchange import AnyReply, Exchange, Reply
from services.api.lookup import Lookup
from services.api.operations import JOB_ID, MIN_POSITION, RANGE, Answer, Operation, Parameter
from services.api.schemas.jobs import ArtifactDocument, artifact_documents
from services.api.stored_bytes import Stored, serve_stored
from services.api.waiting import reach_min_position, require_ready

_encode = msgspec.json.Encoder().encode


class ArtifactPage(msgspec.Struct, frozen=True):
    """All outputs of a job."""

    items: list[ArtifactDocument]


class ArtifactRoutes:
    """`/v1/jobs/{id}/artifacts`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs/{id}/artifacts`."""
        require_ready(self._context)
        await reach_min_position(self._context, exchange)
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        return Reply(200, _encode(ArtifactPage(artifact_documents(found.job))))

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs/{id}/artifacts/{number}`."""
        require_ready(self._context)
        artifact = await self._artifact(exchange)
        stored = Stored(
            artifact.key, artifact.name, artifact.media_type, artifact.size_bytes, artifact.sha256
        )
        return await serve_stored(self._context.blobs, exchange, stored)

    async def _artifact(self, exchange: Exchange) -> Artifact:
        number = exchange.parameters["number"]
        found = await self._lookup.find(exchange.tenant, exchange.parameters["id"])
        end = found.job.end
        known = end.artifacts if isinstance(end, Succeeded) else ()
        if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) < len(known)):
            raise NotFound(f"job {found.job.id} has {len(known)} artifacts, none is called {number[:20]!r}")
        return known[int(number)]

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="GET",
                path="/v1/jobs/{id}/artifacts",
                handler=self.page,
                scope="read",
                tag="artifacts",
                summary="List a job's outputs",
                parameters=(JOB_ID, MIN_POSITION),
                answers={
                    200: Answer(said="The outputs; none before the job has succeeded.", body=ArtifactPage)
                },
                refusals=(404, 422, 503),
            ),
            Operation(
                method="GET",
                path="/v1/jobs/{id}/artifacts/{number}",
                handler=self.get,
                scope="read",
                tag="artifacts",
                summary="Fetch an output",
                said="The bytes, with `ETag` (their sha256), byte ranges (`Range`, `If-Range`) and `HEAD`.",
                parameters=(JOB_ID, _NUMBER, RANGE),
                answers={
                    200: Answer(said="The whole.", media_type="application/octet-stream"),
                    206: Answer(said="The range that was asked for.", media_type="application/octet-stream"),
                    304: Answer(said="Not changed: outputs never change."),
                    307: Answer(
                        said="The store itself has the bytes (`EVOKE_S3_PRESIGNED`), for some minutes."
                    ),
                },
                refusals=(404, 416, 503),
            ),
        )


_NUMBER = Parameter(
    name="number",
    place="path",
    schema={"type": "integer", "minimum": 0},
    said="The output's number, from 0.",
    example=0,
)
