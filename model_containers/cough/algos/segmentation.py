"""Where something sounds: stretches that are louder than the recording's own background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_containers.cough.algos.decoding import Samples

_FLOOR = 1e-10
_CLOSE_DB = 6.0


@dataclass(frozen=True)
class SegmentationParams:
    """frame_s, hop_s: of the loudness curve. above_floor_db: how much louder than the background a segment is.

    below_peak_db: how much softer than the loudest frame it may be. gap_s: shorter pauses do not part a segment.
    min_s, max_s: of a segment; longer ones are cut. padding_s: kept on both sides. max_segments: the loudest are kept.
    """

    frame_s: float = 0.02
    hop_s: float = 0.01
    above_floor_db: float = 9.0
    below_peak_db: float = 30.0
    gap_s: float = 0.06
    min_s: float = 0.05
    max_s: float = 1.0
    padding_s: float = 0.02
    max_segments: int = 64


@dataclass(frozen=True)
class Segment:
    """From `start_s` to `end_s`; level_db: of its loudest frame."""

    start_s: float
    end_s: float
    level_db: float


def segment(samples: Samples, sample_rate: int, params: SegmentationParams) -> list[Segment]:
    """Return the segments in the order of time; none for a recording without anything that stands out."""
    level = loudness_db(samples, sample_rate, params)
    floor = np.percentile(level, 20)
    threshold = max(floor + params.above_floor_db, level.max() - params.below_peak_db)
    if (
        len(samples) < params.max_s * sample_rate
    ):  # perhaps cut out around one sound: then there is no background
        threshold = min(threshold, level.max() - _CLOSE_DB)
    found = [
        piece
        for start, end in _merged(_runs(level > threshold), round(params.gap_s / params.hop_s))
        for piece in _cut(start, end, round(params.max_s / params.hop_s))
    ]
    duration_s = len(samples) / sample_rate
    segments = [
        Segment(
            max(0.0, start * params.hop_s - params.padding_s),
            min(duration_s, end * params.hop_s + params.frame_s + params.padding_s),
            float(level[start:end].max()),
        )
        for start, end in found
        if (end - start) * params.hop_s >= params.min_s
    ]
    loudest = sorted(segments, key=lambda one: one.level_db, reverse=True)[: params.max_segments]
    return sorted(loudest, key=lambda one: one.start_s)


def loudness_db(samples: Samples, sample_rate: int, params: SegmentationParams) -> NDArray[np.float64]:
    """The mean square of each frame in dB; at least one frame."""
    frame, hop = round(params.frame_s * sample_rate), round(params.hop_s * sample_rate)
    padded = np.pad(samples.astype(np.float64), (0, max(0, frame - len(samples))))
    sums = np.concatenate(([0.0], np.cumsum(padded**2)))
    starts = np.arange(0, len(padded) - frame + 1, hop)
    level: NDArray[np.float64] = 10 * np.log10((sums[starts + frame] - sums[starts]) / frame + _FLOOR)
    return level


def _runs(loud: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last-plus-one frame of each run of loud frames."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _merged(runs: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in runs:
        if merged and start - merged[-1][1] < gap:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _cut(start: int, end: int, longest: int) -> list[tuple[int, int]]:
    return [(place, min(place + longest, end)) for place in range(start, end, longest)]
