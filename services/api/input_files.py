"""The files that an input names: found, checked, and written into the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evoke.domain.errors import BlobMissing, InvalidInput, NotFound
from evoke.domain.events import InputFile, Succeeded
from evoke.domain.file_references import JobOutput, UploadedFile, parse_reference
from services.api.context import Context
from services.api.lookup import Lookup
from services.api.uploads import file_key


class InputFiles:
    """Finds what the inputs of a tenant's jobs name. What belongs to another tenant is not there."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    async def named(
        self, tenant: str, fields: Mapping[str, tuple[str, ...]], value: Mapping[str, Any], prefix: str
    ) -> tuple[InputFile, ...]:
        """The files that an input names, in the order of its model's fields.

        fields: those that are files, with the media types that each may have. prefix: of a field's path in errors.
        Raises InvalidInput naming the field: no such file or output, another type, too large; Unavailable.
        """
        found = []
        for name, media_types in fields.items():
            reference = value.get(name)
            if isinstance(reference, str):
                file = await self._found(tenant, name, f"{prefix}.{name}", reference)
                self._check(file, media_types, f"{prefix}.{name}")
                found.append(file)
        return tuple(found)

    async def _found(self, tenant: str, name: str, field: str, reference: str) -> InputFile:
        match parse_reference(reference, field):
            case UploadedFile(id=digest):
                return await self._uploaded(tenant, name, field, digest)
            case JobOutput() as output:
                return await self._output(tenant, name, field, output)

    async def _uploaded(self, tenant: str, name: str, field: str, digest: str) -> InputFile:
        key = file_key(tenant, digest)
        try:
            info = await self._context.blobs.stat(key)
        except BlobMissing:
            raise InvalidInput(field, f"there is no file {digest}: upload it by POST /v1/files") from None
        return InputFile(
            name=name, media_type=info.media_type, size_bytes=info.size_bytes, sha256=info.sha256, key=key
        )

    async def _output(self, tenant: str, name: str, field: str, output: JobOutput) -> InputFile:
        try:
            job = (await self._lookup.find(tenant, output.job_id)).job
        except NotFound:
            raise InvalidInput(field, f"there is no job {output.job_id}") from None
        if not isinstance(job.end, Succeeded):
            raise InvalidInput(
                field, f"job {job.id} is {job.status.value}: only jobs that succeeded have outputs"
            )
        if output.number >= len(job.end.artifacts):
            raise InvalidInput(
                field, f"job {job.id} has {len(job.end.artifacts)} outputs, none is number {output.number}"
            )
        artifact = job.end.artifacts[output.number]
        return InputFile(
            name=name,
            media_type=artifact.media_type,
            size_bytes=artifact.size_bytes,
            sha256=artifact.sha256,
            key=artifact.key,
        )

    def _check(self, file: InputFile, media_types: tuple[str, ...], field: str) -> None:
        limit = self._context.settings.max_file_bytes
        if file.size_bytes > limit:
            raise InvalidInput(field, f"the file has {file.size_bytes} bytes, the limit is {limit}")
        if media_types and file.media_type not in media_types:
            raise InvalidInput(field, f"the file is {file.media_type}, it must be {' or '.join(media_types)}")
