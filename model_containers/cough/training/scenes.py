"""Recordings with known coughs: sounds placed in a room, over its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_containers.cough.algos.mel_spectrogram import Spectrogram
from model_containers.cough.runtime.config import Config
from model_containers.cough.runtime.pipeline import segments_of, spectrogram_of
from model_containers.cough.runtime.work import WorkUnit
from model_containers.cough.training.sounds import OTHERS, RATE, Rng, Samples, background, cough, in_a_room
from model_containers.cough.training.speech import speech

_NOWHERE = Path()
SPEECH = "speech"
COUGH = "cough"


@dataclass(frozen=True)
class Event:
    """What sounds from `start_s` to `end_s`."""

    kind: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Scene:
    """A recording and what is in it."""

    samples: Samples
    events: tuple[Event, ...]


def make_scene(rng: Rng, spoken: Sequence[Samples], coughs: bool) -> Scene:
    """A recording of a few seconds; with some coughs among other sounds, or without any.

    spoken: pieces of speech to choose from, which take long to make.
    """
    place, events, pieces = rng.uniform(0.1, 0.5), [], []
    for kind in _kinds(rng, coughs):
        sound = in_a_room(rng, _sound(rng, kind, spoken)) * rng.uniform(0.35, 1.0)
        pieces.append((int(place * RATE), sound))
        events.append(Event(kind, place, place + len(sound) / RATE))
        place = events[-1].end_s + rng.uniform(0.12, 0.6)
    samples = background(rng, int((place + 0.3) * RATE)) * 10 ** (-rng.uniform(22, 50) / 20)
    for start, sound in pieces:
        samples[start : start + len(sound)] += sound[: len(samples) - start]
    return Scene(
        (samples / np.abs(samples).max() * rng.uniform(0.05, 0.95)).astype(np.float32), tuple(events)
    )


def _kinds(rng: Rng, coughs: bool) -> list[str]:
    others = [str(kind) for kind in rng.choice([*OTHERS, SPEECH, SPEECH], size=rng.integers(1, 5))]
    found = [*others, *([COUGH] * int(rng.integers(1, 5)) if coughs else [])]
    rng.shuffle(found)
    return found


def _sound(rng: Rng, kind: str, spoken: Sequence[Samples]) -> Samples:
    if kind == COUGH:
        return cough(rng)
    return spoken[int(rng.integers(len(spoken)))] if kind == SPEECH else OTHERS[kind](rng)


def make_speech(rng: Rng, count: int) -> list[Samples]:
    """So many pieces of speech. Raises NoEspeak."""
    return [speech(rng) for _ in range(count)]


def examples_of(scene: Scene, config: Config) -> list[tuple[Spectrogram, str]]:
    """The spectrogram of each segment that the pipeline finds, and what sounds in most of it (`""`: nothing known)."""
    work = WorkUnit(source_file=_NOWHERE)
    return [
        (spectrogram_of(scene.samples, one, config, work), _kind_at(scene.events, one.start_s, one.end_s))
        for one in segments_of(scene.samples, config)
    ]


def _kind_at(events: Sequence[Event], start_s: float, end_s: float) -> str:
    shares = {event: min(end_s, event.end_s) - max(start_s, event.start_s) for event in events}
    best = max(shares, key=lambda event: shares[event])
    return best.kind if shares[best] > 0.3 * (end_s - start_s) else ""
