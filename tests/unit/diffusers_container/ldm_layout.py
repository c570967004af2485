"""The names that the weights of a Stable Diffusion have in a single file, from those that diffusers gives them.

The layout is the one of the CompVis latent-diffusion code, which wrote the first such files.
"""

from __future__ import annotations

import re
from typing import Any

import torch

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def ldm_state(unet: Any, vae: Any, text_encoder: Any) -> dict[str, torch.Tensor]:
    """The weights of a whole model under their names in a single file."""
    state: dict[str, torch.Tensor] = {}
    layers = unet.config.layers_per_block
    for key, value in unet.state_dict().items():
        state[f"model.diffusion_model.{_unet_key(key, layers)}"] = value.contiguous()
    for key, value in vae.state_dict().items():
        name = _vae_key(key, len(vae.config.block_out_channels))
        square = ".attn_1." in name and name.endswith("weight") and ".norm." not in name
        state[f"first_stage_model.{name}"] = (value[..., None, None] if square else value).contiguous()
    for key, value in text_encoder.state_dict().items():
        state[f"cond_stage_model.transformer.text_model.{key.removeprefix('text_model.')}"] = (
            value.contiguous()
        )
    return state


def _unet_key(key: str, layers: int) -> str:
    for ours, theirs in _UNET_ENDS.items():
        if key.startswith(f"{ours}."):
            return theirs + key.removeprefix(ours)
    if found := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        kind, index, rest = found.groups()
        place = 1 if kind == "attentions" else 2 * int(index)
        return f"middle_block.{place}.{_inner(kind, rest)}"
    found = re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.*)", key)
    assert found, key
    way, number, kind, index, rest = found.groups()
    block = int(number)
    if kind == "downsamplers":
        return f"input_blocks.{(layers + 1) * (block + 1)}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        # It follows a resnet and, in the first of the tiny model's two blocks, an attention.
        return f"output_blocks.{(layers + 1) * block + layers}.2.{rest}"
    group = "input_blocks" if way == "down" else "output_blocks"
    place = (layers + 1) * block + int(index) + (1 if way == "down" else 0)
    return f"{group}.{place}.{1 if kind == 'attentions' else 0}.{_inner(kind, rest)}"


def _inner(kind: str, rest: str) -> str:
    if kind == "attentions":
        return rest
    part, _, end = rest.partition(".")
    return f"{_RESNET[part]}.{end}"


def _vae_key(key: str, levels: int) -> str:
    key = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    key = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d)\.resnets", lambda found: f"up.{levels - 1 - int(found[1])}.block", key)
    key = re.sub(
        r"up_blocks\.(\d)\.upsamplers\.0", lambda found: f"up.{levels - 1 - int(found[1])}.upsample", key
    )
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", key)
    if "mid_block.attentions.0" in key:
        for ours, theirs in _VAE_ATTENTION.items():
            key = key.replace(f"attentions.0.{ours}.", f"attn_1.{theirs}.")
        key = key.replace("mid_block", "mid")
    return key
