"""The last stage: the decoder learns to draw clean pictures from latents that are a little off.

The encoder stays as it is, so the denoiser's latents mean what they meant. What a denoiser makes is never
exactly what the encoder would have: this stage teaches the decoder to take a nearly round shape for a circle.
"""

import random

import torch

from model_containers.diffusers.shapes64.libraries import Network
from model_containers.diffusers.shapes64.stage import Plan, Stage
from model_containers.diffusers.shapes64.train_vae import drawn_batch, picture_loss

MOST_NOISE = 0.2
"""Largest standard deviation of the noise, where the latents' own is 1."""


def train_decoder(plan: Plan, vae: Network) -> None:
    """Train the autoencoder's decoder by the plan, in place, or take up where its state left off."""
    torch.manual_seed(plan.seed)
    vae.requires_grad_(False)
    decoding = {
        "decoder": vae.decoder.requires_grad_(True),
        "unpack": vae.post_quant_conv.requires_grad_(True),
    }
    stage = Stage(plan, decoding, list(decoding))
    rng = random.Random(plan.seed + stage.step)
    while stage.progress < 1.0:
        pictures = drawn_batch(rng, plan.batch, plan.device)
        latents = vae.encode(pictures).latent_dist.mode()
        strength = (
            MOST_NOISE / vae.config.scaling_factor * torch.rand(plan.batch, 1, 1, 1, device=plan.device)
        )
        given_back = vae.decode(latents + strength * torch.randn_like(latents)).sample
        stage.take_step(picture_loss(given_back, pictures))
    stage.save()
    vae.eval().requires_grad_(False)
