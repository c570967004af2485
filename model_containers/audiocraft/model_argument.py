"""The option `--model id=FOLDER`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelArgument:
    """A model to serve: its id in the catalogue, and the folder of its weights."""

    id: str
    weights: Path


def model_argument(text: str) -> ModelArgument:
    """Parse the option's value. Raises ArgumentTypeError, which argparse prints."""
    name, _, folder = text.partition("=")
    if not name or not folder:
        raise argparse.ArgumentTypeError(f"{text!r}: must be ID=FOLDER")
    return ModelArgument(name, Path(folder))
