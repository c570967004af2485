"""How an input names a file: `file:<id>` for one that was uploaded, `job:<id>/<number>` for an output of a job.

A field of a model's input is a file where its JSON Schema has `x-evoke-file`: a list of the media types that it may
have. The container is given the bytes under the field's name, beside the input with the reference in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from evoke.domain.errors import InvalidInput
from evoke.domain.ids import is_job_id

KEYWORD = "x-evoke-file"

_FILE_ID = re.compile(r"[0-9a-f]{64}")
_JOB = re.compile(r"job:([0-9a-f-]{36})/([0-9]{1,5})")


class UploadedFile(msgspec.Struct, frozen=True):
    """A file that was uploaded. id: the SHA-256 of its bytes, hex."""

    id: str


class JobOutput(msgspec.Struct, frozen=True):
    """Output `number`, from 0, of a job."""

    job_id: str
    number: int


def is_file_id(text: str) -> bool:
    """Whether a text could be the id of an uploaded file."""
    return _FILE_ID.fullmatch(text) is not None


def file_fields(schema: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The fields of an input that are files, each with the media types that it may have; none: any."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    return {name: tuple(said[KEYWORD]) for name, said in properties.items() if KEYWORD in said}


def parse_reference(text: str, field: str) -> UploadedFile | JobOutput:
    """What a reference names. Raises InvalidInput naming the field."""
    if text.startswith("file:") and is_file_id(text[5:]):
        return UploadedFile(text[5:])
    found = _JOB.fullmatch(text)
    if found is not None and is_job_id(found[1]):
        return JobOutput(found[1], int(found[2]))
    raise InvalidInput(
        field, "must be file:ID with the id of an uploaded file, or job:ID/NUMBER for an output of a job"
    )
