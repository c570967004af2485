"""What a model says of itself, and the check of its input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema_rs
import msgspec
from pydantic import BaseModel

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk.errors import InvalidInput

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class Manifest:
    """The model's name and manners.

    id: as in the catalogue. task: `text-to-image`, `text-to-audio`, ... input: a pydantic model, of which `generate`
    is then given an instance, or a JSON Schema (2020-12), and `generate` is given a dict. max_concurrency: runs that
    this model takes at once. limits: numbers to publish, e.g. max_pixels.

    title, description, queue, licence, deadline_s: for its entry in a catalogue, see `evoke model entry`; an empty
    title or queue is made from the id. deadline_s: longest time of one run.
    """

    id: str
    task: str
    input: type[BaseModel] | Mapping[str, Any]
    max_concurrency: int = 1
    limits: Mapping[str, float] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    queue: str = ""
    licence: str = ""
    deadline_s: float = 600.0

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the input."""
        return self.input.model_json_schema() if isinstance(self.input, type) else self.input

    @cached_property
    def _validator(self) -> Any:
        return jsonschema_rs.Draft202012Validator(json.dumps(self.schema))

    def parse(self, input_json: bytes) -> Any:
        """Return the checked input: an instance of the pydantic model, or a dict.

        Raises InvalidInput naming the field, or pydantic's ValidationError.
        """
        try:
            value = _decode(input_json)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput("", f"the input is no JSON: {error}") from error
        if isinstance(self.input, type):
            return self.input.model_validate(value)
        for wrong in self._validator.iter_errors(value):
            raise InvalidInput(".".join(str(part) for part in wrong.instance_path), wrong.message)
        return value

    def describe(self, max_concurrency: int) -> pb.ModelDescription:
        """The manifest on the wire. max_concurrency: what the whole container takes at once."""
        return pb.ModelDescription(
            id=self.id,
            task=self.task,
            input_schema_json=json.dumps(self.schema).encode(),
            max_concurrency=max_concurrency,
            limits=dict(self.limits),
        )
