"""Inputs of a model: an example by its schema, and values that were typed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class WrongWords(Exception):
    """What was typed makes no sense; the message says what does."""


def example_input(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An input that the schema allows, as far as its defaults and examples tell.

    A required field takes its default, its first example, a value of its enum, or the smallest of its type.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    return {name: _example_of(properties.get(name, {})) for name in schema.get("required", [])}


def _example_of(field: Mapping[str, Any]) -> Any:
    if "default" in field:
        return field["default"]
    for name in ("examples", "enum"):
        if field.get(name):
            return field[name][0]
    return _smallest(field)


def _smallest(field: Mapping[str, Any]) -> Any:
    match field.get("type"):
        case "integer" | "number":
            return field.get("minimum", field.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return False
        case "array":
            return [_example_of(field.get("items", {})) for _ in range(field.get("minItems", 0))]
        case "object":
            return example_input(field)
    return "x" * max(1, field.get("minLength", 1))


def typed_input(schema: Mapping[str, Any], text: str | None, parameters: Sequence[str]) -> dict[str, Any]:
    """The input that was typed, over the schema's example. Raises WrongWords.

    text: a JSON object, or `@FILE` with one; it replaces the example. parameters: `NAME=VALUE`, typed by the schema.
    """
    value = example_input(schema) if text is None else read_object(text)
    properties: Mapping[str, Any] = schema.get("properties", {})
    for parameter in parameters:
        name, equals, raw = parameter.partition("=")
        if not name or not equals:
            raise WrongWords(f"-p takes NAME=VALUE, got {parameter!r}")
        value[name] = raw if properties.get(name, {}).get("type") == "string" else _json_or_text(raw)
    return value


def read_object(text: str) -> dict[str, Any]:
    """Parse a JSON object, or the one in the file that `@FILE` names. Raises WrongWords."""
    try:
        content = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        value = json.loads(content)
    except OSError as error:
        raise WrongWords(f"can't read {text[1:]}: {error.strerror}") from error
    except ValueError as error:
        raise WrongWords(f"the input is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrongWords("the input must be a JSON object")
    return value


def read_files(files: Sequence[str]) -> dict[str, bytes]:
    """The files that `NAME=PATH` name, by name. Raises WrongWords."""
    found = {}
    for text in files:
        name, equals, path = text.partition("=")
        if not name or not equals:
            raise WrongWords(f"--file takes NAME=PATH, got {text!r}")
        try:
            found[name] = Path(path).read_bytes()
        except OSError as error:
            raise WrongWords(f"can't read {path}: {error.strerror}") from error
    return found


def _json_or_text(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
