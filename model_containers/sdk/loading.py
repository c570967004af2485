"""Finds the models in an author's file, so that a container needs no main program of its own."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from model_containers.sdk.model import Servable

FILE = "model.py"


class NoModels(Exception):
    """The file is missing, can't be run, or holds no model; the message says which."""


def model_file(path: Path) -> Path:
    """The file that is meant: the path itself, or `model.py` in that folder. Raises NoModels."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise NoModels(f"{file}: no such file; name a folder with a {FILE}, or a Python file")
    return file.resolve()


def load_models(path: Path) -> Sequence[Servable]:
    """Run the file and return its models: what its function `models()` returns, else one of each class it defines.

    The file's folder comes first on the module path, so that it can import its neighbours. Raises NoModels.
    """
    file = model_file(path)
    module = _run(file)
    made = getattr(module, "models", None)
    if callable(made):
        found = list(made())
    else:
        found = [_make(kind, file) for kind in vars(module).values() if _is_model(kind, module)]
    if not found or not all(isinstance(model, Servable) for model in found):
        raise NoModels(f"{file}: holds no class derived from Model or BatchModel, and no function models()")
    return found


def _run(file: Path) -> ModuleType:
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise NoModels(f"{file}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise NoModels(f"{file}: {error}") from error
    return module


def _is_model(kind: object, module: ModuleType) -> bool:
    return (
        inspect.isclass(kind)
        and issubclass(kind, Servable)
        and not inspect.isabstract(kind)
        and kind.__module__ == module.__name__
    )


def _make(kind: type[Servable], file: Path) -> Servable:
    try:
        return kind()
    except TypeError as error:
        raise NoModels(f"{file}: {error}; write a function models() that makes {kind.__name__}") from error
