"""Which files of a source are taken: weights that can't run code, and what describes them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from evoke.domain.errors import InvalidInput
from evoke.ports.weights_source import RemoteFile

WEIGHTS = (".safetensors",)
DESCRIBING = (".json", ".txt", ".model", ".md", ".yaml", ".yml", ".jinja", ".tiktoken", ".spm", ".vocab")
UNSAFE = (
    ".bin",
    ".ckpt",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".joblib",
    ".npy",
    ".npz",
    ".h5",
    ".onnx",
    ".py",
    ".so",
)
"""Formats that can run code when they are loaded, and code itself."""
_MOST_FILES = 2000


def selected(
    files: Sequence[RemoteFile], patterns: Sequence[str], allowed: Sequence[str]
) -> list[RemoteFile]:
    """The files to take. Raises InvalidInput where none is left that holds weights, saying what could be allowed.

    patterns: of the files to take; empty: weights and what describes them. allowed: names of unsafe files that are
    taken all the same, by their whole path or their last part.
    """
    if len(files) > _MOST_FILES:
        raise InvalidInput("source.files", f"the source has {len(files)} files, at most {_MOST_FILES}")
    for file in files:
        _check_name(file.name)
    taken = [file for file in files if _wanted(file.name, patterns, allowed)]
    if not any(_kind(file.name) in WEIGHTS or _allowed(file.name, allowed) for file in taken):
        raise InvalidInput("source", _refusal(files, patterns))
    return taken


def _wanted(name: str, patterns: Sequence[str], allowed: Sequence[str]) -> bool:
    if _allowed(name, allowed):
        return True
    if _kind(name) in UNSAFE or PurePosixPath(name).name.startswith("."):
        return False
    if patterns:
        return any(fnmatchcase(name, pattern) for pattern in patterns)
    return _kind(name) in (*WEIGHTS, *DESCRIBING) or PurePosixPath(name).name.upper().startswith("LICEN")


def _allowed(name: str, allowed: Sequence[str]) -> bool:
    return name in allowed or PurePosixPath(name).name in allowed


def _kind(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _refusal(files: Sequence[RemoteFile], patterns: Sequence[str]) -> str:
    unsafe = [file.name for file in files if _kind(file.name) in UNSAFE]
    if unsafe:
        return (
            f"holds no .safetensors file; {', '.join(unsafe[:5])} can run code when loaded, and is taken only when "
            "its name is in source.allow (--allow NAME)"
        )
    if patterns:
        return f"no .safetensors file of it fits source.files ({', '.join(patterns)})"
    return "holds no .safetensors file"


def _check_name(name: str) -> None:
    """Raises InvalidInput for a name that would leave the model's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or "\0" in name:
        raise InvalidInput("source", f"names a file {name[:100]!r} that leads out of the model's folder")
