"""A checkpoint that is ready to be used."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from model_containers.audiocraft.checkpoint_facts import Facts
from model_containers.audiocraft.checkpoint_layouts import Layout
from model_containers.audiocraft.delays import delays_of
from model_containers.audiocraft.libraries import Network, Tokenizer
from model_containers.checkpoints.device import Device
from model_containers.sdk.errors import CheckpointError


@dataclass(frozen=True)
class LoadedModel:
    """A model on its device, and its tokenizer. The codec stays in float32: it is small, and its LSTM wants it."""

    network: Network
    tokenizer: Tokenizer
    facts: Facts

    @property
    def padding(self) -> int:
        """What stands where there is no code."""
        return int(self.network.decoder.config.pad_token_id)

    @property
    def codebooks(self) -> int:
        """Codes of a frame: of two channels those of the left and of the right take turns."""
        return int(self.network.decoder.config.num_codebooks)

    @property
    def delays(self) -> tuple[int, ...]:
        """How many columns late each codebook is written."""
        return delays_of(self.codebooks, self.facts.channels)

    @torch.inference_mode()
    def samples_of(self, codes: torch.Tensor) -> torch.Tensor:
        """The sound of codes (books, frames): float32 on the CPU, (samples) or (samples, 2); frames / frame_hz s."""
        codec = self.network.audio_encoder
        channels = self.facts.channels
        apart = codes.reshape(-1, channels, codes.shape[-1]).transpose(0, 1)[None].to(codec.device)
        made = [codec.decode(apart[:, [channel]], [None]).audio_values[0, 0] for channel in range(channels)]
        samples: torch.Tensor = torch.stack(made, -1).float().cpu()
        return samples[:, 0] if channels == 1 else samples

    @torch.inference_mode()
    def codes_of(self, samples: torch.Tensor) -> torch.Tensor:
        """The codes (books, frames) of a sound at the model's rate, as `samples_of` gives it; whole frames of it."""
        codec = self.network.audio_encoder
        hop = self.facts.rate_hz // self.facts.frame_hz
        whole = samples[: len(samples) // hop * hop]
        bandwidth = codec.config.target_bandwidths[-1]
        channels = whole[:, None] if whole.ndim == 1 else whole
        made = [
            codec.encode(channel[None, None].to(codec.device), bandwidth=bandwidth).audio_codes[0, 0]
            for channel in channels.unbind(-1)
        ]
        kept: torch.Tensor = torch.stack(made, 1).flatten(0, 1)[: self.codebooks].cpu()
        return kept


def load(layout: Layout, facts: Facts, device: Device) -> LoadedModel:
    """Load a checkpoint onto a device. Raises CheckpointError."""
    network, tokenizer = layout.load()
    books = network.audio_encoder.config.num_quantizers * facts.channels
    if books < network.decoder.config.num_codebooks:
        raise CheckpointError(
            f"the decoder has {network.decoder.config.num_codebooks} codebooks, the codec {books}"
        )
    for name in ("text_encoder", "decoder", "enc_to_dec_proj", "audio_enc_to_dec_proj"):
        if (part := getattr(network, name, None)) is not None:
            part.to(device.name, device.dtype)
    network.audio_encoder.to(device.name)
    return LoadedModel(network, tokenizer, facts)
