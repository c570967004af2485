"""From what was typed to a model's input, by the model's JSON Schema."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.failures import Usage

_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def build_input(
    schema: dict[str, Any], text: str | None, parameters: Sequence[str], seed: int | None
) -> dict[str, Any]:
    """The input object. Later sources win: a file, the text, `-p` parameters, the seed.

    text: `@FILE` names a JSON file with the whole input; other text goes to the field that a model takes
    first: `prompt`, or else its one required field. Raises Usage.
    """
    value: dict[str, Any] = {}
    if text is not None and text.startswith("@"):
        value |= _read_object(Path(text[1:]))
    elif text is not None:
        name = main_field(schema)
        value[name] = typed(schema, name, text)
    for parameter in parameters:
        name, equals, raw = parameter.partition("=")
        if not equals or not name:
            raise Usage(f"-p takes NAME=VALUE, got {parameter!r}")
        value[name] = typed(schema, name, raw)
    if seed is not None:
        value["seed"] = typed(schema, "seed", str(seed))
    return value


def main_field(schema: dict[str, Any]) -> str:
    """The field that text without a name is meant for. Raises Usage when it is not clear."""
    fields = schema.get("properties", {})
    required = schema.get("required", [])
    if "prompt" in fields:
        return "prompt"
    if len(required) == 1:
        return str(required[0])
    raise Usage("this model takes no single text", f"Name its fields: {_options(fields)}")


def typed(schema: dict[str, Any], name: str, raw: str) -> Any:
    """The value of a field as its schema wants it. Raises Usage on an unknown field or a value of another type.

    Limits are left to the API, which knows them all.
    """
    fields: dict[str, Any] = schema.get("properties", {})
    if name not in fields:
        if schema.get("additionalProperties", True) is not False:
            return _json_or_text(raw)
        nearest = difflib.get_close_matches(name, fields, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(fields)}"
        raise Usage(f"the model has no field {name!r}; {hint}")
    return _converted(name, fields[name], raw)


def _converted(name: str, field: dict[str, Any], raw: str) -> Any:
    match field.get("type"):
        case "string":
            return raw
        case "integer":
            return _number(name, raw, int, "a whole number")
        case "number":
            return _number(name, raw, float, "a number")
        case "boolean":
            if raw.lower() not in _WORDS:
                raise Usage(f"{name} must be true or false, got {raw!r}")
            return _WORDS[raw.lower()]
        case "array" | "object" as kind:
            value = _json_or_text(raw)
            if not isinstance(value, list if kind == "array" else dict):
                raise Usage(f"{name} must be a JSON {kind}, got {raw!r}")
            return value
        case _:
            return _json_or_text(raw)


def _number(name: str, raw: str, kind: type[int] | type[float], words: str) -> int | float:
    try:
        return kind(raw)
    except ValueError:
        raise Usage(f"{name} must be {words}, got {raw!r}") from None


def _json_or_text(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Usage(f"can't read {path}: {error.strerror}") from error
    except ValueError as error:
        raise Usage(f"{path} holds no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Usage(f"{path} must hold a JSON object, the model's input")
    return value


def _options(fields: dict[str, Any]) -> str:
    return " ".join(f"-p {name}=..." for name in fields)
