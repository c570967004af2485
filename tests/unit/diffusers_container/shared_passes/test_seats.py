"""Runs that share passes make the pictures that diffusers makes for each, and those that each makes alone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.samplers import SAMPLERS
from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.diffusers.shared_passes.seat import Seat
from tests.unit.diffusers_container.shared_passes.seats import (
    alone,
    call_of,
    limits_of,
    noting,
    passes_of,
    sit,
    together,
)
from tests.unit.diffusers_container.tiny_families import make_sdxl
from tests.unit.diffusers_container.watchers import USUAL, Notes

LONG = replace(USUAL, steps=40, seed=1)
MIXED = [
    replace(USUAL, seed=1, steps=9),
    replace(USUAL, seed=2, steps=6, sampler_name="euler_a", prompt="a blue square"),
    replace(USUAL, seed=3, steps=8, cfg_scale=1.0, sampler_name="ddim"),
    replace(USUAL, seed=4, steps=5, sampler_name="dpm++_2m_karras", negative_prompt="green"),
    replace(USUAL, seed=5, steps=7, sampler_name="heun", cfg_scale=9.0),
    replace(USUAL, seed=6, steps=12, sampler_name="unipc", batch_size=3),
    replace(USUAL, seed=7, steps=6, width=96, height=72),
    replace(USUAL, seed=8, steps=6, sampler_name="lcm", cfg_scale=1.0, width=96, height=72),
]


@pytest.fixture(scope="module")
def sdxl_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("checkpoints") / "sdxl"
    make_sdxl().save_pretrained(folder)
    return load(checkpoint_files(folder), choose_device("cpu", "float32", threads=1))


@pytest.fixture(params=["tiny_model", "sdxl_model"])
def model(request: pytest.FixtureRequest) -> LoadedModel:
    """Stable Diffusion 1 and XL."""
    found: LoadedModel = request.getfixturevalue(request.param)
    return found


def test_runs_that_share_passes_make_the_pictures_of_stock_diffusers(model: LoadedModel) -> None:
    assert model.shared is not None
    parts, passes = model.shared, SharedPasses(16)
    singles = [replace(settings, batch_size=1) for settings in MIXED]
    made: dict[int, torch.Tensor] = {}

    def make(index: int) -> None:
        with Seat(passes, parts, lambda: None) as seat:
            made[index] = call_of(model, singles[index], seat)

    threads = [threading.Thread(target=make, args=(index,), daemon=True) for index in range(len(singles))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for index, settings in enumerate(singles):
        difference = (made[index] - call_of(model, settings, None)).abs().max()
        assert float(difference) < 1e-4, settings


@pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch compiles for the CPU by g++, which is not installed"
)
def test_compiled_blocks_make_the_same_pictures(tiny_folder: Path, tiny_model: LoadedModel) -> None:
    compiled = load(checkpoint_files(tiny_folder), choose_device("cpu", "float32"), Placement(compiled=True))
    blocks = [
        block for block in compiled.pipeline.unet.modules() if type(block).__name__ == "BasicTransformerBlock"
    ]
    assert blocks
    assert all(block._compiled_call_impl is not None for block in blocks)
    few = [replace(USUAL, seed=seed, steps=2 + seed) for seed in range(3)]
    for settings, picture in zip(few, together(noting(compiled), few), strict=True):
        difference = np.abs(picture.pictures[0].astype(int) - alone(tiny_model, settings)[0].astype(int))
        assert difference.max() <= 1, settings


def test_a_picture_is_bit_for_bit_the_same_whatever_its_neighbours(model: LoadedModel) -> None:
    noted = noting(model)
    for settings, sitting in zip(MIXED, together(noted, MIXED), strict=True):
        assert sitting.error is None
        for left, right in zip(sitting.pictures, alone(model, settings), strict=True):
            assert np.array_equal(left, right), settings
    assert max(len(rows) for rows in passes_of(noted)) > 2, "nobody shared a pass"


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 13, 16, 24, 32])
def test_the_rows_of_a_pass_do_not_depend_on_how_many_they_are(tiny_model: LoadedModel, rows: int) -> None:
    assert tiny_model.shared is not None
    unet, draw = tiny_model.shared.unet, torch.Generator().manual_seed(0)
    sample, words = torch.randn(32, 4, 8, 8, generator=draw), torch.randn(32, 12, 32, generator=draw)
    times = torch.randint(0, 1000, (32,), generator=draw).float()
    with torch.inference_mode():
        pairs = [
            unet._forward(
                sample[at : at + 2], times[at : at + 2], {"encoder_hidden_states": words[at : at + 2]}
            )
            for at in range(0, 32, 2)
        ]
        found = unet._forward(sample[:rows], times[:rows], {"encoder_hidden_states": words[:rows]})
    assert torch.equal(found, torch.cat(pairs)[:rows])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_shares_passes_with_another(tiny_model: LoadedModel, sampler: str) -> None:
    settings = replace(USUAL, steps=6, sampler_name=sampler, batch_size=2)
    neighbour = replace(USUAL, steps=9, seed=99)
    first, _ = together(tiny_model, [settings, neighbour])
    assert first.error is None
    for index, picture in enumerate(first.pictures):
        by_itself = replace(settings, seed=settings.seed_of(index), batch_size=1)
        assert np.array_equal(picture, alone(tiny_model, by_itself)[0])
    assert first.notes.steps[-1] == (12, 12)


def test_a_late_run_joins_one_that_is_under_way(tiny_model: LoadedModel) -> None:
    passes = SharedPasses(16)
    lasting, late = replace(LONG, steps=100), replace(USUAL, steps=5, seed=77, sampler_name="euler_a")
    joined: list[object] = []

    def join(number: int) -> None:
        if number == 10:
            joined.append(sit(noted, late, passes))

    noted = noting(tiny_model, join)
    long = sit(noted, lasting, passes).ended()
    (sitting,) = joined
    assert np.array_equal(sitting.ended().pictures[0], alone(tiny_model, late)[0])  # type: ignore[attr-defined]
    assert np.array_equal(long.pictures[0], alone(tiny_model, lasting)[0])
    assert passes_of(noted)[0] == [2]
    assert [2, 2] in passes_of(noted)


def _cancelling_at(step: int) -> Callable[[int], None]:
    def stop(done: int) -> None:
        if done >= step:
            raise KeyboardInterrupt

    return stop


def test_a_run_tells_how_many_were_in_its_passes(tiny_model: LoadedModel) -> None:
    model = noting(tiny_model)
    first, second = together(model, [LONG, replace(LONG, seed=2)])
    shared = sum(len(rows) == 2 for rows in passes_of(model))
    assert shared > 0
    assert first.batch_size == second.batch_size == pytest.approx(1 + shared / LONG.steps)
    assert sit(model, USUAL, SharedPasses(16)).ended().batch_size == 1


def test_a_cancelled_run_takes_part_in_no_further_pass(tiny_model: LoadedModel) -> None:
    passes, model = SharedPasses(16), noting(tiny_model)
    long = sit(model, replace(LONG, steps=60), passes)
    cancelled = sit(
        model, replace(LONG, steps=60, batch_size=3), passes, notes=Notes(_cancelling_at(9))
    ).ended()
    long.ended()
    assert isinstance(cancelled.error, KeyboardInterrupt)
    assert sum(6 in rows for rows in passes_of(model)) == 3
    assert long.error is None
    assert len(long.pictures) == 1


def test_an_error_of_one_run_leaves_its_neighbours_alone(tiny_model: LoadedModel) -> None:
    runs = [LONG, replace(USUAL, steps=20, sampler_name="none of ours"), replace(USUAL, steps=20)]
    first, broken, last = together(tiny_model, runs)
    assert isinstance(broken.error, KeyError)
    assert np.array_equal(first.pictures[0], alone(tiny_model, LONG)[0])
    assert np.array_equal(last.pictures[0], alone(tiny_model, runs[2])[0])


def test_a_pass_is_as_large_as_memory_allows_and_the_pictures_stay_the_same(tiny_model: LoadedModel) -> None:
    run = replace(USUAL, batch_size=4)
    scarce, plenty = noting(tiny_model, free_bytes=1 << 20), noting(tiny_model)
    found, expected = (sit(model, run, SharedPasses(64)).ended() for model in (scarce, plenty))
    assert [limit < 8 for limit in limits_of(scarce)] == [True]
    assert limits_of(plenty) == [64]
    assert len(found.pictures) == 4
    assert all(map(np.array_equal, found.pictures, expected.pictures))
