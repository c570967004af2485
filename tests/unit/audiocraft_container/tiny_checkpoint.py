"""A checkpoint in the layout of transformers' MusicGen classes, small enough to be made anew for each test session.

Its weights are random, so its sounds are noise; but they depend on the prompt, the seed and every setting.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from model_containers.audiocraft.libraries import Network, transformers
from model_containers.audiocraft.sounds16k.words import make_tokenizer

CODEBOOKS, ENTRIES, RATE_HZ, FRAME_HZ, WINDOW_S = 4, 32, 16000, 50, 1.0


def make_network() -> Network:
    """Make the network: AudioGen's layout with 50 frames a second of four codebooks, some 100,000 parameters."""
    torch.manual_seed(0)
    text, codec = make_text_encoder(), _codec()
    decoder = transformers.MusicgenForCausalLM(transformers.MusicgenDecoderConfig(**_DECODER))
    network = transformers.MusicgenForConditionalGeneration(
        text_encoder=text, audio_encoder=codec, decoder=decoder
    )
    network.generation_config.decoder_start_token_id = ENTRIES
    return network


def make_melody_network() -> Network:
    """Make one of MusicGen Melody's layout, as small; its chroma has 20 moments."""
    torch.manual_seed(0)
    text, codec = make_text_encoder(), _codec()
    decoder = transformers.MusicgenMelodyForCausalLM(transformers.MusicgenMelodyDecoderConfig(**_DECODER))
    config = transformers.MusicgenMelodyConfig(
        text_encoder=text.config.to_dict(),
        audio_encoder=codec.config.to_dict(),
        decoder=decoder.config.to_dict(),
        chroma_length=20,
    )
    network = transformers.MusicgenMelodyForConditionalGeneration(
        config=config, text_encoder=text, audio_encoder=codec, decoder=decoder
    )
    network.audio_enc_to_dec_proj.weight.data.normal_()
    network.generation_config.decoder_start_token_id = ENTRIES
    return network


_DECODER: dict[str, Any] = {
    "vocab_size": ENTRIES,
    "num_hidden_layers": 2,
    "ffn_dim": 64,
    "num_attention_heads": 2,
    "hidden_size": 32,
    "num_codebooks": CODEBOOKS,
    "pad_token_id": ENTRIES,
    "bos_token_id": ENTRIES,
    "initializer_factor": 0.5,
}


def _codec() -> Network:
    codec = transformers.EncodecModel(
        transformers.EncodecConfig(
            target_bandwidths=[FRAME_HZ * CODEBOOKS * 5 / 1000],
            sampling_rate=RATE_HZ,
            hidden_size=16,
            num_filters=2,
            num_lstm_layers=1,
            use_causal_conv=False,
            use_conv_shortcut=False,
            codebook_size=ENTRIES,
        )
    )
    for layer in codec.quantizer.layers:
        layer.codebook.embed.normal_()
    return codec


def make_text_encoder() -> Network:
    """Make the encoder of prompts."""
    return transformers.T5EncoderModel(
        transformers.T5Config(
            vocab_size=len(make_tokenizer()), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2
        )
    )


def write_folder(folder: Path, network: Network | None = None) -> Path:
    """Write the checkpoint (by default of `make_network`) as a folder and return it."""
    (network or make_network()).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    (folder / "generation_defaults.json").write_text(json.dumps({"window_s": WINDOW_S, "duration_s": 0.6}))
    return folder
