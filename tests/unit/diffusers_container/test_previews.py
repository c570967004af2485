"""Previews show what the picture will be."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.clean_estimate import Watched
from model_containers.diffusers.generation import make_pictures
from model_containers.diffusers.previews import (
    DETAIL,
    MAX_SHEET,
    MAX_SIDE,
    PreviewMap,
    decoded,
    fit_preview_map,
    sheet,
)
from model_containers.diffusers.samplers import SAMPLERS, make_scheduler
from model_containers.sdk.parts import MAX_PREVIEW_BYTES
from tests.unit.diffusers_container.watchers import USUAL, Notes

MIXING = torch.tensor([[0.5, -0.2, 0.1, 0.3], [0.1, 0.6, -0.3, 0.2], [-0.2, 0.1, 0.7, 0.4]])


class LinearVae:
    """An autoencoder whose latents are exactly linear in the mean colours of patches of 8 x 8."""

    device = torch.device("cpu")
    dtype = torch.float32
    config = SimpleNamespace(scaling_factor=0.5, shift_factor=0.1)

    def encode(self, pixels: torch.Tensor) -> SimpleNamespace:
        means = torch.nn.functional.avg_pool2d(pixels, 8)
        return SimpleNamespace(latents=torch.einsum("nchw,cl->nlhw", means, MIXING))


def test_the_map_finds_the_colours_of_a_linear_autoencoder() -> None:
    colours = torch.tensor([0.9, 0.2, 0.4])
    flat = colours.reshape(1, 3, 1, 1).expand(1, 3, 64, 64)
    latents = (LinearVae().encode(flat * 2 - 1).latents - 0.1) * 0.5
    shown = np.asarray(fit_preview_map(LinearVae(), 8).picture(latents[0], 64, 64))
    assert shown.shape == (64, 64, 3)
    assert np.abs(shown - (colours * 255).numpy()).max() <= 6


def test_fitting_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    fit_preview_map(LinearVae(), 8)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_preview_is_small_whatever_the_size_of_the_picture() -> None:
    mapping = PreviewMap(torch.zeros(4 * 9 + 1, 3 * DETAIL**2))
    assert mapping.picture(torch.zeros(4, 128, 256), 2048, 1024).size == (MAX_SIDE, MAX_SIDE // 2)


def test_latents_that_are_no_numbers_still_make_a_preview() -> None:
    mapping = PreviewMap(torch.ones(4 * 9 + 1, 3 * DETAIL**2))
    shown = mapping.picture(torch.full((4, 8, 8), float("nan")), 64, 64)
    assert np.asarray(shown).max() == 0


def test_a_sheet_lays_pictures_side_by_side() -> None:
    red, blue = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (40, 30), "blue")
    whole = Image.open(io.BytesIO(sheet([red, blue]))).convert("RGB")
    assert whole.size == (80, 30)
    left, right = whole.getpixel((10, 15)), whole.getpixel((70, 15))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 200 > right[0]
    assert right[2] > 200 > left[2]


def test_a_sheet_of_many_pictures_stays_small() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(noise, "RGB").resize((256, 256), Image.Resampling.BICUBIC)
    data = sheet([picture] * 8)
    assert Image.open(io.BytesIO(data)).width == MAX_SHEET
    assert len(data) <= MAX_PREVIEW_BYTES


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_estimate_ends_at_the_finished_latents(tiny_model: LoadedModel, name: str) -> None:
    notes = Notes()
    settings = replace(USUAL, sampler_name=name, steps=8, batch_size=2)
    pictures = list(make_pictures(tiny_model, settings, 2, notes))
    last = notes.estimates[-1]
    assert last is not None
    assert last.shape == (2, 4, 8, 8)
    for lane, preview in enumerate(decoded(tiny_model.pipeline.vae, last)):
        difference = np.abs(np.asarray(preview, dtype=np.float32) - np.asarray(pictures[lane].image)).mean()
        assert difference < 12


@pytest.mark.parametrize(
    ("name", "kind"),
    [*((name, kind) for name in SAMPLERS for kind in ("epsilon", "v_prediction")), ("ddim", "sample")],
)
def test_a_network_that_knows_the_picture_gives_it_away_at_the_first_step(name: str, kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=generator)
    scheduler = make_scheduler(name, {"beta_schedule": "scaled_linear", "prediction_type": kind})
    scheduler.set_timesteps(12)
    timestep = scheduler.timesteps[0]
    kept = scheduler.alphas_cumprod[int(timestep)]
    sample = kept.sqrt() * clean + (1 - kept).sqrt() * noise
    output = {
        "epsilon": noise,
        "v_prediction": kept.sqrt() * noise - (1 - kept).sqrt() * clean,
        "sample": clean,
    }
    if float(scheduler.init_noise_sigma) > 1:
        sample = sample / kept.sqrt()
    watched = Watched(scheduler)
    scheduler.scale_model_input(sample, timestep)
    scheduler.step(output[kind], timestep, sample)
    estimate = watched.estimate()
    assert estimate is not None
    assert torch.allclose(estimate, clean, atol=1e-2)


def test_only_pictures_that_were_asked_for_are_estimated(tiny_model: LoadedModel) -> None:
    notes = Notes()
    list(make_pictures(tiny_model, USUAL, 2, notes))
    assert {len(estimate) for estimate in notes.estimates if estimate is not None} == {1}
