"""Checks of what a container says of itself."""

from __future__ import annotations

import json
import math
from typing import Any

import grpc
import jsonschema_rs
from grpc_health.v1 import health_pb2

from evoke.protocol.methods import SERVICE
from model_containers.workbench.conformance.subject import Broken, Subject

SERVING = health_pb2.HealthCheckResponse.SERVING


async def health(subject: Subject) -> str:
    """Once it describes itself, `grpc.health.v1` says SERVING for the container and for the service."""
    for service in ("", SERVICE):
        try:
            status = await subject.connection.health(service, subject.bounds.patience_s)
        except grpc.aio.AioRpcError as error:
            raise Broken(f"the health check of {service!r} answers {error.code().name}") from error
        if status != SERVING:
            name = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
            raise Broken(f"the health check of {service!r} says {name} though Describe answers")
    return "SERVING"


async def describe(subject: Subject) -> str:
    """Every model has an id of its own, a task, room for at least one run, and limits that are numbers."""
    ids = [model.id for model in subject.container.models]
    if len(set(ids)) != len(ids):
        raise Broken(f"two models have one id: {', '.join(ids)}")
    model = subject.description
    for field in ("id", "task"):
        if not getattr(model, field).strip():
            raise Broken(f"{field} is empty")
    if model.max_concurrency < 1:
        raise Broken(f"max_concurrency is {model.max_concurrency}, must be 1 or more")
    for name, value in model.limits.items():
        if not math.isfinite(value):
            raise Broken(f"limit {name} is {value}")
    return f"task {model.task}, {model.max_concurrency} at once"


async def schema(subject: Subject) -> str:
    """The input's schema is a JSON Schema (2020-12) of an object, and allows its own defaults and examples."""
    try:
        document = json.loads(subject.description.input_schema_json)
    except ValueError as error:
        raise Broken(f"input_schema_json is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("type") != "object":
        raise Broken('the schema must have "type": "object"')
    try:
        validator = jsonschema_rs.Draft202012Validator(document)
    except ValueError as error:
        raise Broken(f"is no JSON Schema (2020-12): {str(error).splitlines()[0][:200]}") from error
    properties: dict[str, Any] = document.get("properties", {})
    for name, field in properties.items():
        _fits(document, name, field)
    wrong = next(iter(validator.iter_errors(dict(subject.input))), None)
    if wrong is not None:
        raise Broken(f"the input used here does not fit it: {wrong.message[:200]}; give another, or examples")
    return f"{len(properties)} fields"


def _fits(document: dict[str, Any], name: str, field: dict[str, Any]) -> None:
    """Raises Broken when a field's own default or example is not allowed."""
    told = [("default", field["default"])] if "default" in field else []
    told += [("example", value) for value in field.get("examples", [])]
    whole = {**field, "$defs": document.get("$defs", {})}
    for what, value in told:
        wrong = next(iter(jsonschema_rs.Draft202012Validator(whole).iter_errors(value)), None)
        if wrong is not None:
            raise Broken(f"the {what} of {name} is not allowed by its own schema: {wrong.message[:200]}")
