"""Writes the trained model as a folder that transformers' MusicGen classes load."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from model_containers.audiocraft.libraries import Network, Tokenizer

TOKENIZER_CLASS = "PreTrainedTokenizerFast"
DEFAULTS = {
    "task": "text-to-sound",
    "window_s": 4.0,
    "duration_s": 4.0,
    "cfg_coef": 1.5,
    "temperature": 0.8,
}
"""What the container takes from `generation_defaults.json`. Guidance and temperature were chosen on prompts that are
neither those of training nor those that the model is measured with."""


def write_checkpoint(folder: Path, model: Network, tokenizer: Tokenizer) -> None:
    """Write the folder, in half precision. The model is left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to("cpu", torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _edit(folder / "tokenizer_config.json", tokenizer_class=TOKENIZER_CLASS)
    (folder / "generation_defaults.json").write_text(json.dumps(DEFAULTS, indent=2) + "\n")


def _edit(file: Path, **changes: str) -> None:
    """Name the tokenizer's class as every release of transformers knows it, not by its name in the newest."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes, indent=2) + "\n")


def size_bytes(folder: Path) -> int:
    """Return the size of all files under the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
