"""From a parsed `models.yaml` to a catalogue: every rule that an entry must keep, each told with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from evoke.domain import topics
from evoke.domain.catalogue import Catalogue, Container, Limits, Model, ModelLink, Source
from evoke.domain.errors import InvalidInput
from evoke.domain.weights_place import InBucket, OnWeb, place_of

T = TypeVar("T")

KEYS = ("models", "containers", "model_links")
AUDIO_TASKS = ("text-to-audio", "text-to-sound", "text-to-music")
MAX_DURATION_S, MAX_PROMPT_LEN = 30.0, 100
"""Of a model that makes sound, where its entry does not say otherwise."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def catalogue_of(document: Mapping[str, Any]) -> Catalogue:
    """Build a catalogue from a parsed `models.yaml`. Raises InvalidInput naming the entry and the field."""
    unknown = [str(key) for key in document if key not in KEYS]
    if unknown:
        raise InvalidInput(unknown[0][:80], f"is no part of a catalogue; it has {', '.join(KEYS)}, include")
    models = [_model_of(entry, f"models[{place}]") for place, entry in enumerate(_list(document, "models"))]
    links = [
        _link_of(entry, f"model_links[{n}]") for n, entry in enumerate(_list(document, "model_links", []))
    ]
    found = document.get("containers", {})
    if not isinstance(found, Mapping):
        raise InvalidInput("containers", "must be a mapping from names to containers")
    containers = {str(name): _container_of(str(name), entry) for name, entry in found.items()}
    return Catalogue(models, containers, links)


def _list(document: Mapping[str, Any], key: str, default: list[Any] | None = None) -> list[Any]:
    entries = document.get(key, default)
    if not isinstance(entries, list):
        raise InvalidInput(key, "must be a list of entries")
    return entries


def _converted(entry: object, kind: type[T], place: str) -> T:
    try:
        return msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(place, str(error)) from error


def _model_of(entry: object, place: str) -> Model:
    model = _converted(entry, Model, place)
    for field in ("id", "container"):
        if not _NAME.fullmatch(getattr(model, field)):
            raise InvalidInput(
                f"{place}.{field}",
                f"{getattr(model, field)[:80]!r} must be letters, digits, '_', '-' and '.'",
            )
    if topics.names_a_lane(model.queue):
        raise InvalidInput(
            f"{place}.queue",
            f"{model.queue!r} of {model.id!r} must not end in {topics.BULK_SUFFIX!r}: "
            "its topic would be another queue's bulk lane",
        )
    if model.source is not None:
        _check_source(model.source, f"{place}.source")
    _check_limits(model.limits, f"{place}.limits")
    if model.task in AUDIO_TASKS:
        return msgspec.structs.replace(model, limits=_limits_of_sound(model.limits))
    return model


def _check_source(source: Source, place: str) -> None:
    try:
        found = place_of(source.uri)
    except InvalidInput as error:
        raise InvalidInput(f"{place}.uri", error.reason) from error
    single = isinstance(found, OnWeb) or (isinstance(found, InBucket) and not found.key.endswith("/"))
    if source.sha256 is not None and not _SHA256.fullmatch(source.sha256):
        raise InvalidInput(f"{place}.sha256", "must be 64 hexadecimal digits in lower case")
    if source.sha256 is not None and not single:
        raise InvalidInput(f"{place}.sha256", "is for a single file: https://… or s3://BUCKET/KEY")
    if source.size_bytes is not None and source.size_bytes < 1:
        raise InvalidInput(f"{place}.size_bytes", f"must be 1 or more, got {source.size_bytes}")


def _check_limits(limits: Limits, place: str) -> None:
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        if value is not None and not value > 0:
            raise InvalidInput(f"{place}.{name}", f"must be more than 0, got {value}")


def _limits_of_sound(limits: Limits) -> Limits:
    return msgspec.structs.replace(
        limits,
        max_duration_s=limits.max_duration_s or MAX_DURATION_S,
        max_prompt_len=limits.max_prompt_len or MAX_PROMPT_LEN,
    )


def _container_of(name: str, entry: object) -> Container:
    if not _NAME.fullmatch(name):
        raise InvalidInput("containers", f"{name[:80]!r} must be letters, digits, '_', '-' and '.'")
    container = _converted(entry, Container, f"containers.{name}")
    if not container.command or not all(container.command):
        raise InvalidInput(f"containers.{name}.command", "must be a list of words")
    return container


def _link_of(entry: object, place: str) -> ModelLink:
    link = _converted(entry, ModelLink, place)
    if not _NAME.fullmatch(link.rename_to):
        raise InvalidInput(
            f"{place}.rename_to",
            f"{link.rename_to[:80]!r} must be a file name: letters, digits, '_', '-' and '.'",
        )
    try:
        found = place_of(link.url)
    except InvalidInput as error:
        raise InvalidInput(f"{place}.url", error.reason) from error
    if not isinstance(found, OnWeb | InBucket):
        raise InvalidInput(f"{place}.url", "must be https://… or s3://BUCKET/KEY")
    return link
