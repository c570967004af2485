"""Every setting has its effect; runs can be watched and ended at each step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.generation import make_pictures
from tests.unit.diffusers_container.watchers import USUAL, Notes, pixels


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a blue square"},
        {"negative_prompt": "green"},
        {"seed": 12},
        {"sampler_name": "euler_a"},
        {"steps": 4},
        {"cfg_scale": 9.0},
        {"cfg_scale": 1.0},
    ],
)
def test_a_setting_changes_the_picture(tiny_model: LoadedModel, change: dict[str, Any]) -> None:
    assert not np.array_equal(pixels(tiny_model, USUAL)[0], pixels(tiny_model, replace(USUAL, **change))[0])


def test_width_and_height_are_those_of_the_picture(tiny_model: LoadedModel) -> None:
    assert pixels(tiny_model, replace(USUAL, width=128, height=72))[0].shape == (72, 128, 3)


def test_guidance_of_one_leaves_the_negative_prompt_without_effect(tiny_model: LoadedModel) -> None:
    plain = replace(USUAL, cfg_scale=1.0)
    assert np.array_equal(
        pixels(tiny_model, plain)[0], pixels(tiny_model, replace(plain, negative_prompt="green"))[0]
    )


@pytest.mark.parametrize("cfg_scale", [1.0, 4.0])
def test_a_picture_does_not_depend_on_its_neighbours(tiny_model: LoadedModel, cfg_scale: float) -> None:
    run = replace(USUAL, cfg_scale=cfg_scale, batch_size=5)
    for index, picture in enumerate(pixels(tiny_model, run)):
        alone = replace(run, seed=run.seed_of(index), batch_size=1)
        assert np.array_equal(picture, pixels(tiny_model, alone)[0])


def test_batches_count_their_pictures_on(tiny_model: LoadedModel) -> None:
    by_batches = pixels(tiny_model, replace(USUAL, batch_size=1, n_iters=3))
    at_once = pixels(tiny_model, replace(USUAL, batch_size=3, n_iters=1))
    assert len(by_batches) == 3
    assert all(np.array_equal(left, right) for left, right in zip(by_batches, at_once, strict=True))


def test_a_run_leaves_the_global_generator_alone(tiny_model: LoadedModel) -> None:
    torch.manual_seed(1)
    first = pixels(tiny_model, replace(USUAL, sampler_name="euler_a"))[0]
    before = torch.random.get_rng_state()
    torch.manual_seed(2)
    assert np.array_equal(first, pixels(tiny_model, replace(USUAL, sampler_name="euler_a"))[0])
    torch.manual_seed(1)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("sampler", "images", "lanes"), [("euler", 3, 2), ("heun", 1, 2), ("pndm", 2, 1)])
def test_steps_are_counted_over_all_pictures(
    tiny_model: LoadedModel, sampler: str, images: int, lanes: int
) -> None:
    notes = Notes()
    list(make_pictures(tiny_model, replace(USUAL, sampler_name=sampler, batch_size=images), lanes, notes))
    done = [step for step, _ in notes.steps]
    assert done == sorted(done)
    assert done[-1] == images * USUAL.steps
    assert {total for _, total in notes.steps} == {images * USUAL.steps}


def test_what_a_watcher_raises_ends_the_run_at_that_step(tiny_model: LoadedModel) -> None:
    class Enough(BaseException):
        pass

    def stop(done: int) -> None:
        if done >= 2:
            raise Enough

    notes = Notes(stop)
    with pytest.raises(Enough):
        list(make_pictures(tiny_model, replace(USUAL, steps=50, n_iters=4), 2, notes))
    assert [step for step, _ in notes.steps] == [2]
    assert len(pixels(tiny_model, USUAL)) == 1


def test_pictures_come_as_soon_as_their_group_is_done(tiny_model: LoadedModel) -> None:
    notes = Notes()
    pictures = make_pictures(tiny_model, replace(USUAL, batch_size=4), 2, notes)
    first = next(pictures)
    assert first.index == 0
    assert notes.steps[-1][0] == 2 * USUAL.steps
