"""Large pictures: drawn small and then large; through the VAE in tiles; checked or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.generation_settings import settings_of
from model_containers.diffusers.given_pictures import Given
from model_containers.diffusers.input_schema import Bounds, Defaults, input_schema
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.samplers import SAMPLERS
from model_containers.diffusers.shapes64.libraries import diffusers, transformers
from model_containers.diffusers.shared_passes.decoder import SharedVae
from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.sdk import InvalidInput
from tests.unit.diffusers_container.shared_passes.seats import alone, sit
from tests.unit.diffusers_container.tiny_checkpoint import make_pipeline
from tests.unit.diffusers_container.watchers import USUAL

BOUNDS = Bounds(max_side=256, max_pixels=256 * 128)
SCHEMA = input_schema(Defaults(width=64, height=64), BOUNDS, SAMPLERS)
LARGE = replace(USUAL, hires_scale=1.5, hires_strength=0.5, hires_steps=6)


def test_a_picture_is_drawn_small_and_then_large(tiny_model: LoadedModel) -> None:
    sitting = sit(tiny_model, replace(LARGE, batch_size=2), SharedPasses(16)).ended()
    assert sitting.error is None
    assert [picture.shape for picture in sitting.pictures] == [(96, 96, 3)] * 2
    done = [step for step, _ in sitting.notes.steps]
    assert done == sorted(done)
    assert sitting.notes.steps[-1] == (12, 12)  # 3 small steps and 3 large ones of each picture


def test_the_second_drawing_begins_with_the_first_made_larger(tiny_model: LoadedModel) -> None:
    small = Image.fromarray(alone(tiny_model, USUAL)[0]).resize((96, 96), Image.Resampling.LANCZOS)
    again = replace(USUAL, width=96, height=96, steps=6, strength=0.5, init_image="file:a")
    by_hand = sit(tiny_model, again, SharedPasses(16), given=Given(small, None)).ended()
    assert np.array_equal(by_hand.pictures[0], alone(tiny_model, LARGE)[0])


def test_a_large_picture_is_the_one_that_its_seed_gives_alone(tiny_model: LoadedModel) -> None:
    together = alone(tiny_model, replace(LARGE, batch_size=3, sampler_name="euler_a"))
    for index, picture in enumerate(together):
        settings = replace(LARGE, seed=LARGE.seed_of(index), sampler_name="euler_a")
        assert np.array_equal(picture, alone(tiny_model, settings)[0])


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"hires_scale": 4, "width": 72}, "hires_scale"),
        ({"hires_scale": 3}, "hires_scale"),
        ({"hires_scale": 2, "hires_strength": 0}, "hires_strength"),
        ({"hires_scale": 2, "hires_strength": 0.1, "hires_steps": 5}, "hires_strength"),
        ({"mask": "file:a"}, "mask"),
        ({"init_image": "file:a", "strength": 0.01}, "strength"),
    ],
)
def test_what_can_not_be_drawn_is_refused_by_its_field(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings_of({"prompt": "a", **document}, SCHEMA, BOUNDS)
    assert caught.value.field == field


def test_large_pictures_go_through_the_vae_in_tiles_and_small_ones_do_not(tiny_model: LoadedModel) -> None:
    vae = tiny_model.pipeline.vae
    tiled, whole = SharedVae(vae, 64 * 64), SharedVae(vae, 1 << 30)
    draw = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for side, same in ((8, True), (32, False)):
            latents = torch.randn(1, 4, side, side, generator=draw)
            (one,), (other,) = tiled.decode(latents), whole.decode(latents)
            assert one.shape == other.shape == (1, 3, 8 * side, 8 * side)
            assert torch.equal(one, other) == same
            assert float((one - other).abs().mean()) < 0.5
    assert not vae.use_tiling


class NotedVae:
    """Decodes to black, and notes how many pictures at a time; more than `fits` do not fit into memory."""

    config: ClassVar = {"block_out_channels": (1, 1, 1, 1)}
    dtype = torch.float32

    def __init__(self, fits: int = 100) -> None:
        self.sizes: list[int] = []
        self._fits = fits

    def decode(self, latents: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
        assert not return_dict
        if len(latents) > self._fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.sizes.append(len(latents))
        return (torch.zeros(len(latents), 3, 8 * latents.shape[-2], 8 * latents.shape[-1]),)


@pytest.mark.parametrize(("side", "sizes"), [(8, [4, 1]), (16, [1] * 5), (32, [1] * 5)])
def test_as_many_small_pictures_are_decoded_at_once_as_was_said(side: int, sizes: list[int]) -> None:
    vae = NotedVae()
    (pixels,) = SharedVae(vae, together=4 * 64 * 64).decode(torch.zeros(5, 4, side, side))
    assert (vae.sizes, pixels.shape) == (sizes, (5, 3, 8 * side, 8 * side))


def test_pictures_that_do_not_fit_together_are_decoded_one_by_one() -> None:
    vae = NotedVae(fits=1)
    SharedVae(vae, together=1 << 20).decode(torch.zeros(3, 4, 8, 8))
    assert vae.sizes == [1, 1, 1]
    with pytest.raises(torch.OutOfMemoryError):
        SharedVae(NotedVae(fits=0), together=1 << 20).decode(torch.zeros(3, 4, 8, 8))


def _with_checker(folder: Path) -> Path:
    pipeline = make_pipeline()
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={**small, "vocab_size": 16}, vision_config={**small, "image_size": 32, "patch_size": 16}
    )
    checker = diffusers.pipelines.stable_diffusion.StableDiffusionSafetyChecker(config)
    pipeline.register_modules(
        safety_checker=checker,
        feature_extractor=transformers.CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.mark.parametrize("wanted", [True, False])
def test_a_safety_checker_is_used_unless_it_is_not_wanted(tmp_path: Path, wanted: bool) -> None:
    files = checkpoint_files(_with_checker(tmp_path / "checked"))
    files.check()
    device = choose_device("cpu", "float32", threads=1)
    model = load(files, device, Placement(safety_checker=wanted))
    assert (model.pipeline.safety_checker is not None) == wanted
    assert alone(model, USUAL)[0].shape == (64, 64, 3)
    begun = Given(Image.new("RGB", (64, 64), "red"), None)
    redrawn = sit(
        model, replace(USUAL, strength=0.7, init_image="file:a"), SharedPasses(16), given=begun
    ).ended()
    assert redrawn.error is None
