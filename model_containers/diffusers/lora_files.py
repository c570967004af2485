"""LoRA files: low-rank changes of a checkpoint's layers, as `.safetensors` in the layouts of kohya and of diffusers.

A layer W of rank r becomes W + weight x (alpha / r) x up x down (Hu et al. 2021).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from model_containers.sdk.errors import InvalidInput

NETWORKS = ("unet", "text_encoder", "text_encoder_2")
"""The parts of a pipeline that a LoRA may change."""

_KOHYA = {
    "lora_unet_": "unet",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te_": "text_encoder",
}
_KINDS = (
    (
        re.compile(
            r"(.+)[.](?:lora_A|lora_down|lora[.]down|lora_linear_layer[.]down)(?:[.]default)?[.]weight"
        ),
        "down",
    ),
    (re.compile(r"(.+)[.](?:lora_B|lora_up|lora[.]up|lora_linear_layer[.]up)(?:[.]default)?[.]weight"), "up"),
    (re.compile(r"(.+)[.]alpha"), "alpha"),
)


@dataclass(frozen=True)
class Change:
    """What a LoRA does to one layer. up: (outputs, rank, ...), down: (rank, inputs, ...)."""

    up: torch.Tensor
    down: torch.Tensor
    alpha: float | None

    def delta(self, shape: torch.Size) -> torch.Tensor:
        """What is added to a weight of that shape at weight 1, float32. Raises ValueError where it does not fit."""
        rank = self.down.shape[0]
        scale = 1.0 if self.alpha is None else self.alpha / rank
        found = self.up.float().flatten(1) @ self.down.float().flatten(1)
        if found.numel() != shape.numel() or found.shape[0] != shape[0]:
            raise ValueError(f"{tuple(found.shape)} does not fit {tuple(shape)}")
        return found.reshape(shape) * scale


def read_lora(file: Path, networks: Mapping[str, Any], field: str) -> dict[str, dict[str, Change]]:
    """The changes of a file: network, name of its parameter, change. networks: those of the pipeline, by name.

    Raises InvalidInput with the field: no LoRA, or one of another model.
    """
    try:
        state = load_file(file)
    except (SafetensorError, OSError) as error:
        raise InvalidInput(field, f"{file.name} can't be read: {error}") from None
    layers: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for key, tensor in state.items():
        layer, kind = _split(key)
        if kind is None:
            raise InvalidInput(field, f"{file.name} is no LoRA of up and down matrices: it has {key[:120]!r}")
        layers[layer][kind] = tensor
    names = {name: _layers_of(network) for name, network in networks.items()}
    found: dict[str, dict[str, Change]] = defaultdict(dict)
    for layer, parts in layers.items():
        place = _place(layer, names)
        if place is None or "up" not in parts or "down" not in parts:
            raise InvalidInput(field, f"{file.name} is for another model: it changes {layer[:120]!r}")
        alpha = float(parts["alpha"]) if "alpha" in parts else None
        found[place[0]][f"{place[1]}.weight"] = Change(parts["up"], parts["down"], alpha)
    return dict(found)


def _split(key: str) -> tuple[str, str | None]:
    for pattern, kind in _KINDS:
        found = pattern.fullmatch(key)
        if found is not None:
            return found[1], kind
    return key, None


def _layers_of(network: Any) -> dict[str, str]:
    """The layers of a network that have a weight, by their names in both layouts."""
    layers: dict[str, str] = {}
    for name, module in network.named_modules():
        if isinstance(getattr(module, "weight", None), torch.Tensor):
            for known in _spellings(name):
                layers[known] = name
    return layers


def _spellings(name: str) -> Iterable[str]:
    """As diffusers and as kohya's scripts spell it; the text model's own layer may be left out or not."""
    bare = name.removeprefix("text_model.")
    for spelt in (bare, f"text_model.{bare}"):
        yield spelt
        yield spelt.replace(".", "_")


def _place(layer: str, names: Mapping[str, Mapping[str, str]]) -> tuple[str, str] | None:
    for prefix, network in _KOHYA.items():
        if layer.startswith(prefix):
            known = names.get(network, {}).get(layer.removeprefix(prefix))
            return None if known is None else (network, known)
    network, _, rest = layer.partition(".")
    known = names.get(network, {}).get(rest.replace(".processor.", ".").replace("to_out_lora", "to_out.0"))
    return None if known is None else (network, known)
