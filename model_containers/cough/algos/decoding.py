"""From a sound file (wav, flac, ogg or opus, mp3, m4a, …) to samples at one rate, by FFmpeg's libraries."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from model_containers.cough.algos.errors import BadRecording

Samples = NDArray[np.float32]
"""One channel, from -1 to 1."""

_FORMATS = "wav, flac, ogg, opus, mp3 or m4a"


def decode(source: Path | BinaryIO, sample_rate: int, max_duration_s: float) -> Samples:
    """Return the first sound track, mixed to one channel, at `sample_rate` Hz.

    Raises BadRecording for what is no sound file, and, without decoding the rest, for one longer than `max_duration_s`.
    """
    pieces: list[Samples] = []
    left = int(max_duration_s * sample_rate)
    try:
        with av.open(source if not isinstance(source, Path) else str(source), mode="r") as container:
            if not container.streams.audio:
                raise BadRecording(f"holds no sound track; send {_FORMATS}")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
            for frame in container.decode(container.streams.audio[0]):
                for piece in resampler.resample(frame):
                    pieces.append(piece.to_ndarray()[0].astype(np.float32, copy=False))
                    left -= len(pieces[-1])
                if left < 0:
                    raise BadRecording(f"is longer than {max_duration_s:g} s; send the part with the coughs")
            pieces += [
                piece.to_ndarray()[0].astype(np.float32, copy=False) for piece in resampler.resample(None)
            ]
    except (av.FFmpegError, ValueError, OverflowError) as error:
        if isinstance(error, BadRecording):
            raise
        raise BadRecording(f"is no sound file that can be read; send {_FORMATS}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
