"""From a model's JSON Schema (2020-12) to the fields of a form.

Hints only: what the schema says in words that HTML does not have (patterns over several fields, limits of
the model) the API checks, and its answer is shown at the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from evoke.domain.errors import InvalidInput
from evoke.domain.file_references import KEYWORD, UploadedFile, parse_reference

_LONG_TEXT = 200
_FIRST = ("prompt", "text", "lyrics")


class Option(msgspec.Struct, frozen=True):
    """One choice. value: as JSON, so that numbers stay numbers."""

    value: str
    label: str
    chosen: bool


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One input. kind: text, long_text, integer, number, boolean, choice, file, json. value: what it shows at first.

    media_types: that a file may have; none: any. address: of the file that is there at first.
    """

    name: str
    label: str
    kind: str
    description: str = ""
    value: str = ""
    checked: bool = False
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    step: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    address: str = ""

    @property
    def shown_as(self) -> str:
        """How a file of this field is shown: picture, sound or file."""
        kinds = {each.partition("/")[0] for each in self.media_types}
        return {"image": "picture", "audio": "sound"}.get(kinds.pop(), "file") if len(kinds) == 1 else "file"

    @property
    def hint(self) -> str:
        """The description, the range and the types, for people."""
        bounds = _bounds(self.minimum, self.maximum)
        return " ".join(part for part in (self.description, bounds, _types(self.media_types)) if part)


class Form(msgspec.Struct, frozen=True):
    """main: what is always seen, the prompt first. settings: what has a good default."""

    main: tuple[Field, ...]
    settings: tuple[Field, ...]

    @property
    def seed_maximum(self) -> int | None:
        """The largest seed, when the model takes one."""
        seed = next((field for field in self.settings + self.main if field.name == "seed"), None)
        if seed is None or seed.kind != "integer":
            return None
        return int(seed.maximum) if seed.maximum is not None else (1 << 32) - 1


def form_of(schema: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> Form:
    """The form of an input's schema. values: an earlier input to begin with; the defaults are the rest."""
    required = set(schema.get("required", ()))
    fields = [
        _field(name, said if isinstance(said, dict) else {}, name in required, values or {})
        for name, said in schema.get("properties", {}).items()
    ]
    main = [field for field in fields if field.required or field.name in _FIRST]
    main.sort(key=lambda field: _FIRST.index(field.name) if field.name in _FIRST else len(_FIRST))
    return Form(tuple(main), tuple(field for field in fields if field not in main))


def _field(name: str, said: Mapping[str, Any], required: bool, values: Mapping[str, Any]) -> Field:
    kind = _kind(said)
    value = values.get(name, said.get("default"))
    return Field(
        name=name,
        label=str(said.get("title") or name.replace("_", " ").capitalize()),
        kind=kind,
        description=str(said.get("description", "")),
        value=_shown(kind, value),
        checked=value is True,
        required=required and kind != "boolean",
        minimum=_limit(said, "minimum"),
        maximum=_limit(said, "maximum"),
        step=_step(kind, said),
        min_length=said.get("minLength"),
        max_length=said.get("maxLength"),
        options=tuple(_option(each, value) for each in said.get("enum", ())),
        examples=tuple(each for each in said.get("examples", ()) if isinstance(each, str))[:3],
        media_types=tuple(said.get(KEYWORD) or ()),
        address=_address(value) if kind == "file" else "",
    )


def _kind(said: Mapping[str, Any]) -> str:
    if said.get("enum"):
        return "choice"
    if KEYWORD in said:
        return "file"
    kind = said.get("type")
    if kind == "string":
        long = said.get("maxLength", _LONG_TEXT + 1) > _LONG_TEXT
        return "long_text" if long else "text"
    return str(kind) if kind in ("integer", "number", "boolean") else "json"


def _shown(kind: str, value: Any) -> str:
    if value is None or kind in ("boolean", "choice"):
        return ""
    return json.dumps(value, ensure_ascii=False) if kind == "json" else str(value)


def _option(value: Any, chosen: Any) -> Option:
    return Option(json.dumps(value, ensure_ascii=False), str(value), value == chosen)


def _limit(said: Mapping[str, Any], name: str) -> float | None:
    limit = said.get(name)
    return limit if isinstance(limit, (int, float)) else None


def _step(kind: str, said: Mapping[str, Any]) -> str | None:
    """HTML counts steps from the minimum, JSON Schema from zero: where the two differ the API alone checks."""
    if kind not in ("integer", "number"):
        return None
    step = said.get("multipleOf", 1 if kind == "integer" else None)
    aligned = step is not None and (said.get("minimum") or 0) % step == 0
    return f"{step:g}" if aligned else "any"


def _types(media_types: Sequence[str]) -> str:
    """PNG, JPEG or WEBP."""
    names = [each.partition("/")[2].removeprefix("x-").upper() for each in media_types]
    return f"{' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}." if names else ""


def _address(value: Any) -> str:
    """Where the API has what a reference names; empty where it is none."""
    try:
        named = parse_reference(str(value or ""), "")
    except InvalidInput:
        return ""
    if isinstance(named, UploadedFile):
        return f"/v1/files/{named.id}/content"
    return f"/v1/jobs/{named.job_id}/artifacts/{named.number}"


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f"{minimum:,.10g} to {maximum:,.10g}."
    if minimum is not None:
        return f"At least {minimum:,.10g}."
    return f"At most {maximum:,.10g}." if maximum is not None else ""
