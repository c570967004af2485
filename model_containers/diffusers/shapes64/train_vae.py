"""The first stage: the autoencoder learns to give drawn pictures back."""

import random

import torch

from model_containers.diffusers.shapes64.drawing import draw
from model_containers.diffusers.shapes64.libraries import Network
from model_containers.diffusers.shapes64.networks import make_vae
from model_containers.diffusers.shapes64.scenes import training_scene
from model_containers.diffusers.shapes64.stage import Plan, Stage

KL_WEIGHT = 1e-6
"""Small: latents need to be bounded and a little tolerant of noise, not Gaussian."""

FIGURE_WEIGHT = 5.0
STATISTICS_PICTURES = 512


def train_vae(plan: Plan) -> Network:
    """Train the autoencoder by the plan, or take up where its state left off; sets its `scaling_factor`."""
    torch.manual_seed(plan.seed)
    vae = make_vae().to(plan.device)
    stage = Stage(plan, {"vae": vae}, ["vae"])
    rng = random.Random(plan.seed + stage.step)
    while stage.progress < 1.0:
        pictures = drawn_batch(rng, plan.batch, plan.device)
        posterior = vae.encode(pictures).latent_dist
        given_back = vae.decode(posterior.sample()).sample
        stage.take_step(picture_loss(given_back, pictures) + KL_WEIGHT * posterior.kl().mean())
    stage.save()
    vae.eval().requires_grad_(False)
    vae.register_to_config(scaling_factor=_scaling_factor(vae, plan))
    return vae


def drawn_batch(rng: random.Random, batch: int, device: str) -> torch.Tensor:
    """Draw pictures of training scenes: float32 of shape (batch, 3, 64, 64), -1 to 1."""
    scenes = [training_scene(rng) for _ in range(batch)]
    return torch.from_numpy(draw(scenes, rng)).to(device)


def picture_loss(given_back: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute plus the mean squared error, both heavier where the figures are.

    The figures are few pixels and hold nearly all there is to learn. The first pixel is always background.
    """
    figures = (pictures != pictures[:, :, :1, :1]).any(dim=1, keepdim=True)
    weights = 1.0 + (FIGURE_WEIGHT - 1.0) * figures
    error = given_back - pictures
    return (weights * (error.abs() + error.square())).mean() / weights.mean()


@torch.no_grad()
def _scaling_factor(vae: Network, plan: Plan) -> float:
    """Return what latents are multiplied by to have a variance of one."""
    pictures = drawn_batch(random.Random(plan.seed), STATISTICS_PICTURES, plan.device)
    return float(1.0 / vae.encode(pictures).latent_dist.mode().std())
