"""The autoencoder's and the denoiser's lessons: what they look at, that they teach, and what they leave behind."""

import random
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch

from model_containers.diffusers.shapes64.checkpoint_folder import write_checkpoint
from model_containers.diffusers.shapes64.evaluate import Settings, generate, load
from model_containers.diffusers.shapes64.libraries import Network
from model_containers.diffusers.shapes64.networks import LATENT_CHANNELS, LATENT_SIZE
from model_containers.diffusers.shapes64.scenes import held_out
from model_containers.diffusers.shapes64.train_denoiser import fill_album, train_denoiser
from model_containers.diffusers.shapes64.train_reader import train_reader
from model_containers.diffusers.shapes64.train_vae import CROP_PX, drawn_batch, picture_loss, train_vae
from model_containers.training.stage import Plan


def test_every_crop_shows_a_part_of_a_figure_and_knows_the_background() -> None:
    crops, backgrounds = drawn_batch(random.Random(0), 10, whole=False)
    assert crops.shape == (40, 3, CROP_PX, CROP_PX)
    assert backgrounds.shape == (40, 3)
    differs = (crops != backgrounds[:, :, None, None]).any(dim=1)
    assert differs.flatten(1).any(dim=1).all()
    assert (~differs).any()


def test_a_mistake_on_a_figure_that_hardly_stands_out_weighs_more() -> None:
    ground = torch.zeros(1, 3)
    faint, bold = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    faint[:, :, 4:8, 4:8], bold[:, :, 4:8, 4:8] = 0.2, 1.0
    mistake = torch.zeros(1, 3, 16, 16)
    mistake[:, :, 5, 5] = 0.1
    in_faint = picture_loss(faint + mistake, faint, ground)
    in_bold = picture_loss(bold + mistake, bold, ground)
    far_away = picture_loss(bold + mistake.roll((8, 8), dims=(2, 3)), bold, ground)
    assert in_faint > in_bold > far_away > 0


def test_the_album_has_training_scenes_in_latents_of_about_unit_size(tmp_path: Path) -> None:
    vae = train_vae(_plan(tmp_path / "vae.pt"))
    album = fill_album(vae, 96, seed=1)
    assert album.latents.shape == (96, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    assert album.weights.shape == (96, 1, LATENT_SIZE, LATENT_SIZE)
    assert not any(held_out(scene) for scene in album.scenes)
    assert 0.7 < float(album.latents.std()) < 1.4


def test_giving_pictures_back_gets_better_by_the_lesson(tmp_path: Path) -> None:
    untaught, taught = train_vae(_plan(tmp_path / "a.pt")), train_vae(_plan(tmp_path / "b.pt", steps=12))
    pictures, grounds = drawn_batch(random.Random(5), 16, whole=True)
    with torch.no_grad():
        losses = [picture_loss(_given_back(vae, pictures), pictures, grounds) for vae in (untaught, taught)]
    assert losses[1] < losses[0]


def test_a_stage_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    first = train_vae(_plan(tmp_path / "vae.pt"))
    again = train_vae(_plan(tmp_path / "vae.pt"))
    assert all(
        torch.equal(one, other) for one, other in zip(first.parameters(), again.parameters(), strict=True)
    )


def test_what_training_leaves_behind_loads_and_draws(tmp_path: Path) -> None:
    vae, reader = train_vae(_plan(tmp_path / "vae.pt")), train_reader(_plan(tmp_path / "reader.pt"))
    denoiser = train_denoiser(_plan(tmp_path / "denoiser.pt"), vae, reader, pictures=32)
    write_checkpoint(tmp_path / "checkpoint", vae, denoiser, reader)
    [picture] = generate(load(tmp_path / "checkpoint"), ["a red circle"], Settings(steps=2))
    assert picture.shape == (64, 64, 3)


def _plan(state: Path, steps: int = 1) -> Plan:
    return Plan(0.0, 4, 1.5e-3, "cpu", 0, state, steps)


def _given_back(vae: Network, pictures: torch.Tensor) -> torch.Tensor:
    given_back: torch.Tensor = vae.decode(vae.encode(pictures).latent_dist.mode()).sample
    return given_back
