"""What goes wrong in a run ends that run, in words, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from evoke.domain.errors import ErrorClass, ModelFailed
from evoke.ports.model_client import StepDone
from tests.system.served_container import HUGE_SIDE, Container, connected, generate, request

pytestmark = pytest.mark.timeout(400)

AT_ONCE = 8
LONG = {"prompt": "a red circle", "steps": 150, "batch_size": 8, "n_iters": 2, "width": 128, "height": 128}


@pytest.mark.parametrize(
    ("model", "file", "reason"),
    [
        ("truncated", "vae/diffusion_pytorch_model.safetensors", "truncated"),
        ("no_unet", "no_unet/unet", "missing"),
        ("pickled", "unet/diffusion_pytorch_model.bin", "pickled"),
        ("absent", "absent", "no such file or folder"),
    ],
)
async def test_a_broken_checkpoint_is_a_clean_error_and_the_others_are_served(
    served: Container, model: str, file: str, reason: str
) -> None:
    with pytest.raises(ModelFailed, match=reason) as caught:
        await generate(served, model, prompt="a circle", steps=1)
    assert caught.value.error_class is ErrorClass.CHECKPOINT
    assert file in str(caught.value)
    assert (await generate(served, "tiny", prompt="a circle", steps=1)).files


async def test_a_cancelled_run_ends_within_a_step_and_the_next_one_runs(served: Container) -> None:
    async with connected(served) as client, asyncio.timeout(100):
        runs = [client.generate(request("tiny", LONG)) for _ in range(AT_ONCE)]
        for run in runs:
            async for message in run:
                if isinstance(message, StepDone) and message.step >= 4:
                    assert message.total == 2400
                    break
        await runs[0].aclose()
        # As many runs as the container takes were under way: this one can only come through when one has ended.
        assert (await generate(served, "tiny", prompt="a circle", steps=1)).files
        for run in runs[1:]:
            await run.aclose()


async def test_a_run_beyond_its_deadline_ends(served: Container) -> None:
    settings = {"prompt": "a red circle", "steps": 150, "batch_size": 8, "n_iters": 2}
    async with connected(served) as client, asyncio.timeout(60):
        with pytest.raises(ModelFailed) as caught:
            async for _ in client.generate(request("tiny", settings, deadline_s=1.0)):
                pass
    assert caught.value.error_class is ErrorClass.DEADLINE


async def test_running_out_of_memory_is_told_and_the_next_run_succeeds(served: Container) -> None:
    with pytest.raises(ModelFailed, match="did not fit into memory") as caught:
        await generate(served, "huge", prompt="a circle", steps=1, width=HUGE_SIDE, height=HUGE_SIDE)
    assert caught.value.error_class is ErrorClass.OUT_OF_MEMORY
    assert (await generate(served, "tiny", prompt="a circle", steps=1)).files
