"""What this installation can run: which containers have their libraries, which models their weights."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import msgspec

from evoke.domain.catalogue import Container, Model
from evoke.domain.weights_place import InPackage, OnDisk, place_of, shown

DISTRIBUTION = "evoke"
_NAME = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([a-z0-9_,-]+)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([A-Za-z0-9._-]+)["']""")


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How a container is started: program and arguments, where (None: here), and what its environment has besides."""

    words: tuple[str, ...]
    folder: Path | None = None
    environment: Mapping[str, str] = {}


class Installation:
    """The code and the weights on this machine.

    root: the folder that holds the packages `evoke`, `model_containers`, ... catalogue_folder: what relative paths
    start from. models_dir: the folder of downloaded weights, one entry per model id. containers: those of the
    catalogue's own, by name.
    """

    def __init__(
        self,
        root: Path,
        catalogue_folder: Path,
        models_dir: Path | None,
        containers: Mapping[str, Container] | None = None,
    ) -> None:
        self._root = root
        self._catalogue_folder = catalogue_folder
        self._models_dir = models_dir
        self._containers = containers or {}

    def start_of(self, container: str, address: str) -> Start:
        """How to start a container so that it listens at this address."""
        own = self._containers.get(container)
        if own is None:
            module = f"model_containers.{container}"
            return Start(words=(sys.executable, "-m", module, "--address", address))
        folder = self._folder(own)
        words = [word.replace("{python}", sys.executable) for word in own.command]
        if not any("{address}" in word for word in words):
            words += ["--address", address]
        words = [word.replace("{address}", address) for word in words]
        # The SDK must be found also by a container that is started in another folder.
        path = os.pathsep.join(filter(None, (str(self._root), os.environ.get("PYTHONPATH"))))
        return Start(
            words=(_program(words[0], folder), *words[1:]), folder=folder, environment={"PYTHONPATH": path}
        )

    def missing(self, model: Model) -> str | None:
        """Why a model can't run here, None when it can."""
        own = self._containers.get(model.container)
        lacking = self._lacking(model.container) if own is None else self._lacking_of(own)
        if lacking is not None:
            return lacking
        if model.source is None or self.weights(model) is not None:
            return None
        return f"its weights are not there: {self._expected(model)}"

    def _lacking(self, container: str) -> str | None:
        if not _is_there(container):
            return (
                f"there is no container model_containers/{container}, and the catalogue has none of that name"
            )
        lacking = missing_packages(container)
        return f"{', '.join(lacking)} not installed (PDM group {container})" if lacking else None

    def _lacking_of(self, own: Container) -> str | None:
        folder = self._folder(own)
        if not folder.is_dir():
            return f"there is no folder {folder}"
        program = _program(own.command[0].replace("{python}", sys.executable), folder)
        return None if shutil.which(program) else f"there is no program {program}"

    def _folder(self, own: Container) -> Path:
        return self._catalogue_folder / own.folder

    def weights(self, model: Model) -> Path | None:
        """Where the weights of a model lie on this machine, None when it has or needs none here."""
        if model.source is None:
            return None
        found = (path for path in self._places(model) if path.exists())
        return next(found, None)

    def _places(self, model: Model) -> list[Path]:
        uri = model.source.uri if model.source is not None else ""
        kind, colon, rest = uri.partition(":")
        places = []
        if kind == "package":
            places.append(self._root / rest)
        elif not colon or kind == "file":
            path = Path((rest if colon else uri).removeprefix("//")).expanduser()
            places.append(path if path.is_absolute() else self._catalogue_folder / path)
        if self._models_dir is not None:
            stem = self._models_dir / model.id
            places += [stem, stem.with_name(stem.name + ".safetensors")]
        return places

    def _expected(self, model: Model) -> str:
        uri = model.source.uri if model.source is not None else ""
        local = isinstance(place_of(uri), InPackage | OnDisk)
        if local:
            return " or ".join(str(path) for path in self._places(model))
        return f"{shown(uri)} is not here; `evoke models pull {model.id}` fetches it"


def _program(word: str, folder: Path) -> str:
    """The program that is meant: found by the PATH, or with a slash in its name from this folder."""
    return str(folder / word) if "/" in word else word


def missing_packages(group: str) -> tuple[str, ...]:
    """The packages of a PDM group that are not installed, by the metadata of the distribution.

    Empty when evoke itself is not installed as a distribution: then nobody knows, and starting it will tell.
    """
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ()
    lacking: list[str] = []
    for requirement in requirements:
        extra = _EXTRA.search(requirement)
        parsed = _NAME.match(requirement)
        if extra is None or parsed is None or extra.group(1) != group:
            continue
        name, inner = parsed.groups()
        if name == DISTRIBUTION:
            lacking += [
                package for part in (inner or "").split(",") if part for package in missing_packages(part)
            ]
        elif not _is_installed(name):
            lacking.append(name)
    return tuple(dict.fromkeys(lacking))


def _is_there(container: str) -> bool:
    try:
        return find_spec(f"model_containers.{container}.__main__") is not None
    except ModuleNotFoundError:
        return False


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
