"""What this installation can run: which containers have their libraries, which models their weights."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from evoke.domain.catalogue import Model

DISTRIBUTION = "evoke"
_NAME = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([a-z0-9_,-]+)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([A-Za-z0-9._-]+)["']""")


class Installation:
    """The code and the weights on this machine.

    root: the folder that holds the packages `evoke`, `model_containers`, ... catalogue_folder: what a
    catalogue's relative paths start from. models_dir: the folder of downloaded weights, one entry per model
    id.
    """

    def __init__(self, root: Path, catalogue_folder: Path, models_dir: Path | None) -> None:
        self._root = root
        self._catalogue_folder = catalogue_folder
        self._models_dir = models_dir

    def missing(self, model: Model) -> str | None:
        """Why a model can't run here, None when it can."""
        if not _is_there(model.container):
            return f"there is no container model_containers/{model.container}"
        lacking = missing_packages(model.container)
        if lacking:
            return f"{', '.join(lacking)} not installed (PDM group {model.container})"
        if model.source is None or self.weights(model) is not None:
            return None
        return f"its weights are not there: {self._expected(model)}"

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
        places = self._places(model)
        if places:
            return " or ".join(str(path) for path in places)
        uri = model.source.uri if model.source is not None else ""
        return f"download {uri} into a folder and name that in EVOKE_MODELS_DIR"


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
