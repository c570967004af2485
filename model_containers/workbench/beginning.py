"""`evoke model init`: writes a new container."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Template

from model_containers.sdk.loading import load_models
from model_containers.workbench.catalogue_entry import as_yaml, catalogue_of
from model_containers.workbench.inputs import WrongWords

FILES = ("model.py", "test_model.py", "Dockerfile", "README.md")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def begin(name: str, folder: Path) -> list[Path]:
    """Write a new container into the folder and return its files. Raises WrongWords.

    name: the model's id. The folder may exist, but none of the files in it.
    """
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise WrongWords(
            f"{name!r} must be lower-case letters, digits and single hyphens, 60 characters at most"
        )
    if name.endswith("-bulk"):
        raise WrongWords(f"{name!r} must not end in -bulk: that is the ending of a queue's second lane")
    present = [file for file in (*FILES, "models.yaml") if (folder / file).exists()]
    if present:
        raise WrongWords(f"{folder} holds {', '.join(present)} already; name another folder with --folder")
    words = name.split("-")
    told = {"id": name, "title": " ".join(words).capitalize(), "kind": "".join(map(str.capitalize, words))}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_write(folder / file, _filled(file, told)) for file in FILES]
        models = load_models(folder)
        return [*written, _write(folder / "models.yaml", as_yaml(catalogue_of(models, name, "model.py")))]
    except OSError as error:
        raise WrongWords(f"can't write {folder}: {error.strerror}") from error


def _filled(file: str, told: dict[str, str]) -> str:
    template = resources.files("model_containers.workbench") / "template" / f"{file}.txt"
    return Template(template.read_text(encoding="utf-8")).substitute(told)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
