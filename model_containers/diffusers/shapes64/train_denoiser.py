"""The third stage: the denoiser learns to make latents that a caption asks for, given what the text encoder reads."""

import random
from dataclasses import dataclass

import torch
from torch.nn import functional

from model_containers.diffusers.shapes64.averages import Averages
from model_containers.diffusers.shapes64.captions import caption, wordless
from model_containers.diffusers.shapes64.drawing import draw
from model_containers.diffusers.shapes64.libraries import AttnProcessor, Network, Schedule
from model_containers.diffusers.shapes64.networks import (
    LATENT_SIZE,
    make_schedule,
    make_unet,
)
from model_containers.diffusers.shapes64.scenes import Scene, training_scene
from model_containers.diffusers.shapes64.train_reader import Reader
from model_containers.diffusers.shapes64.words import tokenize
from model_containers.training.stage import Plan, Stage

PICTURES = 40_960
"""Encoded once, captioned anew each time that they are seen."""

ENCODE_BATCH = 64
FIGURE_WEIGHT = 4.0
WORDLESS_SHARE = 0.1


@dataclass(frozen=True)
class Album:
    """Training scenes and what was made of them, float32.

    `latents`, of shape (pictures, 4, 16, 16), are scaled; `weights`, of shape (pictures, 1, 16, 16), say how much
    each of their cells counts.
    """

    scenes: list[Scene]
    latents: torch.Tensor
    weights: torch.Tensor


@torch.no_grad()
def fill_album(vae: Network, pictures: int, seed: int) -> Album:
    """Draw pictures of training scenes and encode them."""
    rng = random.Random(seed)
    scenes = [training_scene(rng) for _ in range(pictures)]
    latents, weights = [], []
    for start in range(0, pictures, ENCODE_BATCH):
        batch = torch.from_numpy(draw(scenes[start : start + ENCODE_BATCH], rng)).to(vae.device)
        latents.append(vae.encode(batch).latent_dist.mode() * vae.config.scaling_factor)
        weights.append(_cell_weights(batch))
    return Album(scenes, torch.cat(latents), torch.cat(weights))


def _cell_weights(pictures: torch.Tensor) -> torch.Tensor:
    """Return weights of shape (pictures, 1, 16, 16): a figure's cells hold most of what is to be learnt.

    The less a figure stands out, the heavier: an orange circle on yellow shall be as round as a black one on white.
    """
    contrast = (pictures - pictures[:, :, :1, :1]).abs().sum(dim=1, keepdim=True)
    weights = torch.where(contrast > 0, FIGURE_WEIGHT * (1.8 / contrast.clamp(min=0.3)).clamp(1.0, 2.5), 1.0)
    return functional.max_pool2d(weights, pictures.shape[-1] // LATENT_SIZE)


def train_denoiser(plan: Plan, vae: Network, reader: Reader, pictures: int = PICTURES) -> Network:
    """Train a denoiser by the plan, or take up where its state left off; return it with averaged weights."""
    torch.manual_seed(plan.seed)
    unet, text_encoder = make_unet().to(plan.device), reader.text_encoder.to(plan.device)
    if plan.device == "cpu":
        # The fused attention's backward pass takes 20 times as long in bfloat16 on a CPU as its plain form.
        unet.set_attn_processor(AttnProcessor())
    averages = Averages(unet)
    album = fill_album(vae, pictures, plan.seed)
    stage = Stage(plan, {"learning": unet, "averages": averages.module}, ["learning"])
    rng = random.Random(plan.seed + stage.step)
    schedule = make_schedule()
    while stage.progress < 1.0:
        chosen = rng.choices(range(pictures), k=plan.batch)
        tokens = tokenize(reader.tokenizer, [_words(album.scenes[i], rng) for i in chosen]).to(plan.device)
        with torch.no_grad():
            text = text_encoder(tokens).last_hidden_state
        stage.take_step(velocity_loss(unet, schedule, album.latents[chosen], text, album.weights[chosen]))
        averages.update(unet, stage.step)
    stage.save()
    averages.copy_to(unet)
    return unet.eval()


def velocity_loss(
    unet: Network, schedule: Schedule, latents: torch.Tensor, text: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return the weighted mean squared error of the predicted velocity at random times.

    Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022.
    """
    noise = torch.randn_like(latents)
    # Stratified times: each batch covers the whole schedule, which makes the loss and its gradient calmer.
    batch = len(latents)
    shares = (torch.arange(batch, device=latents.device) + torch.rand(batch, device=latents.device)) / batch
    times = (shares * schedule.config.num_train_timesteps).long()
    with torch.autocast(latents.device.type, torch.bfloat16):
        predicted = unet(schedule.add_noise(latents, noise, times), times, text).sample
    error = (predicted.float() - schedule.get_velocity(latents, noise, times)).square()
    loss: torch.Tensor = (weights * error).mean() / weights.mean()
    return loss


def _words(scene: Scene, rng: random.Random) -> str:
    """Caption the scene, or at times ask for nothing, which classifier-free guidance steers away from."""
    return wordless(rng) if rng.random() < WORDLESS_SHARE else caption(scene, rng)
