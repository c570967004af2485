"""Reads `models.yaml`: other catalogues that it includes, and paths that start at its own folder."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from evoke.domain.catalogue import Catalogue
from evoke.domain.catalogue_document import KEYS, catalogue_of
from evoke.domain.errors import InvalidInput

SHIPPED = "shipped"
"""What `include` calls the catalogue that comes with evoke."""
_MOST_FILES = 100


def load_catalogue(path: Path | None) -> Catalogue:
    """Read `models.yaml`, the shipped one when `path` is None. Raises InvalidInput naming file, entry and field.

    `include: [shipped, more.yaml]` puts the entries of other catalogues behind those of the file itself.
    """
    document: dict[str, Any] = {"models": []}
    done: set[Path] = set()
    _add(document, path, done)
    return catalogue_of(document)


def _add(document: dict[str, Any], path: Path | None, done: set[Path]) -> None:
    """Add what a file says, and what it includes, each file once."""
    file = path.resolve() if path is not None else Path(str(resources.files("evoke") / "models.yaml"))
    if file in done:
        return
    done.add(file)
    if len(done) > _MOST_FILES:
        raise InvalidInput("EVOKE_CATALOGUE", f"more than {_MOST_FILES} files are included")
    told = _read(file)
    includes = told.pop("include", None) or []
    if not isinstance(includes, list) or not all(isinstance(name, str) for name in includes):
        raise InvalidInput(f"{file}: include", f"must be a list of files, or {SHIPPED!r}")
    _take(document, _placed(told, file.parent), file)
    for name in includes:
        _add(document, None if name == SHIPPED else file.parent / name, done)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput("EVOKE_CATALOGUE", f"{file}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInput("models", f"{file} must hold a list of entries under `models`")
    return document


def _take(document: dict[str, Any], told: Mapping[str, Any], file: Path) -> None:
    """Add the entries of a file to the document. A key that no catalogue has is left for `catalogue_of` to tell."""
    for key, entries in told.items():
        known = document.setdefault(key, {} if key == "containers" else [])
        if key not in KEYS:
            continue
        if type(known) is not type(entries):
            kind = "a mapping" if key == "containers" else "a list of entries"
            raise InvalidInput(key, f"must be {kind}, in {file}")
        if isinstance(known, list):
            known.extend(entries)
        else:
            _take_named(known, entries, f"{file}: {key}")


def _take_named(known: dict[str, Any], entries: Mapping[str, Any], place: str) -> None:
    for name, entry in entries.items():
        if name in known:
            raise InvalidInput(place, f"two entries are called {name!r}")
        known[name] = entry


def _placed(told: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The document with the paths of its entries made absolute."""
    for entry in told.get("models") or []:
        source = entry.get("source") if isinstance(entry, dict) else None
        if isinstance(source, dict):
            for field in ("uri", "config"):
                if isinstance(source.get(field), str):
                    source[field] = _absolute(source[field], folder)
    containers = told.get("containers")
    for entry in containers.values() if isinstance(containers, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("folder", ""), str):
            entry["folder"] = str(folder / Path(entry.get("folder", "")).expanduser())
    return told


def _absolute(uri: str, folder: Path) -> str:
    """A local path from this folder; every other address as it is."""
    kind, colon, rest = uri.partition(":")
    if not uri or (colon and kind != "file"):
        return uri
    return str(folder / Path((rest if colon else uri).removeprefix("//")).expanduser())


def add_entry(path: Path, entry: Mapping[str, Any]) -> None:
    """Write an entry at the end of a catalogue's list of models; a new file includes the shipped catalogue.

    Everything else of the file stays as it is, comments too. Raises InvalidInput where the file would not be the same
    catalogue with one entry more, e.g. because its list of models does not come last.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else f"include: [{SHIPPED}]\nmodels:\n"
    known = yaml.safe_load(before) or {}
    after = before.rstrip("\n") + "\n" + textwrap.indent(_as_yaml([entry]), "  ")
    try:
        same = yaml.safe_load(after) == {**known, "models": [*(known.get("models") or []), dict(entry)]}
    except yaml.YAMLError:
        same = False
    if not same:
        raise InvalidInput(
            str(path),
            f"the list of models must come last in it, indented by two; add this by hand:\n{_as_yaml([entry])}",
        )
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(after, encoding="utf-8")
    try:
        load_catalogue(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _as_yaml(entries: list[Mapping[str, Any]]) -> str:
    plain = [dict(entry) for entry in entries]
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
