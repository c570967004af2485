"""Measures a checkpoint on prompts that training never saw.

`python -m model_containers.audiocraft.sounds16k.evaluate` prints a table, `--json` the same as JSON. The judge is the
test suite's (`tests/unit/sounds16k/judge.py`), so it runs from the repository's root.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.generation import generate, new_row
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.loading import LoadedModel, load
from model_containers.audiocraft.sound_settings import settings_of
from model_containers.audiocraft.sounds16k.captions import held_out_pairs
from model_containers.audiocraft.sounds16k.scenes import Scene
from model_containers.checkpoints.device import Device

CHECKPOINT = Path(__file__).parent / "checkpoint"
BATCH = 20

Judge = Callable[[NDArray[np.float32], Scene], list[str]]
"""Listens to samples at 16 kHz and returns the kinds of their faults, none if they are right."""


@dataclass(frozen=True)
class Figures:
    """What came out: shares from 0 to 1, faults by kind of sound and of fault."""

    sounds: int
    right: float
    right_of_unseen_scenes: float
    unseen_scenes: int
    faults: dict[str, int]
    seconds_per_sound: float


class _Kept:
    """The watcher of `generate` that keeps the codes."""

    over = False
    codes: torch.Tensor

    def grown(self, codes: torch.Tensor, frames: int) -> None:
        """Not looked at."""

    def finished(self, codes: torch.Tensor) -> None:
        """Keep them."""
        self.codes = codes


def make_sounds(model: LoadedModel, prompts: Sequence[str], **settings: float) -> list[NDArray[np.float32]]:
    """Make a sound for each prompt; sound n has the seed n."""
    made: list[NDArray[np.float32]] = []
    for start in range(0, len(prompts), BATCH):
        watchers, rows = [], []
        for number, prompt in enumerate(prompts[start : start + BATCH], start):
            asked = settings_of({"prompt": prompt, "seed": number, **settings}, model.facts.schema)
            watchers.append(_Kept())
            nothing = torch.zeros(model.codebooks, 0, dtype=torch.long)
            frames = round(asked.duration_s * model.facts.frame_hz)
            rows.append(new_row(asked, watchers[-1], nothing, frames))
        generate(model, rows)
        made += [model.samples_of(watcher.codes).numpy() for watcher in watchers]
    return made


def measure(
    model: LoadedModel, pairs: Sequence[tuple[Scene, str]], judge: Judge, **settings: float
) -> Figures:
    """Make a sound for each prompt and judge it."""
    began = time.perf_counter()
    sounds = make_sounds(model, [prompt for _, prompt in pairs], **settings)
    seconds = time.perf_counter() - began
    found = [judge(sound, scene) for sound, (scene, _) in zip(sounds, pairs, strict=True)]
    unseen = [not faults for faults, (scene, _) in zip(found, pairs, strict=True) if scene.held_out]
    told = Counter(
        f"{scene.kind}: {fault}" for faults, (scene, _) in zip(found, pairs, strict=True) for fault in faults
    )
    return Figures(
        sounds=len(sounds),
        right=round(sum(not faults for faults in found) / len(found), 4),
        right_of_unseen_scenes=round(sum(unseen) / max(1, len(unseen)), 4),
        unseen_scenes=len(unseen),
        faults=dict(told),
        seconds_per_sound=round(seconds / len(sounds), 3),
    )


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--sounds", type=int, default=100)
    parser.add_argument("--cfg-coef", type=float, nargs="+", default=[])
    parser.add_argument("--temperature", type=float, help="default: the checkpoint's own, as of --cfg-coef")
    parser.add_argument("--judge", default="tests.unit.sounds16k.judge", help="module with `judge`")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    judge: Judge = importlib.import_module(arguments.judge).judge
    layout = layout_of(arguments.checkpoint)
    facts = layout.facts(Bounds())
    model = load(layout, facts, Device("cpu", torch.float32))
    own = facts.defaults.temperature
    temperature = own if arguments.temperature is None else arguments.temperature
    for guidance in arguments.cfg_coef or [facts.defaults.cfg_coef]:
        asked = {"cfg_coef": guidance, "temperature": temperature}
        figures = measure(model, held_out_pairs(arguments.sounds), judge, **asked)
        if arguments.json:
            print(json.dumps(asked | asdict(figures)))
        else:
            print(f"guidance {guidance:g}, temperature {temperature:g}")
            for name, value in asdict(figures).items():
                print(f"  {name.replace('_', ' '):24} {value}")


if __name__ == "__main__":
    main()
