"""What a checkpoint's files say, read without loading a weight: its parts, its native size, its own sampler.

Everything that can be known to be wrong is found here, so that it is told in words: which file, and why.
Pickled weights are refused, since loading them can run code; so are folders that name code of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_containers.checkpoints.files import PICKLES, check_safetensors, read_json
from model_containers.sdk.errors import CheckpointError

LIBRARIES = ("diffusers", "transformers", "stable_diffusion")
"""Where the classes of a checkpoint's parts may come from; the last is diffusers' own name for its safety checker."""

WEIGHTLESS = ("scheduler", "tokenizer", "feature_extractor", "image_processor")
"""How the names of parts begin that have no weights."""


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

    def size_bytes(self) -> int:
        """The size of its weights on disk: about what they take in memory."""
        if self.single_file:
            return self.weights.stat().st_size
        return sum(file.stat().st_size for file in self.weights.glob("*/*.safetensors"))

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
