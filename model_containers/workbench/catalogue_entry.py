"""`evoke model entry`: the catalogue's entry of a model, made from its code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from model_containers.sdk.manifest import Manifest
from model_containers.sdk.model import Servable

HEAD = "# Written by `evoke model entry`: the schema of the input is the code's.\n"


def catalogue_of(models: Sequence[Servable], container: str, file: str) -> dict[str, Any]:
    """A catalogue with these models, served from one container that is started with `file`."""
    command = ["{python}", "-m", "model_containers.sdk", file]
    return {
        "containers": {container: {"command": command}},
        "models": [_entry(model.manifest, container) for model in models],
    }


def as_yaml(catalogue: dict[str, Any]) -> str:
    """The text of a `models.yaml`."""
    return HEAD + yaml.safe_dump(
        catalogue, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True
    )


def stale(models: Sequence[Servable], file: Path) -> list[str]:
    """Ids of the models whose input in the file is not what the code says. Raises OSError, yaml.YAMLError."""
    document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    told = {entry["id"]: entry.get("input") for entry in document.get("models", [])}
    return [m.manifest.id for m in models if told.get(m.manifest.id) != _input(m.manifest)]


def _entry(manifest: Manifest, container: str) -> dict[str, Any]:
    title = manifest.title or manifest.id.replace("-", " ").replace("_", " ").capitalize()
    limits = {name: _whole(value) for name, value in manifest.limits.items()}
    told = {
        "id": manifest.id,
        "title": title,
        "task": manifest.task,
        "queue": manifest.queue or manifest.id,
        "container": container,
        "description": manifest.description,
        "licence": manifest.licence,
        "limits": {**limits, "deadline_s": _whole(manifest.deadline_s)},
        "input": _input(manifest),
    }
    return {name: value for name, value in told.items() if value != ""}


def _input(manifest: Manifest) -> dict[str, Any]:
    """The schema without the name and the docstring of the class, which are for the author."""
    return {name: value for name, value in manifest.schema.items() if name not in ("title", "description")}


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number
