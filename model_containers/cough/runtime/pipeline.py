"""The pipeline: decode → check → normalise → segment → mel spectrogram → classify → picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_containers.cough.algos.classification import Classifier, Probability, overall
from model_containers.cough.algos.color_spectrogram import color_spectrogram
from model_containers.cough.algos.decoding import Samples, decode
from model_containers.cough.algos.mel_spectrogram import Spectrogram, mel_spectrogram
from model_containers.cough.algos.normalisation import check_quality, normalise
from model_containers.cough.algos.segmentation import Segment, SegmentationParams, segment
from model_containers.cough.runtime.config import Config, load_config
from model_containers.cough.runtime.work import WorkUnit

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "cough.safetensors"
STEPS = 4


@dataclass(frozen=True)
class Finding:
    """A segment, and how probable it is that it is a cough."""

    segment: Segment
    probability: Probability
    spectrogram: Spectrogram
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class Diagnosis:
    """overall: that there is a cough at all. coughs: segments from the threshold on."""

    duration_s: float
    overall: Probability
    coughs: int
    findings: tuple[Finding, ...]


@lru_cache(maxsize=2)
def shipped_classifier() -> Classifier:
    """The classifier that comes with the code. Raises OSError, ValueError."""
    return Classifier.load(WEIGHTS)


def execute(
    work: WorkUnit,
    config: Config | None = None,
    classifier: Classifier | None = None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Diagnosis:
    """Diagnose one recording. Raises BadRecording. step: told after each of the four steps."""
    config = config or load_config()
    samples = decode(work.source_file, config.sample_rate, config.max_duration_s)
    check_quality(samples, config.sample_rate, config.quality)
    samples = normalise(samples)
    step(1, STEPS)
    segments = segment(samples, config.sample_rate, work.segmentation_params or config.segmentation)
    step(2, STEPS)
    spectrograms = [spectrogram_of(samples, one, config, work) for one in segments]
    probabilities = (classifier or shipped_classifier()).classify(spectrograms)
    step(3, STEPS)
    colours = work.color_spec_params or config.color_spectrogram
    findings = tuple(
        Finding(one, probability, spectrogram, color_spectrogram(spectrogram, colours))
        for one, probability, spectrogram in zip(segments, probabilities, spectrograms, strict=True)
    )
    step(STEPS, STEPS)
    coughs = sum(probability.value >= config.threshold for probability in probabilities)
    return Diagnosis(len(samples) / config.sample_rate, overall(probabilities), coughs, findings)


def spectrogram_of(samples: Samples, one: Segment, config: Config, work: WorkUnit) -> Spectrogram:
    """The mel spectrogram of a segment."""
    start, end = (round(time_s * config.sample_rate) for time_s in (one.start_s, one.end_s))
    return mel_spectrogram(
        samples[start:end], config.sample_rate, work.mel_spec_params or config.mel_spectrogram
    )


def segments_of(samples: Samples, config: Config, params: SegmentationParams | None = None) -> list[Segment]:
    """The segments of samples that are at hand, as the pipeline finds them; for training."""
    return segment(normalise(samples), config.sample_rate, params or config.segmentation)
