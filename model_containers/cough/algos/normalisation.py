"""Whether a recording can be judged at all, and one level for all that can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_containers.cough.algos.decoding import Samples
from model_containers.cough.algos.errors import BadRecording


@dataclass(frozen=True)
class QualityParams:
    """min_duration_s: of the shortest recording. silence_dbfs: peak up to which it is silent.

    clipped_share: of the samples that are at the limit, beyond which it is too distorted.
    """

    min_duration_s: float = 0.2
    silence_dbfs: float = -60.0
    clipped_share: float = 0.02


def check_quality(samples: Samples, sample_rate: int, params: QualityParams) -> None:
    """Raises BadRecording for one that is empty, too short, silent, not finite or clipped."""
    if not len(samples):
        raise BadRecording("is empty")
    duration_s = len(samples) / sample_rate
    if duration_s < params.min_duration_s:
        raise BadRecording(f"is {duration_s:.2f} s long, at least {params.min_duration_s:g} s are needed")
    if not np.isfinite(samples).all():
        raise BadRecording("holds samples that are no numbers")
    peak = float(np.abs(samples).max())
    if peak <= 10 ** (params.silence_dbfs / 20):
        raise BadRecording(f"is silent: no sample is louder than {params.silence_dbfs:g} dBFS")
    clipped = float((np.abs(samples) >= 0.999).mean())
    if clipped > params.clipped_share:
        raise BadRecording(
            f"is clipped: {clipped:.0%} of its samples are at the limit, at most {params.clipped_share:.0%}; "
            "record it at a lower level"
        )


def normalise(samples: Samples) -> Samples:
    """Return the samples without their mean, and with a peak of 1."""
    centred: Samples = samples - samples.mean(dtype=np.float64).astype(np.float32)
    peak = np.abs(centred).max(initial=0.0)
    level: Samples = (centred / peak if peak > 0 else centred).astype(np.float32)
    return level
