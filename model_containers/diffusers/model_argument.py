"""The option `--model id=PATH[,config=FOLDER]`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelArgument:
    """A model to serve: its id in the catalogue, its weights, and for a single file the folder of its configs."""

    id: str
    weights: Path
    config: Path | None = None


def model_argument(text: str) -> ModelArgument:
    """Parse the option's value. Raises ArgumentTypeError, which argparse prints."""
    name, _, rest = text.partition("=")
    weights, comma, option = rest.partition(",")
    key, _, config = option.partition("=")
    if not name or not weights or (comma and (key != "config" or not config)):
        raise argparse.ArgumentTypeError(f"{text!r}: must be ID=FOLDER or ID=FILE.safetensors,config=FOLDER")
    return ModelArgument(name, Path(weights), Path(config) if config else None)
