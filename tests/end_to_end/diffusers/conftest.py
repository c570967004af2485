"""One container for all tests here: two sound checkpoints among broken ones."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from tests.system.served_container import HUGE_SIDE, Container, container
from tests.unit.diffusers_container.tiny_checkpoint import write_folder, write_single_file


@pytest.fixture(scope="session", autouse=True)
async def one_event_loop() -> AsyncIterator[None]:
    """Keeps one event loop for all tests here: gRPC delivers the last events of a cancelled call after its test."""
    yield
    await asyncio.sleep(0.1)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints by name in one folder: `tiny`, `tiny.safetensors`, `huge`, `truncated`, `no_unet`, `pickled`."""
    folder = tmp_path_factory.mktemp("checkpoints")
    tiny = write_folder(folder / "tiny")
    write_single_file(folder / "tiny.safetensors")
    for name in ("huge", "truncated", "no_unet", "pickled"):
        shutil.copytree(tiny, folder / name)
    config = folder / "huge" / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "sample_size": HUGE_SIDE // 8}))
    weights = folder / "truncated" / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    shutil.rmtree(folder / "no_unet" / "unet")
    unet = folder / "pickled" / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "diffusion_pytorch_model.bin")
    return folder


@pytest.fixture(scope="session")
def served(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """The container."""
    options = [
        "--device",
        "cpu",
        "--threads",
        "1",
        "--max-side",
        str(HUGE_SIDE),
        "--max-pixels",
        str(1 << 40),
    ]
    options += ["--model", f"tiny={checkpoints / 'tiny'}"]
    options += ["--model", f"single={checkpoints / 'tiny.safetensors'},config={checkpoints / 'tiny'}"]
    for name in ("huge", "truncated", "no_unet", "pickled", "absent"):
        options += ["--model", f"{name}={checkpoints / name}"]
    with container(tmp_path_factory.mktemp("socket"), options) as running:
        yield running
