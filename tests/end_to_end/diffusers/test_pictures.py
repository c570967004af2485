"""Pictures through the real server: what a run's caller sees."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evoke.domain.errors import ErrorClass, ModelFailed
from tests.system.served_container import Container, connected, generate

pytestmark = pytest.mark.timeout(400)


def _opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


async def test_a_prompt_becomes_a_picture_of_the_size_that_was_asked_for(served: Container) -> None:
    answer = await generate(served, "tiny", prompt="a red circle", seed=5, steps=2, width=96, height=64)
    picture = _opened(answer.files["0.png"])
    assert (picture.size, picture.mode, picture.format) == ((96, 64), "RGB", "PNG")
    assert answer.started["0.png"].media_type == "image/png"
    assert answer.started["0.png"].details == {"width": 96, "height": 64, "seed": 5}
    assert answer.done is not None
    assert answer.done.seed == 5


async def test_every_picture_of_a_batch_is_the_one_that_its_seed_gives_alone(served: Container) -> None:
    settings = {"prompt": "a red circle", "steps": 3, "sampler_name": "euler_a"}
    batch = await generate(served, "tiny", seed=40, batch_size=3, n_iters=1, **settings)
    assert list(batch.files) == ["0.png", "1.png", "2.png"]
    for index in range(3):
        alone = await generate(served, "tiny", seed=40 + index, **settings)
        together = np.asarray(_opened(batch.files[f"{index}.png"]))
        assert np.array_equal(together, np.asarray(_opened(alone.files["0.png"])))


async def test_runs_at_the_same_time_give_the_files_that_each_gives_alone(served: Container) -> None:
    samplers = ("euler", "euler_a", "ddim", "heun", "unipc", "dpm++_2m")
    runs: list[dict[str, Any]] = [
        {
            "prompt": "a red circle",
            "sampler_name": name,
            "seed": index,
            "steps": 5 + index,
            "cfg_scale": 1.0 + index,
        }
        for index, name in enumerate(samplers)
    ]
    at_once = await asyncio.gather(*(generate(served, "tiny", **settings) for settings in runs))
    for settings, answer in zip(runs, at_once, strict=True):
        assert (await generate(served, "tiny", **settings)).files == answer.files
        assert answer.steps[-1].step == settings["steps"]


async def test_pictures_of_several_batches_are_named_on_and_steps_counted_over_all(served: Container) -> None:
    answer = await generate(served, "tiny", prompt="a circle", seed=0, steps=2, batch_size=2, n_iters=2)
    assert list(answer.files) == ["0.png", "1.png", "2.png", "3.png"]
    assert [answer.started[name].details["seed"] for name in answer.files] == [0, 1, 2, 3]
    steps = [report.step for report in answer.steps]
    assert steps == sorted(steps)
    assert (steps[-1], {report.total for report in answer.steps}) == (8, {8})
    assert answer.done is not None
    assert answer.done.result == {"images": 4}


async def test_a_random_seed_is_told_and_makes_the_same_picture_again(served: Container) -> None:
    first = await generate(served, "tiny", prompt="a blue square", steps=2)
    second = await generate(served, "tiny", prompt="a blue square", steps=2)
    assert first.done is not None
    assert second.done is not None
    assert first.done.seed != second.done.seed
    again = await generate(served, "tiny", prompt="a blue square", steps=2, seed=first.done.seed)
    assert again.files == first.files


async def test_the_settings_inside_a_picture_make_it_again(served: Container) -> None:
    made = await generate(
        served, "tiny", prompt="a red circle", negative_prompt="blue", steps=2, cfg_scale=3.5, batch_size=2
    )
    document = json.loads(_opened(made.files["1.png"]).info["evoke"])
    again = await generate(served, document["model"], **document["input"])
    assert again.files["0.png"] == made.files["1.png"]


@pytest.mark.parametrize(
    ("name", "media_type", "kind"), [("jpeg", "image/jpeg", "JPEG"), ("webp", "image/webp", "WEBP")]
)
async def test_other_formats_come_on_request(
    served: Container, name: str, media_type: str, kind: str
) -> None:
    answer = await generate(served, "tiny", prompt="a circle", steps=1, format=name)
    assert answer.started[f"0.{name}"].media_type == media_type
    assert _opened(answer.files[f"0.{name}"]).format == kind


async def test_previews_of_the_work_are_sent(served: Container) -> None:
    answer = await generate(served, "tiny", prompt="a circle", steps=10, batch_size=2)
    while not answer.previews:  # the painter rests after those of the tests before
        answer = await generate(served, "tiny", prompt="a circle", steps=10, batch_size=2)
    assert answer.previews[0].media_type == "image/jpeg"
    assert _opened(answer.previews[0].data).size == (128, 64)


async def test_a_single_file_gives_the_pictures_of_its_folder(served: Container) -> None:
    settings = {"prompt": "a red circle", "steps": 2, "seed": 9}
    folder = await generate(served, "tiny", **settings)
    single = await generate(served, "single", **settings)
    left, right = (np.asarray(_opened(answer.files["0.png"])) for answer in (folder, single))
    assert np.array_equal(left, right)


async def test_a_cut_prompt_is_told_in_the_log(served: Container) -> None:
    prompt = "a red circle on the left of a blue square on a green background"
    answer = await generate(served, "tiny", prompt=prompt, steps=1)
    assert any("longer than the 12 tokens" in line and "green background" in line for line in answer.log)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"sampler_name": "dpm++_sde"}, "sampler_name"),
        ({"steps": 151}, "steps"),
        ({"width": 100}, "width"),
        ({"batch_size": 8, "n_iters": 8}, "batch_size"),
        ({"prompt": ""}, "prompt"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_an_input_beyond_a_limit_is_refused(
    served: Container, settings: dict[str, object], field: str
) -> None:
    with pytest.raises(ModelFailed, match=field) as caught:
        await generate(served, "tiny", **{"prompt": "a circle", **settings})
    assert caught.value.error_class is ErrorClass.INVALID_INPUT


async def test_a_container_says_what_it_serves_even_of_broken_checkpoints(served: Container) -> None:
    async with connected(served) as client:
        described = {model.id: model for model in await client.describe()}
    assert set(described) == {"tiny", "single", "huge", "truncated", "no_unet", "pickled", "absent"}
    assert described["tiny"].input_schema["properties"]["width"]["default"] == 64
    assert described["tiny"].input_schema["properties"]["sampler_name"]["default"] == "ddim"
    assert described["tiny"].limits["max_images"] == 16
    assert described["tiny"].limits["lazy"] == 0
    assert described["tiny"].limits["batched_runs"] == described["tiny"].max_concurrency == 8
