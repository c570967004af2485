"""The OpenAPI document, made once from the table of operations and the structs that they take and give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from evoke.domain.catalogue import Catalogue
from evoke.version import VERSION
from services.api.operations import Answer, Operation, Parameter
from services.api.problems import Problem

_SAID = """evoke accepts generation requests durably, runs them on workers and keeps every one of them for ever.

`POST /v1/jobs` is the general door. Paths may end in a slash or not. Answers that are no success are
[problem details](https://www.rfc-editor.org/rfc/rfc9457) with a stable `code`; 429 and 503 say when to try again."""

_REFUSALS = {
    400: "The body is no JSON.",
    401: "No valid API key was given.",
    403: "The key has not the scope.",
    404: "There is nothing of that name, or it is another tenant's.",
    409: "It contradicts what the log holds.",
    413: "The body is too large.",
    415: "The body is no JSON by its media type.",
    416: "The range lies beyond the bytes.",
    422: "A value is not acceptable; `errors` names field and limit.",
    429: "The queue is full; `Retry-After` says when to try again.",
    503: "Not now; nothing was accepted, and `Retry-After` says when to try again.",
    507: "No space is left; nothing was accepted.",
}
_REF = "#/components/schemas/{name}"


def openapi_document(operations: Sequence[Operation], catalogue: Catalogue) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1. The catalogue's models give the schemas of inputs."""
    kinds = _kinds(operations)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema_of = dict(zip(kinds, schemas, strict=True))
    for model in catalogue.models:
        components[f"{model.id}-input"] = {"title": f"Input of {model.title}", **model.input}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.shown_path or operation.path, {})
        path[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "evoke",
            "version": VERSION,
            "description": _SAID,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _kinds(operations: Iterable[Operation]) -> list[Any]:
    kinds: dict[Any, None] = {Problem: None}
    for operation in operations:
        if operation.body is not None:
            kinds[operation.body] = None
        for answer in operation.answers.values():
            if answer.body is not None:
                kinds[answer.body] = None
    return list(kinds)


def _operation(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": f"{operation.handler.__name__}_{operation.tag}_{operation.path.count('/')}".replace(
            " ", "_"
        ),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [_parameter(each) for each in operation.parameters],
        "responses": _responses(operation, schema_of),
    }
    if operation.said:
        said["description"] = operation.said
    if operation.scope is not None:
        said["security"] = [{}, {"key": []}]
        said["x-required-scope"] = operation.scope
    content = {name: _upload(name, operation) for name in operation.uploads}
    if operation.body is not None:
        told = {"schema": schema_of[operation.body], "example": operation.body_example}
        content = {"application/json": told, **content}
    if content:
        said["requestBody"] = {"required": True, "content": content}
    return said


def _upload(media_type: str, operation: Operation) -> dict[str, Any]:
    """Bytes of a file, or a form with one file in it; a form has the body's fields too, as JSON."""
    body, field = operation.body, operation.form_field
    if media_type != "multipart/form-data":
        return {"schema": {"type": "string", "contentMediaType": media_type}}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    if body is None:
        return {"schema": {"type": "object", "required": [field], "properties": {field: file}}}
    texts = {
        each.encode_name: {"type": "string", "contentMediaType": "application/json"}
        for each in msgspec.structs.fields(body)
    }
    needed = [each.encode_name for each in msgspec.structs.fields(body) if each.required]
    return {"schema": {"type": "object", "required": needed, "properties": {**texts, field: file}}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "schema": parameter.schema,
        "description": parameter.said,
    }
    if parameter.example is not None:
        said["example"] = parameter.example
    return said


def _responses(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    said = {str(status): _answer(answer, schema_of) for status, answer in operation.answers.items()}
    protected = (401, 403) if operation.scope is not None else ()
    for status in sorted({*protected, *operation.refusals}):
        said[str(status)] = {
            "description": _REFUSALS[status],
            "content": {
                "application/problem+json": {"schema": schema_of[Problem], "example": _example(status)}
            },
        }
    return said


def _answer(answer: Answer, schema_of: dict[Any, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"description": answer.said}
    if answer.headers:
        said["headers"] = {
            name: {"description": what, "schema": {"type": "string"}} for name, what in answer.headers.items()
        }
    if answer.body is not None:
        said["content"] = {answer.media_type: {"schema": schema_of[answer.body]}}
    elif answer.media_type != "application/json":
        said["content"] = {answer.media_type: {"schema": answer.schema or {"type": "string"}}}
    if answer.example is not None:
        said["content"][answer.media_type]["example"] = answer.example
    return said


def _example(status: int) -> dict[str, Any]:
    code = {422: "invalid_input", 429: "queue_full", 503: "unavailable", 507: "storage_full"}.get(
        status, HTTPStatus(status).phrase.lower().replace(" ", "_")
    )
    return {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _REFUSALS[status],
        "code": code,
        "errors": [{"field": "input.steps", "message": "must be at most 150"}] if status == 422 else [],
        "nearest": [],
    }
