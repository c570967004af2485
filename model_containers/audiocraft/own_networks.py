"""AudioCraft's own weights in transformers' networks, which compute the same.

Where each weight goes is as in transformers' convert_musicgen_transformers.py and
convert_encodec_checkpoint_to_pytorch.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from model_containers.audiocraft.libraries import Network, Tokenizer, transformers
from model_containers.audiocraft.own_config import OwnConfig
from model_containers.audiocraft.own_files import read_weights
from model_containers.audiocraft.own_layout import (
    CODEC_WEIGHTS,
    MELODY,
    PROMPT,
    WEIGHTS,
    OwnLayout,
    channels_of,
    follows_melody,
)
from model_containers.sdk.errors import CheckpointError

Weights = Mapping[str, torch.Tensor]

_CONDITIONERS = "condition_provider.conditioners."
_CHROMA_HOP = 1 << 12
_RENAMED = (
    (re.compile(r"^emb\."), "model.decoder.embed_tokens."),
    (re.compile(r"^transformer\."), "model.decoder."),
    (re.compile(r"^out_norm\."), "model.decoder.layer_norm."),
    (re.compile(r"^linears\."), "lm_heads."),
    (re.compile(r"\.cross_attention\."), ".encoder_attn."),
    (re.compile(r"\.linear([12])\."), r".fc\1."),
    (re.compile(r"\.norm1\."), ".self_attn_layer_norm."),
    (re.compile(r"\.norm_cross\."), ".encoder_attn_layer_norm."),
    (re.compile(r"\.norm2\."), ".final_layer_norm."),
)
_CODEC_RENAMED = (
    (re.compile(r"^(encoder|decoder)\.model\."), r"\1.layers."),
    (re.compile(r"\.(conv|convtr)\.(conv|convtr|norm)\."), lambda found: _inner(found[2])),
    (re.compile(r"^quantizer\.vq\.layers\.(\d+)\._codebook\."), r"quantizer.layers.\1.codebook."),
)


def load(layout: OwnLayout, config: OwnConfig) -> tuple[Network, Tokenizer]:
    """The model in float32 on the CPU, and its tokenizer. Raises CheckpointError."""
    words = layout.part(str(config.get(f"conditioners.{PROMPT}.t5.name", "t5-base")), config.source)
    try:
        text = transformers.T5EncoderModel.from_pretrained(
            words, local_files_only=True, dtype=torch.float32, use_safetensors=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(words, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{words}: {error}") from error
    codec = _codec(layout)
    weights = read_weights(layout.folder / WEIGHTS)
    network = _network(config, text, codec, weights)
    return network.eval().requires_grad_(False), tokenizer


def _network(config: OwnConfig, text: Network, codec: Network, weights: Weights) -> Network:
    melody = follows_melody(config)
    kind = "MusicgenMelody" if melody else "Musicgen"
    said = getattr(transformers, f"{kind}DecoderConfig")(**_decoder_settings(config))
    decoder = getattr(transformers, f"{kind}ForCausalLM")(said)
    _fill(decoder, language_model_weights(weights), config.source)
    parts = {"text_encoder": text, "audio_encoder": codec, "decoder": decoder}
    if melody:
        seconds = float(config.get("dataset.segment_duration", 30))
        parts["config"] = transformers.MusicgenMelodyConfig(
            **{name: part.config.to_dict() for name, part in parts.items()},
            chroma_length=max(round(seconds * codec.config.sampling_rate), 4 * _CHROMA_HOP) // _CHROMA_HOP
            + 1,
        )
    network = getattr(transformers, f"{kind}ForConditionalGeneration")(**parts)
    network.enc_to_dec_proj = _projection(weights, PROMPT, config.source)
    if melody:
        network.audio_enc_to_dec_proj = _projection(weights, MELODY, config.source)
    return network


def _decoder_settings(config: OwnConfig) -> dict[str, Any]:
    width, codes = config.number("transformer_lm.dim"), config.number("transformer_lm.card")
    return {
        "vocab_size": codes,
        "hidden_size": width,
        "ffn_dim": int(width * config.get("transformer_lm.hidden_scale", 4)),
        "num_hidden_layers": config.number("transformer_lm.num_layers"),
        "num_attention_heads": config.number("transformer_lm.num_heads"),
        "num_codebooks": config.number("transformer_lm.n_q"),
        "audio_channels": channels_of(config),
        "activation_function": "gelu",
        "pad_token_id": codes,
        "bos_token_id": codes,
    }


def language_model_weights(weights: Weights) -> dict[str, torch.Tensor]:
    """The decoder's weights by transformers' names."""
    found = {}
    for name, weight in weights.items():
        if name.startswith(_CONDITIONERS):
            continue
        renamed = _renamed(name, _RENAMED)
        if renamed.endswith("in_proj_weight"):
            for part, piece in zip("qkv", weight.chunk(3), strict=True):
                found[renamed.removesuffix("in_proj_weight") + f"{part}_proj.weight"] = piece
        else:
            found[renamed] = weight
    return found


def _projection(weights: Weights, condition: str, source: Path) -> torch.nn.Linear:
    prefix = f"{_CONDITIONERS}{condition}.output_proj."
    try:
        weight, bias = weights[f"{prefix}weight"], weights[f"{prefix}bias"]
    except KeyError as error:
        raise CheckpointError(f"{source}: lacks weights: {error.args[0]}") from error
    projection = torch.nn.Linear(weight.shape[1], weight.shape[0])
    _fill(projection, {"weight": weight, "bias": bias}, source)
    return projection


def _codec(layout: OwnLayout) -> Network:
    codec = layout.codec()
    if isinstance(codec, Path):
        try:
            return transformers.EncodecModel.from_pretrained(
                codec, local_files_only=True, dtype=torch.float32, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise CheckpointError(f"{codec}: {error}") from error
    network = transformers.EncodecModel(transformers.EncodecConfig(**_codec_settings(codec)))
    file = layout.folder / CODEC_WEIGHTS
    _fill(network, codec_weights(read_weights(file)), file)
    return network


def codec_weights(weights: Weights) -> dict[str, torch.Tensor]:
    """The codec's weights by transformers' names."""
    return {_renamed(name, _CODEC_RENAMED): weight for name, weight in weights.items()}


def _codec_settings(config: OwnConfig) -> dict[str, Any]:
    rate, ratios = config.number("sample_rate"), config.get("seanet.ratios")
    books, codes = config.number("rvq.n_q"), config.number("rvq.bins")
    frame_hz = math.ceil(rate / math.prod(ratios))
    return {
        # What makes `num_quantizers`, which is derived from the bandwidth, the codebooks that there are.
        "target_bandwidths": [frame_hz * books * math.ceil(math.log2(codes)) / 1000],
        "sampling_rate": rate,
        "audio_channels": 1,
        "normalize": False,
        "hidden_size": config.number("seanet.dimension"),
        "codebook_dim": config.number("seanet.dimension"),
        "codebook_size": codes,
        "num_filters": config.number("seanet.n_filters"),
        "num_residual_layers": config.number("seanet.n_residual_layers", 3),
        "upsampling_ratios": list(ratios),
        "norm_type": config.get("seanet.norm"),
        "kernel_size": config.number("seanet.kernel_size", 7),
        "last_kernel_size": config.number("seanet.last_kernel_size", 7),
        "residual_kernel_size": config.number("seanet.residual_kernel_size", 3),
        "dilation_growth_rate": config.number("seanet.dilation_base", 2),
        "use_causal_conv": bool(config.get("seanet.causal", False)),
        "pad_mode": config.get("seanet.pad_mode", "reflect"),
        "compress": config.number("seanet.compress", 2),
        "num_lstm_layers": config.number("seanet.lstm", 0),
        "trim_right_ratio": float(config.get("seanet.decoder.trim_right_ratio", 1.0)),
        "use_conv_shortcut": not config.get("seanet.true_skip", True),
    }


def _inner(part: str) -> str:
    return ".norm." if part == "norm" else ".conv."


def _renamed(name: str, rules: Any) -> str:
    for pattern, by in rules:
        name = pattern.sub(by, name)
    return name


def _fill(network: torch.nn.Module, weights: Weights, source: Path) -> None:
    """Fill in every weight. Raises CheckpointError naming those that are missing, not known or of another shape."""
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        said = " ".join(str(error).split())[:600]
        raise CheckpointError(f"{source}: its weights do not fit its configuration: {said}") from error
