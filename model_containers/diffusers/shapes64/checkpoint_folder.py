"""Writes the trained networks as a folder that diffusers' pipelines load."""

import json
from pathlib import Path

import torch

from model_containers.diffusers.shapes64.libraries import Network, diffusers
from model_containers.diffusers.shapes64.networks import make_schedule
from model_containers.diffusers.shapes64.train_reader import Reader

TOKENIZER_CLASS = "PreTrainedTokenizerFast"


def write_checkpoint(folder: Path, vae: Network, denoiser: Network, reader: Reader) -> None:
    """Write the folder; denoiser and autoencoder in half precision, which no picture shows.

    The text encoder stays in single precision: transformers loads weights in the precision that they are
    stored in, diffusers in single precision unless told otherwise, and the two must fit together.
    The networks are converted in place and left so.
    """
    pipeline = diffusers.StableDiffusionPipeline(
        vae=vae.to("cpu", torch.float16),
        text_encoder=reader.text_encoder.to("cpu"),
        tokenizer=reader.tokenizer,
        unet=denoiser.to("cpu", torch.float16),
        scheduler=make_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    _name_tokenizer(folder)
    _forget_origin(folder)


def _name_tokenizer(folder: Path) -> None:
    """Name the tokenizer's class as every release of transformers knows it, not by its name in the newest."""
    index = folder / "model_index.json"
    parts = json.loads(index.read_text())
    parts["tokenizer"][1] = TOKENIZER_CLASS
    index.write_text(json.dumps(parts, indent=2) + "\n")
    config = folder / "tokenizer" / "tokenizer_config.json"
    settings = json.loads(config.read_text())
    settings["tokenizer_class"] = TOKENIZER_CLASS
    config.write_text(json.dumps(settings, indent=2) + "\n")


def _forget_origin(folder: Path) -> None:
    """Drop the paths of this machine that diffusers notes in configurations."""
    for path in folder.glob("*/config.json"):
        settings = json.loads(path.read_text())
        settings.pop("_name_or_path", None)
        path.write_text(json.dumps(settings, indent=2) + "\n")


def size_bytes(folder: Path) -> int:
    """Return the size of all files under the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
