"""Every refusal as RFC 9457 problem details, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from evoke.domain.errors import (
    BlobMissing,
    Conflict,
    EvokeError,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    QueryRefused,
    QueueFull,
    StorageFull,
    Unavailable,
)

Headers = list[tuple[bytes, bytes]]


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request: the field by its path (`input.steps`), and what is allowed."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is no success (RFC 9457). `code` is stable."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] = []
    nearest: list[str] = []


class InvalidFields(InvalidInput):
    """Several fields are wrong."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].field, errors[0].message)
        self.errors = list(errors)


class Refusal(EvokeError):
    """A request that HTTP itself has an answer for."""

    def __init__(self, status: int, code: str, detail: str, headers: Headers | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers or []


_STATUS: tuple[tuple[type[EvokeError], int], ...] = (
    (IdempotencyMismatch, 422),
    (Conflict, 409),
    (BlobMissing, 404),
    (NotFound, 404),
    (InvalidInput, 422),
    (QueryRefused, 422),
    (QueueFull, 429),
    (StorageFull, 507),
    (Unavailable, 503),
)


def status_of(error: EvokeError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, Refusal):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def headers_of(error: EvokeError) -> Headers:
    """Further headers of an error's answer: when to try again, what is allowed."""
    if isinstance(error, (QueueFull, Unavailable)):
        return [(b"retry-after", str(max(1, round(error.retry_after_s))).encode())]
    return error.headers if isinstance(error, Refusal) else []


def problem_of(error: EvokeError) -> Problem:
    """The problem details of an error."""
    status = status_of(error)
    errors: list[FieldError] = []
    if isinstance(error, InvalidFields):
        errors = error.errors
    elif isinstance(error, InvalidInput):
        errors = [FieldError(error.field, error.reason)]
    return Problem(
        type=f"/problems/{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=str(error)[:2000],
        code=error.code,
        errors=errors,
        nearest=list(getattr(error, "nearest", ())),
    )
