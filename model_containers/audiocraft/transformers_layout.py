"""Loads a folder that transformers wrote."""

from __future__ import annotations

from pathlib import Path

import torch

from model_containers.audiocraft.libraries import Network, Tokenizer, transformers
from model_containers.sdk.errors import CheckpointError

CLASSES = {
    "musicgen": "MusicgenForConditionalGeneration",
    "musicgen_melody": "MusicgenMelodyForConditionalGeneration",
}
"""Of the library, by the `model_type` of a config."""


def load(folder: Path) -> tuple[Network, Tokenizer]:
    """Load the model in float32 and its tokenizer. Raises CheckpointError."""
    try:
        kind = transformers.AutoConfig.from_pretrained(folder, local_files_only=True).model_type
        model, told = getattr(transformers, CLASSES[kind]).from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder}: {error}") from error
    if missing := sorted(told["missing_keys"]):
        raise CheckpointError(f"{folder}: lacks weights: {', '.join(missing[:5])}")
    return model.eval().requires_grad_(False), tokenizer
