"""A model's input against its JSON Schema and the limits that a schema can't say."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs

from evoke.domain.catalogue import Catalogue, Limits, Model
from evoke.domain.file_references import file_fields
from services.api.json_door import require_plain
from services.api.problems import FieldError, InvalidFields

_MOST_ERRORS = 20
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][+-]?\d{1,2})?", re.ASCII)

_SAYINGS = {
    "maximum": "must be at most {}",
    "minimum": "must be at least {}",
    "exclusiveMaximum": "must be less than {}",
    "exclusiveMinimum": "must be more than {}",
    "multipleOf": "must be a multiple of {}",
    "maxLength": "must have at most {} characters",
    "minLength": "must have at least {} characters",
    "maxItems": "must have at most {} items",
    "minItems": "must have at least {} items",
    "pattern": "must match {}",
    "format": "must be a valid {}",
    "const": "must be {}",
}


class InputCheck:
    """The compiled schema of one model. Made once, at start; used from one thread.

    files: the fields that name files, each with the media types that it may have.
    """

    def __init__(self, model: Model) -> None:
        """Raises ValueError when the model's schema is no JSON Schema."""
        self.model = model
        self._validator = jsonschema_rs.validator_for(model.input)
        self.files = file_fields(model.input)
        self._properties: dict[str, dict[str, Any]] = model.input.get("properties", {})
        self._defaults = {
            name: said["default"] for name, said in self._properties.items() if "default" in said
        }
        self._integers = [name for name, said in self._properties.items() if said.get("type") == "integer"]

    def complete(self, value: dict[str, Any], field: str = "input") -> dict[str, Any]:
        """Return the input with its defaults filled in. Raises InvalidFields naming each field and limit."""
        require_plain(value, field)
        complete = {**self._defaults, **value}
        if not self._validator.is_valid(complete):
            raise InvalidFields(self._errors(complete, field))
        for name in self._integers:
            if isinstance(complete.get(name), float):
                complete[name] = int(complete[name])
        self._check_limits(complete, field)
        return complete

    def from_text(self, value: dict[str, Any]) -> dict[str, Any]:
        """Numbers that were given as strings become numbers, as older clients send them."""
        return {name: self._from_text(name, item) for name, item in value.items()}

    def _from_text(self, name: str, item: Any) -> Any:
        kind = self._properties.get(name, {}).get("type")
        if not isinstance(item, str):
            return item
        if kind in ("integer", "number") and _INTEGER.fullmatch(item.strip()):
            return int(item)
        if kind == "number" and _NUMBER.fullmatch(item.strip()):
            return float(item)
        return item

    def _errors(self, value: dict[str, Any], field: str) -> list[FieldError]:
        found = []
        for error in self._validator.iter_errors(value):
            found.append(_field_error(error, field))
            if len(found) == _MOST_ERRORS:
                break
        return found

    def _check_limits(self, value: dict[str, Any], field: str) -> None:
        limits = self.model.limits
        errors = []
        pixels = value.get("width", 0) * value.get("height", 0)
        if limits.max_pixels is not None and pixels > limits.max_pixels:
            said = f"width x height must be at most {limits.max_pixels} pixels, got {pixels}"
            errors += [FieldError(f"{field}.width", said), FieldError(f"{field}.height", said)]
        images = value.get("batch_size", 1) * value.get("n_iters", 1)
        if limits.max_images is not None and images > limits.max_images:
            said = f"batch_size x n_iters must be at most {limits.max_images} pictures, got {images}"
            errors += [FieldError(f"{field}.batch_size", said), FieldError(f"{field}.n_iters", said)]
        errors += _beyond(value, limits, field)
        if errors:
            raise InvalidFields(errors)


def _beyond(value: dict[str, Any], limits: Limits, field: str) -> list[FieldError]:
    """The fields that are larger than a limit of this model, which its schema need not repeat."""
    prompt = value.get("prompt")
    told = (
        ("steps", value.get("steps"), limits.max_steps, "must be at most {}"),
        ("duration_s", value.get("duration_s"), limits.max_duration_s, "must be at most {:g} seconds"),
        (
            "prompt",
            len(prompt) if isinstance(prompt, str) else None,
            limits.max_prompt_len,
            "must have at most {} characters",
        ),
    )
    return [
        FieldError(f"{field}.{name}", said.format(limit))
        for name, number, limit, said in told
        if isinstance(number, int | float) and limit is not None and number > limit
    ]


def _field_error(error: jsonschema_rs.ValidationError, field: str) -> FieldError:
    path = ".".join((field, *(str(part)[:80] for part in error.instance_path)))
    kind: Any = error.kind
    name = str(kind.name)
    if name == "required":
        return FieldError(f"{path}.{kind.property}", "is required")
    if name == "additionalProperties":
        unknown = ", ".join(str(each)[:80] for each in kind.unexpected[:5])
        return FieldError(
            f"{path}.{str(kind.unexpected[0])[:80]}", f"is not a field of this model: {unknown}"
        )
    if name == "type":
        return FieldError(path, f"must be of type {' or '.join(map(str, kind.types))}")
    if name == "enum":
        return FieldError(path, f"must be one of {', '.join(map(str, kind.options))}"[:1000])
    if name in _SAYINGS:
        return FieldError(path, _SAYINGS[name].format(kind.value))
    return FieldError(path, f"does not satisfy {name}")


def input_checks(catalogue: Catalogue) -> dict[str, InputCheck]:
    """The checks of all models, by the model's id."""
    return {model.id: InputCheck(model) for model in catalogue.models}
