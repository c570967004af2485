"""Measures a checkpoint on prompts whose scenes training never saw.

`python -m model_containers.diffusers.shapes64.evaluate` prints a table, `--json` the same as JSON. The judge
is the test suite's (`tests/unit/shapes64/judge.py`), so it runs from the repository's root.
"""

import argparse
import importlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model_containers.diffusers.shapes64.captions import caption
from model_containers.diffusers.shapes64.libraries import Pipeline, diffusers
from model_containers.diffusers.shapes64.scenes import Scene, held_out_scene

CHECKPOINT = Path(__file__).parent / "checkpoint"
TWO_FIGURES_OF_TEN = 7
BATCH = 20

Judge = Callable[[NDArray[np.uint8], Scene], list[str]]
"""Looks at a picture of shape (64, 64, 3) and returns the kinds of its faults, none if it is right."""


@dataclass(frozen=True)
class Settings:
    """How pictures are made; `scheduler` is the name of a diffusers class, empty for the checkpoint's own."""

    steps: int = 20
    guidance: float = 1.5
    scheduler: str = "EulerAncestralDiscreteScheduler"
    seed: int = 0


@dataclass(frozen=True)
class Figures:
    """What came out: shares from 0 to 1, faults by kind, seconds for each picture."""

    pictures: int
    right: float
    right_of_one_figure: float
    right_of_two_figures: float
    faults: dict[str, int]
    seconds_per_picture: float


def held_out_prompts(count: int, seed: int = 0) -> list[tuple[Scene, str]]:
    """Return held-out scenes with prompts in mixed wording, seven of ten with two figures."""
    rng = random.Random(seed)
    scenes = [held_out_scene(rng, two_figures=i % 10 < TWO_FIGURES_OF_TEN) for i in range(count)]
    return [(scene, caption(scene, rng)) for scene in scenes]


def load(folder: Path, scheduler: str = Settings.scheduler) -> Pipeline:
    """Load a checkpoint folder as any user of diffusers would."""
    pipeline = diffusers.AutoPipelineForText2Image.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    if scheduler:
        pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
    return pipeline


def generate(pipeline: Pipeline, prompts: Sequence[str], settings: Settings) -> Iterator[NDArray[np.uint8]]:
    """Make one picture of shape (64, 64, 3) for each prompt, twenty at a time."""
    for start in range(0, len(prompts), BATCH):
        batch = list(prompts[start : start + BATCH])
        seeds = [torch.Generator().manual_seed(settings.seed + start + i) for i in range(len(batch))]
        made = pipeline(
            batch,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            generator=seeds,
            output_type="np",
        )
        yield from (made.images * 255).round().astype(np.uint8)


def measure(
    pipeline: Pipeline, prompts: list[tuple[Scene, str]], judge: Judge, settings: Settings
) -> Figures:
    """Make a picture for each prompt and judge it."""
    began = time.perf_counter()
    pictures = list(generate(pipeline, [words for _, words in prompts], settings))
    seconds = time.perf_counter() - began
    found = [judge(picture, scene) for picture, (scene, _) in zip(pictures, prompts, strict=True)]
    right: dict[int, list[bool]] = {1: [], 2: []}
    for faults, (scene, _) in zip(found, prompts, strict=True):
        right[len(scene.figures)].append(not faults)
    return Figures(
        pictures=len(pictures),
        right=_share(right[1] + right[2]),
        right_of_one_figure=_share(right[1]),
        right_of_two_figures=_share(right[2]),
        faults=dict(Counter(kind for faults in found for kind in set(faults))),
        seconds_per_picture=round(seconds / len(pictures), 3),
    )


def _share(right: list[bool]) -> float:
    return round(sum(right) / len(right), 4) if right else 0.0


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.5])
    parser.add_argument(
        "--scheduler", nargs="+", default=[Settings.scheduler], help="'': the checkpoint's own"
    )
    parser.add_argument("--judge", default="tests.unit.shapes64.expectations", help="module with `judge`")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    judge: Judge = importlib.import_module(arguments.judge).judge
    prompts = held_out_prompts(arguments.pictures)
    for scheduler in arguments.scheduler:
        pipeline = load(arguments.checkpoint, scheduler)
        for guidance in arguments.guidance:
            settings = Settings(arguments.steps, guidance, scheduler)
            figures = measure(pipeline, prompts, judge, settings)
            _print(settings, figures, arguments.json)


def _print(settings: Settings, figures: Figures, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(settings) | asdict(figures)))
        return
    print(f"{settings.scheduler or 'own sampler'}, {settings.steps} steps, guidance {settings.guidance}")
    for name, value in asdict(figures).items():
        print(f"  {name.replace('_', ' '):24} {value}")


if __name__ == "__main__":
    main()
