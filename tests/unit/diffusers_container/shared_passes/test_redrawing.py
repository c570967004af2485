"""Image to image and inpainting among other runs: the pictures of stock diffusers, whatever the neighbours."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.generation import Making
from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.given_pictures import Given
from model_containers.diffusers.samplers import SAMPLERS, make_scheduler
from model_containers.diffusers.shapes64.scenes import COLOURS
from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.diffusers.shared_passes.seat import Seat
from tests.unit.diffusers_container.shared_passes.seats import noting, passes_of, sit
from tests.unit.diffusers_container.tiny_families import make_sdxl
from tests.unit.diffusers_container.watchers import USUAL, Notes

SHAPES_64 = Path(__file__).parents[4] / "model_containers" / "diffusers" / "shapes64" / "checkpoint"
pytestmark = pytest.mark.timeout(400)

STOCK: dict[str, Any] = {
    "StableDiffusionPipeline": (
        diffusers.StableDiffusionImg2ImgPipeline,
        diffusers.StableDiffusionInpaintPipeline,
    ),
    "StableDiffusionXLPipeline": (
        diffusers.StableDiffusionXLImg2ImgPipeline,
        diffusers.StableDiffusionXLInpaintPipeline,
    ),
}
RUN = replace(
    USUAL,
    prompt="a red circle on a blue background",
    steps=8,
    strength=0.6,
    cfg_scale=3.0,
    init_image="file:a",
)


def picture() -> Image.Image:
    """A blue square in a green one."""
    drawn = Image.new("RGB", (64, 64), COLOURS["green"])
    ImageDraw.Draw(drawn).rectangle((12, 20, 50, 48), fill=COLOURS["blue"])
    return drawn


def mask() -> Image.Image:
    """White on the right."""
    drawn = Image.new("L", (64, 64), 0)
    drawn.paste(255, (32, 0, 64, 64))
    return drawn


PLAIN, MASKED = Given(picture(), None), Given(picture(), mask())


@pytest.fixture(scope="module")
def shapes_model() -> LoadedModel:
    return load(checkpoint_files(SHAPES_64), choose_device("cpu", "float32", threads=1))


@pytest.fixture(scope="module")
def sdxl_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("checkpoints") / "sdxl"
    make_sdxl().save_pretrained(folder)
    return load(checkpoint_files(folder), choose_device("cpu", "float32", threads=1))


@pytest.fixture(params=["shapes_model", "sdxl_model"])
def model(request: pytest.FixtureRequest) -> LoadedModel:
    """Stable Diffusion 1 and XL."""
    found: LoadedModel = request.getfixturevalue(request.param)
    return found


def stock(model: LoadedModel, settings: GenerationSettings, given: Given) -> np.ndarray:
    """The picture (height, width, 3), of bytes, of diffusers' own pipeline, made as its documentation says."""
    kinds = STOCK[type(model.pipeline).__name__]
    parts = dict(model.pipeline.components)
    if "safety_checker" in parts:
        parts["requires_safety_checker"] = False
    pipeline = kinds[given.mask is not None](**parts)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler(settings.sampler_name, model.scheduler_config)
    masked = {} if given.mask is None else {"mask_image": given.mask, "width": 64, "height": 64}
    with torch.inference_mode():
        made = pipeline(
            prompt=settings.prompt,
            negative_prompt=settings.negative_prompt,
            image=given.init,
            strength=settings.strength,
            num_inference_steps=settings.steps,
            guidance_scale=settings.cfg_scale,
            generator=torch.Generator("cpu").manual_seed(settings.seed),
            output_type="pt",
            **masked,
        )
    return np.asarray(made.images[0])


def made_among_others(
    model: LoadedModel, settings: GenerationSettings, given: Given, monkeypatch: pytest.MonkeyPatch
) -> np.ndarray:
    """The same picture, before it is rounded to bytes, as a run with neighbours makes it."""
    kept: list[np.ndarray] = []
    from model_containers.diffusers import generation

    rounded = generation._as_image

    def keep(pixels: torch.Tensor) -> Image.Image:
        if threading.current_thread() is threading.main_thread():
            kept.append(np.asarray(pixels))
        return rounded(pixels)

    monkeypatch.setattr(generation, "_as_image", keep)
    passes = SharedPasses(16)
    neighbours = [
        sit(model, replace(USUAL, steps=12, seed=1), passes),
        sit(model, replace(RUN, seed=2, sampler_name="heun"), passes, given=PLAIN),
    ]
    assert model.shared is not None
    with Seat(passes, model.shared, lambda: None) as seat:
        list(Making(model, settings, Notes(), seat, given).pictures(1))
    for neighbour in neighbours:
        assert neighbour.ended().error is None
    return kept[0]


@pytest.mark.parametrize("given", [PLAIN, MASKED], ids=["image to image", "inpainting"])
@pytest.mark.parametrize("sampler", ["euler", "euler_a", "ddim", "dpm++_2m_karras", "unipc"])
def test_a_redrawn_picture_is_that_of_stock_diffusers(
    model: LoadedModel, given: Given, sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(RUN, sampler_name=sampler)
    found = made_among_others(model, settings, given, monkeypatch)
    assert np.abs(found - stock(model, settings, given)).max() < 1e-4


def mixed() -> list[tuple[GenerationSettings, Given | None]]:
    return [
        (replace(RUN, seed=1, steps=12), PLAIN),
        (replace(RUN, seed=2, sampler_name="euler_a", batch_size=3), MASKED),
        (replace(USUAL, seed=3, steps=9), None),
        (replace(RUN, seed=4, sampler_name="heun", strength=1.0), MASKED),
        (replace(RUN, seed=5, sampler_name="dpm++_2m_sde", strength=0.3, batch_size=2), PLAIN),
        (replace(RUN, seed=6, cfg_scale=1.0, steps=20, strength=0.2), PLAIN),
    ]


def test_a_redrawn_picture_is_bit_for_bit_the_same_whatever_its_neighbours(model: LoadedModel) -> None:
    noted, passes = noting(model), SharedPasses(16)
    sittings = [sit(noted, settings, passes, given=given) for settings, given in mixed()]
    for (settings, given), sitting in zip(mixed(), [each.ended() for each in sittings], strict=True):
        assert sitting.error is None
        for index, found in enumerate(sitting.pictures):
            by_itself = replace(settings, seed=settings.seed_of(index), batch_size=1)
            alone = sit(model, by_itself, SharedPasses(16), given=given).ended()
            assert np.array_equal(found, alone.pictures[0]), settings
    assert max(len(rows) for rows in passes_of(noted)) > 2, "nobody shared a pass"


@pytest.mark.parametrize("given", [PLAIN, MASKED], ids=["image to image", "inpainting"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_can_begin_with_a_picture(tiny_model: LoadedModel, sampler: str, given: Given) -> None:
    settings = replace(RUN, prompt="a red circle", sampler_name=sampler)
    sitting = sit(tiny_model, settings, SharedPasses(16), given=given).ended()
    assert sitting.error is None
    assert len(sitting.pictures) == 1
    assert sitting.notes.steps[-1] == (4, 4)


def test_little_strength_keeps_the_picture_and_a_mask_keeps_what_is_black_in_it(
    shapes_model: LoadedModel,
) -> None:
    whole = np.asarray(picture(), dtype=float)

    def redrawn(given: Given, strength: float) -> np.ndarray:
        prompt = "a red circle on a green background"
        settings = replace(RUN, prompt=prompt, strength=strength, steps=20, cfg_scale=1.5)
        sitting = sit(shapes_model, settings, SharedPasses(16), given=given).ended()
        return np.asarray(np.abs(sitting.pictures[0] - whole).mean(axis=2))

    assert redrawn(PLAIN, 0.1).mean() < 12
    assert redrawn(PLAIN, 1.0).mean() > 20
    masked = redrawn(MASKED, 1.0)
    assert masked[:, :28].mean() < 12
    assert masked[:, 36:].mean() > 20
