"""Checkpoints of other families than Stable Diffusion 1 behave alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_facts import facts_of
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import load
from model_containers.diffusers.container import DiffusersModel
from model_containers.diffusers.generation import make_pictures
from model_containers.diffusers.input_schema import Bounds
from model_containers.diffusers.model_argument import ModelArgument
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.shared_passes.rendezvous import Rendezvous
from tests.unit.diffusers_container.tiny_families import FAMILIES
from tests.unit.diffusers_container.watchers import USUAL, Notes, pixels


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_makes_pictures_that_depend_on_their_seed_alone(family: str, tmp_path: Path) -> None:
    FAMILIES[family]().save_pretrained(tmp_path / family)
    model = load(checkpoint_files(tmp_path / family), choose_device("cpu", "float32", threads=1))
    settings = replace(USUAL, steps=4, width=96, batch_size=2)
    notes = Notes()
    made = [
        np.asarray(picture.image, dtype=np.float32) for picture in make_pictures(model, settings, 2, notes)
    ]
    alone = pixels(model, replace(settings, seed=settings.seed + 1, batch_size=1))[0]
    assert np.array_equal(made[1], alone)
    assert notes.steps[-1] == (8, 8)
    last = notes.estimates[-1]
    assert last is not None
    vae = model.pipeline.vae
    with torch.inference_mode():
        decoded = vae.decode(last / vae.config.scaling_factor + (vae.config.shift_factor or 0)).sample
    shown = ((decoded + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(shown - np.stack(made)).mean() < 3


@pytest.mark.parametrize(
    ("family", "side", "step", "samplers"), [("sdxl", 64, 8, 18), ("sd3", 64, 8, 1), ("flux", 1024, 16, 1)]
)
def test_a_family_says_what_it_takes(
    family: str, side: int, step: int, samplers: int, tmp_path: Path
) -> None:
    FAMILIES[family]().save_pretrained(tmp_path / family)
    properties = facts_of(checkpoint_files(tmp_path / family), Bounds()).schema["properties"]
    assert (properties["width"]["default"], properties["width"]["multipleOf"]) == (side, step)
    assert len(properties["sampler_name"]["enum"]) == samplers


@pytest.mark.parametrize(("family", "runs"), [("sdxl", 8), ("sd3", 1), ("flux", 1)])
def test_a_family_says_how_many_runs_share_its_passes(family: str, runs: int, tmp_path: Path) -> None:
    FAMILIES[family]().save_pretrained(tmp_path / family)
    model = DiffusersModel(ModelArgument(family, tmp_path / family), Placement(lazy=True), Rendezvous(8))
    assert model.manifest.limits["batched_runs"] == runs
    assert model.capacity == runs
