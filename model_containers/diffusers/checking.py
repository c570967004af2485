"""`--check`: tries a checkpoint without a server."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from model_containers.diffusers.checkpoint_facts import facts_of
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.generation_settings import settings_of
from model_containers.diffusers.placement import Placement
from model_containers.sdk import CheckpointError, OutOfMemory


class _Nobody:
    """A watcher that looks away."""

    def stepped(self, done: int, total: int) -> None:
        """Not reported."""

    def showing(self, estimate: object) -> None:
        """Not looked at."""


def check(weights: Path, config: Path | None, placement: Placement) -> int:
    """Load a checkpoint, make one step of a picture, print what was found. Returns the exit code: 0 it works, 1 not."""
    try:
        print(_tried(weights, config, placement))
    except (CheckpointError, OutOfMemory) as error:
        print(f"does not work: {error}", file=sys.stderr)
        return 1
    return 0


def _tried(weights: Path, config: Path | None, placement: Placement) -> str:
    files = checkpoint_files(weights, config)
    facts = facts_of(files, placement.bounds)
    files.check()
    started = time.perf_counter()
    from model_containers.checkpoints import device
    from model_containers.diffusers import checkpoints, generation

    chosen = device.choose_device(placement.device, placement.dtype, placement.threads)
    model = checkpoints.load(files, chosen)
    loaded = time.perf_counter()
    settings = settings_of({"prompt": "a red circle", "steps": 1, "seed": 0}, facts.schema, facts.bounds)
    pictures = list(generation.make_pictures(model, settings, placement.lanes_for(facts), _Nobody()))
    ended = time.perf_counter()
    samplers = ", ".join(facts.schema["properties"]["sampler_name"]["enum"])
    return (
        f"works: {type(model.pipeline).__name__} on {chosen.name}, {len(pictures)} picture of"
        f" {settings.width} x {settings.height}, loaded in {loaded - started:.1f} s,"
        f" one step in {ended - loaded:.1f} s, samplers: {samplers}"
    )
