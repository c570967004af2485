"""Every sampler makes a picture of its own, the same for the same seed, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.generation import make_pictures
from model_containers.diffusers.samplers import (
    FLOW_SAMPLERS,
    SAMPLERS,
    make_scheduler,
    own_sampler,
    samplers_for,
    scheduler_config,
)
from tests.unit.diffusers_container.watchers import USUAL, Notes, pixels

NAMES = [
    "euler",
    "euler_a",
    "ddim",
    "ddpm",
    "pndm",
    "heun",
    "lms",
    "dpm2",
    "dpm2_a",
    "dpm++_2m",
    "dpm++_2m_karras",
    "dpm++_2m_sde",
    "dpm++_2s",
    "unipc",
    "deis",
    "lcm",
    "tcd",
    "sasolver",
]


def test_all_samplers_that_are_promised_are_there() -> None:
    assert list(SAMPLERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sampler_gives_the_same_picture_for_the_same_seed(tiny_model: LoadedModel, name: str) -> None:
    settings = replace(USUAL, sampler_name=name)
    first, again = pixels(tiny_model, settings)[0], pixels(tiny_model, settings)[0]
    other = pixels(tiny_model, replace(settings, seed=12))[0]
    assert first.std() > 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [1, 2])
def test_a_sampler_works_with_the_fewest_steps(tiny_model: LoadedModel, name: str, steps: int) -> None:
    notes = Notes()
    made = list(make_pictures(tiny_model, replace(USUAL, sampler_name=name, steps=steps), 2, notes))
    assert np.asarray(made[0].image).std() > 1
    assert notes.steps[-1] == (steps, steps)


@pytest.mark.parametrize("name", ["euler_a", "ddpm", "dpm2_a", "dpm++_2m_sde", "lcm", "tcd", "sasolver"])
def test_a_sampler_that_draws_noise_draws_each_pictures_own(tiny_model: LoadedModel, name: str) -> None:
    settings = replace(USUAL, sampler_name=name, steps=4, batch_size=3)
    together = pixels(tiny_model, settings)
    for index, picture in enumerate(together):
        alone = pixels(tiny_model, replace(settings, seed=settings.seed_of(index), batch_size=1))[0]
        assert np.array_equal(picture, alone)


def test_samplers_differ(tiny_model: LoadedModel) -> None:
    made = {
        name: pixels(tiny_model, replace(USUAL, sampler_name=name, steps=6))[0].tobytes() for name in NAMES
    }
    # Ancestral sampling with all of its noise is DDPM's own step, and DDIM without noise is Euler's: whether their
    # pictures are equal to the last bit is the processor's affair.
    del made["ddpm"], made["ddim"]
    assert len(set(made.values())) == len(NAMES) - 2


def test_a_sampler_leaves_nothing_for_the_next_run(tiny_model: LoadedModel) -> None:
    before = pixels(tiny_model, USUAL)[0]
    for name in ("pndm", "unipc", "heun", "dpm++_2m_karras"):
        pixels(tiny_model, replace(USUAL, sampler_name=name, steps=2))
    assert np.array_equal(pixels(tiny_model, USUAL)[0], before)
    assert type(tiny_model.pipeline.scheduler).__name__ == "DDIMScheduler"


def test_the_noise_schedule_is_the_checkpoints_and_the_rest_the_samplers() -> None:
    own = {
        "_class_name": "DPMSolverMultistepScheduler",
        "beta_start": 0.001,
        "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction",
        "use_karras_sigmas": True,
        "solver_order": 3,
        "timestep_spacing": "linspace",
        "_use_default_values": ["timestep_spacing"],
    }
    config = scheduler_config(SAMPLERS["euler"], own)
    assert config == {
        "beta_start": 0.001,
        "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction",
    }
    assert make_scheduler("dpm++_2m_karras", own).config.use_karras_sigmas is True
    assert make_scheduler("euler", own).config.use_karras_sigmas is False


@pytest.mark.parametrize("name", NAMES)
def test_no_sampler_clips_latents_as_if_they_were_pixels(tiny_model: LoadedModel, name: str) -> None:
    config = make_scheduler(name, tiny_model.scheduler_config).config
    assert not config.get("clip_sample")
    assert not config.get("thresholding")


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"_class_name": "PNDMScheduler"}, "pndm"),
        ({"_class_name": "DPMSolverMultistepScheduler"}, "dpm++_2m"),
        ({"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": True}, "dpm++_2m_karras"),
        ({"_class_name": "LCMScheduler"}, "lcm"),
        ({"_class_name": "EDMEulerScheduler"}, "euler"),
        ({}, "euler"),
    ],
)
def test_a_checkpoints_own_sampler_is_known_by_its_class(config: dict[str, object], name: str) -> None:
    assert own_sampler(config) == name


def test_a_checkpoint_of_flow_matching_has_its_own_sampler_only() -> None:
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    assert samplers_for(config) is FLOW_SAMPLERS
    assert make_scheduler("euler", config).config.shift == 3.0
