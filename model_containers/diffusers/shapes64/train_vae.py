"""The first stage: the autoencoder learns to give drawn pictures back, also from latents that are a little off.

Nearly all that is to be learnt lies at the edges of the figures, so most steps see crops around them: a quarter of the
pixels, three times the edges. Whole pictures come last, since group normalisation looks at all of what it is given.
What a denoiser makes is never exactly what the encoder would have made: noise on the latents teaches the decoder to
take a nearly round shape for a circle, and the encoder to keep apart what must not be confused.
"""

import random

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from model_containers.diffusers.shapes64.drawing import SIZE_PX, draw
from model_containers.diffusers.shapes64.libraries import Network
from model_containers.diffusers.shapes64.networks import make_vae
from model_containers.diffusers.shapes64.scenes import training_scene
from model_containers.training.stage import Plan, Stage

SIZE_WEIGHT = 1e-4
"""Keeps latents from growing without bound to drown the noise."""

MOST_NOISE = 0.25
"""Largest standard deviation of the noise on latents, where the latents' own is 1."""

CROP_PX = 32
CROPS_OF_A_PICTURE = 4
CROPS_UNTIL = 0.65
"""Share of the training after which all pictures are whole."""

WHOLE_SHARE = 0.1
"""Share of steps with whole pictures before that."""

STATISTICS_PICTURES = 128


def train_vae(plan: Plan) -> Network:
    """Train the autoencoder by the plan, or take up where its state left off; sets its `scaling_factor`.

    `plan.batch` counts whole pictures; a step on crops takes as many pixels.
    """
    torch.manual_seed(plan.seed)
    vae = make_vae().to(plan.device)
    stage = Stage(plan, {"vae": vae}, ["vae"])
    rng = random.Random(plan.seed + stage.step)
    while stage.progress < 1.0:
        whole = stage.progress > CROPS_UNTIL or rng.random() < WHOLE_SHARE
        pictures, grounds = drawn_batch(rng, plan.batch, whole)
        stage.take_step(_loss(vae, pictures.to(plan.device), grounds.to(plan.device)))
    stage.save()
    vae.eval().requires_grad_(False)
    vae.register_to_config(scaling_factor=scaling_factor(vae, plan))
    return vae


def picture_loss(given_back: torch.Tensor, pictures: torch.Tensor, backgrounds: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean absolute plus mean squared error.

    Pixels in and around a figure weigh the more the less it stands out from the background, whose colour is given as
    (batch, 3): to whoever looks, an orange circle on yellow is as much of a circle as a black one on white.
    """
    contrast = (pictures - backgrounds[:, :, None, None]).abs().sum(dim=1, keepdim=True)
    contrast = functional.max_pool2d(contrast, 5, stride=1, padding=2)
    weights = torch.where(contrast > 0, (6.0 / contrast.clamp(min=0.3)).clamp(max=12.0), 0.5)
    error = given_back - pictures
    return (weights * (error.abs() + error.square())).mean() / weights.mean()


@torch.no_grad()
def scaling_factor(vae: Network, plan: Plan) -> float:
    """Return what latents are multiplied by to have a variance of one."""
    pictures, _ = drawn_batch(random.Random(plan.seed), STATISTICS_PICTURES, whole=True)
    return float(1.0 / vae.encode(pictures.to(vae.device)).latent_dist.mode().std())


def _loss(vae: Network, pictures: torch.Tensor, backgrounds: torch.Tensor) -> torch.Tensor:
    with torch.autocast(pictures.device.type, torch.bfloat16):
        latents = vae.encode(pictures).latent_dist.mode()
        strength = MOST_NOISE * torch.rand(len(latents), 1, 1, 1, device=latents.device)
        noise = strength * latents.detach().std() * torch.randn_like(latents)
        given_back = vae.decode(latents + noise).sample
    size: torch.Tensor = latents.float().square().mean()
    return picture_loss(given_back.float(), pictures, backgrounds) + SIZE_WEIGHT * size


def drawn_batch(rng: random.Random, batch: int, whole: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw training scenes, whole or as crops around their figures, four of each.

    Returns float32 of shape (n, 3, side, side), -1 to 1, and the backgrounds' colours (n, 3). The first pixel of a
    whole picture is always background.
    """
    pictures = draw([training_scene(rng) for _ in range(batch)], rng)
    if whole:
        return torch.from_numpy(pictures), torch.from_numpy(pictures[:, :, 0, 0].copy())
    crops = [_crop(picture, rng) for picture in pictures for _ in range(CROPS_OF_A_PICTURE)]
    backgrounds = np.repeat(pictures[:, :, 0, 0], CROPS_OF_A_PICTURE, axis=0)
    return torch.from_numpy(np.stack(crops)), torch.from_numpy(backgrounds)


def _crop(picture: NDArray[np.float32], rng: random.Random) -> NDArray[np.float32]:
    """Cut a square of 32 pixels that holds some pixel of a figure; it starts where a latent does."""
    rows, columns = np.nonzero((picture != picture[:, :1, :1]).any(axis=0))
    chosen = rng.randrange(len(rows))
    top, left = (_start(int(places[chosen]), rng) for places in (rows, columns))
    return picture[:, top : top + CROP_PX, left : left + CROP_PX]


def _start(pixel: int, rng: random.Random) -> int:
    return min(max(pixel - rng.randrange(CROP_PX), 0), SIZE_PX - CROP_PX) // 8 * 8
