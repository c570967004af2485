"""The first stage: the autoencoder learns to give drawn pictures back."""

import random

import torch
from diffusers import AutoencoderKL

from model_containers.diffusers.shapes64.drawing import draw
from model_containers.diffusers.shapes64.networks import make_vae
from model_containers.diffusers.shapes64.scenes import training_scene
from model_containers.diffusers.shapes64.stage import Plan, Stage

KL_WEIGHT = 1e-6
"""Small: latents need to be bounded and a little tolerant of noise, not Gaussian."""

STATISTICS_PICTURES = 512


def train_vae(plan: Plan) -> AutoencoderKL:
    """Train the autoencoder by the plan, or take up where its state left off; sets its `scaling_factor`."""
    torch.manual_seed(plan.seed)
    vae = make_vae().to(plan.device)
    stage = Stage(plan, {"vae": vae}, ["vae"])
    rng = random.Random(plan.seed + stage.step)
    while stage.progress < 1.0:
        pictures = drawn_batch(rng, plan.batch, plan.device)
        posterior = vae.encode(pictures).latent_dist
        given_back = vae.decode(posterior.sample()).sample
        error = given_back - pictures
        loss = error.abs().mean() + error.square().mean() + KL_WEIGHT * posterior.kl().mean()
        stage.take_step(loss)
    stage.save()
    vae.eval().requires_grad_(False)
    vae.register_to_config(scaling_factor=_scaling_factor(vae, plan))
    return vae


def drawn_batch(rng: random.Random, batch: int, device: str) -> torch.Tensor:
    """Draw pictures of training scenes: float32 of shape (batch, 3, 64, 64), -1 to 1."""
    scenes = [training_scene(rng) for _ in range(batch)]
    return torch.from_numpy(draw(scenes, rng)).to(device)


@torch.no_grad()
def _scaling_factor(vae: AutoencoderKL, plan: Plan) -> float:
    """Return what latents are multiplied by to have a variance of one."""
    pictures = drawn_batch(random.Random(plan.seed), STATISTICS_PICTURES, plan.device)
    return float(1.0 / vae.encode(pictures).latent_dist.mode().std())
