"""What a checkpoint's files say, read without loading a weight: its parts, its native size, its own sampler.

Everything that can be known to be wrong is found here, so that it is told in words: which file, and why.
Pickled weights are refused, since loading them can run code; so are folders that name code of their own.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_containers.sdk.errors import CheckpointError

LIBRARIES = ("diffusers", "transformers", "stable_diffusion")
"""Where the classes of a checkpoint's parts may come from; the last is diffusers' own name for its safety checker."""

WEIGHTLESS = ("scheduler", "tokenizer", "feature_extractor", "image_processor")
"""How the names of parts begin that have no weights."""
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
MAX_HEADER_BYTES = 100 << 20


@dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint on disk. weights: its folder, or its single `.safetensors` file.

    config: the folder in diffusers' layout that describes it (the same folder, or the one named with `config=`).
    """

    weights: Path
    config: Path

    @property
    def single_file(self) -> bool:
        """Whether all weights are in one file."""
        return self.weights != self.config

    def index(self) -> dict[str, Any]:
        """The folder's `model_index.json`. Raises CheckpointError."""
        return read_json(self.config / "model_index.json")

    def part(self, name: str) -> dict[str, Any]:
        """The config of a part, empty where it has none. Raises CheckpointError where it is no JSON object."""
        folder = self.config / name
        for file in (folder / "config.json", folder / "scheduler_config.json"):
            if file.exists():
                return read_json(file)
        return {}

    def defaults(self) -> dict[str, Any]:
        """What `generation_defaults.json` beside the configs says; empty where there is none."""
        file = self.config / "generation_defaults.json"
        return read_json(file) if file.exists() else {}

    def check(self) -> None:
        """Look at every file that loading will need. Raises CheckpointError naming the first that is not right."""
        parts = parts_of(self.index(), self.config / "model_index.json")
        for name in parts:
            folder = self.config / name
            if not folder.is_dir():
                raise CheckpointError(f"{folder}: missing, though model_index.json names it")
            if not self.single_file and not name.startswith(WEIGHTLESS):
                _check_weights(folder)
        if self.single_file:
            check_safetensors(self.weights)


def checkpoint_files(weights: Path, config: Path | None = None) -> CheckpointFiles:
    """Tell a folder from a single file. Raises CheckpointError where the path is neither, or its config is missing."""
    if weights.is_dir():
        return CheckpointFiles(weights, weights)
    if not weights.exists():
        raise CheckpointError(f"{weights}: no such file or folder")
    if weights.suffix in PICKLES:
        raise CheckpointError(
            f"{weights}: pickled weights can run code and are refused; convert them to .safetensors"
        )
    if weights.suffix != ".safetensors":
        raise CheckpointError(f"{weights}: neither a folder nor a .safetensors file")
    if config is None or not config.is_dir():
        raise CheckpointError(
            f"{weights}: a single file needs a folder of configs: --model id={weights},config=FOLDER"
        )
    return CheckpointFiles(weights, config)


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object. Raises CheckpointError naming the file."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{file}: missing") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: not readable as JSON: {error}") from error
    if not isinstance(document, dict):
        raise CheckpointError(f"{file}: must hold a JSON object")
    return document


def parts_of(index: Mapping[str, Any], file: Path) -> list[str]:
    """The parts that an index names. Raises CheckpointError where one is code of the folder's own."""
    if not isinstance(index.get("_class_name"), str):
        raise CheckpointError(f"{file}: _class_name must name a pipeline of diffusers")
    parts = []
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or value[:1] == [None]:
            continue
        if len(value) != 2 or value[0] not in LIBRARIES or not isinstance(value[1], str):
            raise CheckpointError(
                f"{file}: {name} is {value}; only classes of diffusers and transformers are loaded"
            )
        parts.append(name)
    return parts


def _check_weights(folder: Path) -> None:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickled = next((file for file in sorted(folder.iterdir()) if file.suffix in PICKLES), None)
        if pickled:
            raise CheckpointError(
                f"{pickled}: pickled weights can run code and are refused; convert them to .safetensors"
            )
        raise CheckpointError(f"{folder}: holds no .safetensors file")
    for file in files:
        check_safetensors(file)


def check_safetensors(file: Path) -> None:
    """Check the header and the length of a `.safetensors` file, without reading its weights.

    The format: 8 bytes of header length, little-endian; the header, JSON that gives each tensor's offsets; the data.
    Raises CheckpointError.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = stream.read(8)
        header_size = struct.unpack("<Q", length)[0] if len(length) == 8 else size
        if header_size > min(size - 8, MAX_HEADER_BYTES):
            raise CheckpointError(f"{file}: truncated or no .safetensors file: {size} bytes")
        header = stream.read(header_size)
    try:
        tensors = json.loads(header)
        end = max(entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CheckpointError(f"{file}: the header is damaged: {error}") from error
    if 8 + header_size + end != size:
        raise CheckpointError(f"{file}: truncated: {size} bytes, its header tells of {8 + header_size + end}")
