"""Checks of what a container must refuse, and how."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import grpc
import jsonschema_rs

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.conformance.subject import Broken, Skipped, Subject
from model_containers.workbench.connection import Request, Transcript
from model_containers.workbench.outcome import error_class_of
from model_containers.workbench.running import run_request

INVALID = pb.ERROR_CLASS_INVALID_INPUT
MOST = 40
NOT_AN_INPUT = (b"", b"{nope", b"\xff\xfe", b"[]", b"null", b'{"x": NaN}', b"[" * 50_000)


async def bad_input(subject: Subject) -> str:
    """Every input that the schema forbids ends with the error INVALID_INPUT: no other status, no output before."""
    texts = [*NOT_AN_INPUT, *(json.dumps(value).encode() for value in wrong_inputs(subject))][:MOST]
    unnamed = 0
    for text in texts:
        transcript = await subject.run(subject.request(input_json=text), subject.bounds.patience_s)
        error = _refused(transcript, f"the input {text[:80]!r}")
        unnamed += text not in NOT_AN_INPUT and not error.field
    return f"{len(texts)} refused" + (f", {unnamed} without naming the field" if unnamed else "")


async def unknown_model(subject: Subject) -> str:
    """A run of a model that is not served ends with the error INVALID_INPUT."""
    request = subject.request(model="no-such-model-is-served-here")
    _refused(await subject.run(request, subject.bounds.patience_s), "a model that is not served")
    return "refused"


async def input_files(subject: Subject) -> str:
    """A run with files ends, whether the model uses them or not; one whose files break off is refused."""
    whole = subject.request(files={**subject.files, "conformance.bin": bytes(600_000)})
    transcript = await subject.run(whole)
    if transcript.status is not grpc.StatusCode.OK:
        raise Broken(f"a run with an input file ended with status {transcript.status.name}")
    cut = _Cut(**{**vars(whole), "job_id": "conformance-cut"})
    _refused(
        await run_request(subject.connection, cut, timeout_s=subject.bounds.patience_s),
        "a run whose file breaks off",
    )
    return "files are received, a file that breaks off is refused"


class _Cut(Request):
    """Announces a file and ends before its last piece."""

    def messages(self) -> Iterator[pb.GenerateRequest]:
        """All but the end."""
        found = list(super().messages())
        return iter(found[:-1])


def _refused(transcript: Transcript, what: str) -> pb.Error:
    if transcript.status is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise Broken(f"{what} got no answer within {transcript.took_s:.0f} s")
    if transcript.status is not grpc.StatusCode.OK:
        raise Broken(f"{what} ended with status {transcript.status.name}; it must end with an error message")
    error = transcript.error
    if error is None:
        raise Broken(f"{what} was served, it must be refused")
    if error.error_class != INVALID:
        raise Broken(f"{what} was refused as {error_class_of(error)}, it must be invalid_input")
    if transcript.of("output_start"):
        raise Broken(f"{what} was refused after an output had begun")
    return error


def wrong_inputs(subject: Subject) -> list[dict[str, Any]]:
    """Inputs with one thing wrong each, all of them forbidden by the schema."""
    try:
        validator = jsonschema_rs.Draft202012Validator(subject.schema)
    except ValueError as error:
        raise Skipped("the schema is none, see the check of the schema") from error
    return [value for value in _candidates(subject) if not validator.is_valid(value)]


def _candidates(subject: Subject) -> Iterator[dict[str, Any]]:
    usual = dict(subject.input)
    for name in subject.schema.get("required", []):
        yield {key: value for key, value in usual.items() if key != name}
    yield {**usual, "no_such_field_of_this_model": 1}
    for name, field in subject.schema.get("properties", {}).items():
        for value in _wrong_values(field):
            yield {**usual, name: value}


def _wrong_values(field: dict[str, Any]) -> Iterator[Any]:
    yield {"neither": "number nor text"}
    if "maximum" in field:
        yield field["maximum"] + 1
    if "minimum" in field:
        yield field["minimum"] - 1
    if field.get("maxLength", 1 << 20) < 1 << 20:
        yield "x" * (field["maxLength"] + 1)
    if "enum" in field:
        yield "no-such-choice"
