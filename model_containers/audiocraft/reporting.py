"""Tells a run's caller how far it is: whole seconds, and the sound so far."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch

from model_containers.audiocraft.loading import LoadedModel
from model_containers.audiocraft.loudness import normalised
from model_containers.audiocraft.sound_files import CODINGS, Samples, encode
from model_containers.audiocraft.sound_settings import SoundSettings
from model_containers.sdk import BatchRun

PREVIEW_EVERY_S = 0.5
PREVIEW_BITS_PER_S = 24_000
"""So that 30 s are within the 96 KiB that a preview may have."""

_CONTEXT_S = 0.4
"""What is decoded again before the new part of a preview, so that the two join."""


class Reporter:
    """The watcher of `generate` that reports to a run, and writes its file once all is made."""

    def __init__(self, run: BatchRun, settings: SoundSettings, model: LoadedModel, model_id: str) -> None:
        self._run = run
        self._settings = settings
        self._model = model
        self._model_id = model_id
        self._told_s = 0
        # A sound that is whole within that time needs none.
        self._next_preview = time.monotonic() + PREVIEW_EVERY_S
        shape = 0 if model.facts.channels == 1 else (0, model.facts.channels)
        self._heard: Samples = np.zeros(shape, np.float32)
        self.written = False

    @property
    def over(self) -> bool:
        """Whether nobody wants the sound any more."""
        return self._run.over

    def grown(self, codes: torch.Tensor, frames: int) -> None:
        """Tell of each whole second, and let it be heard unless the last preview was a moment ago."""
        seconds = frames // self._model.facts.frame_hz
        if seconds <= self._told_s:
            return
        self._told_s = seconds
        self._run.progress(seconds, math.ceil(self._settings.duration_s), "seconds")
        if time.monotonic() >= self._next_preview:
            self._preview(codes[:, :frames])
            self._next_preview = time.monotonic() + PREVIEW_EVERY_S

    def finished(self, codes: torch.Tensor) -> None:
        """Write the file. A failure is this run's own."""
        try:
            self._write(codes)
        except Exception as error:
            self._run.fail(error)

    def _preview(self, codes: torch.Tensor) -> None:
        """Send the whole sound so far; only what is new is decoded, with a little before it."""
        facts = self._model.facts
        hop = facts.rate_hz // facts.frame_hz
        begun = max(0, len(self._heard) // hop - round(_CONTEXT_S * facts.frame_hz))
        fresh = self._model.samples_of(codes[:, begun:]).numpy()
        self._heard = np.concatenate([self._heard, fresh[len(self._heard) - begun * hop :]])
        sound = encode(self._heard, facts.rate_hz, "ogg", bits_per_s=PREVIEW_BITS_PER_S)
        self._run.preview(CODINGS["ogg"].media_type, sound)

    def _write(self, codes: torch.Tensor) -> None:
        settings, rate = self._settings, self._model.facts.rate_hz
        samples = self._model.samples_of(codes).numpy()[: round(settings.duration_s * rate)]
        if settings.loudness_lufs is not None:
            samples = normalised(samples, rate, settings.loudness_lufs)
        origin = {"model": self._model_id, "input": vars(settings)}
        data = encode(samples, rate, settings.format, origin)
        details: dict[str, Any] = {
            "duration_s": round(len(samples) / rate, 3),
            "rate_hz": rate,
            "seed": settings.seed,
        }
        if self._model.facts.channels > 1:
            details["channels"] = self._model.facts.channels
        total = math.ceil(settings.duration_s)
        self._run.progress(total, total, "seconds")
        self._run.write_output(f"0.{settings.format}", CODINGS[settings.format].media_type, data, details)
        self.written = True
