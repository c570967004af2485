"""Sounds as files: written and read by FFmpeg's libraries, which PyAV brings along."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from model_containers.sdk.errors import InvalidInput

Samples = NDArray[np.float32]
"""From -1 to 1: (samples) of one channel, (samples, 2) of two."""

_SENT = "wav, flac, ogg, opus, mp3 or m4a"
_PIECE = 1 << 14
_LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Coding:
    """How a format is written. rates: what the encoder takes, none: any; sample: its kind of samples."""

    container: str
    codec: str
    sample: str
    media_type: str
    rates: tuple[int, ...] = ()
    bits_per_s: int | None = None


CODINGS: Mapping[str, Coding] = {
    "wav": Coding("wav", "pcm_s16le", "s16", "audio/wav"),
    "flac": Coding("flac", "flac", "s16", "audio/flac"),
    "mp3": Coding("mp3", "libmp3lame", "s16p", "audio/mpeg", (16000, 24000, 32000, 44100, 48000), 128_000),
    "ogg": Coding("ogg", "libopus", "s16", "audio/ogg", (16000, 24000, 48000), 64_000),
}
"""ogg holds Opus, which has no 32 kHz: such a sound is written at 48 kHz."""


def encode(
    samples: Samples,
    rate_hz: int,
    form: str,
    origin: Mapping[str, Any] | None = None,
    bits_per_s: int | None = None,
) -> bytes:
    """Write samples as `wav`, `flac`, `mp3` or `ogg`.

    origin: kept in the file's comment as JSON. bits_per_s: of mp3 and ogg, instead of what is usual for them.
    """
    coding, layout = CODINGS[form], _LAYOUTS[1 if samples.ndim == 1 else samples.shape[1]]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=coding.container) as file:
        if origin is not None:
            file.metadata["comment"] = json.dumps(origin)
        written = next((rate for rate in coding.rates if rate >= rate_hz), rate_hz)
        # PyAV's types tell streams apart by codecs that are literals.
        stream: Any = file.add_stream(coding.codec, rate=written, layout=layout)
        if coding.bits_per_s is not None:
            stream.bit_rate = bits_per_s or coding.bits_per_s
        resampler = av.AudioResampler(format=coding.sample, layout=layout, rate=written)
        for frame in _frames(samples, rate_hz):
            for piece in resampler.resample(frame):
                file.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(samples: Samples, rate_hz: int) -> list[av.AudioFrame]:
    whole = (np.clip(samples, -1, 1) * 32767).round().astype("<i2")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    frames = []
    for start in range(0, len(whole), _PIECE):
        frame = av.AudioFrame.from_ndarray(
            whole[start : start + _PIECE].reshape(1, -1), format="s16", layout=_LAYOUTS[channels]
        )
        frame.sample_rate, frame.pts = rate_hz, start
        frames.append(frame)
    return frames


def decode(source: BinaryIO, rate_hz: int, max_duration_s: float, field: str, channels: int = 1) -> Samples:
    """Read the first sound track of a file, mixed to one channel or two, at `rate_hz`.

    Raises InvalidInput naming `field` for what is no sound file and, without decoding the rest, for one that is longer
    than `max_duration_s`.
    """
    pieces: list[Samples] = []
    left = int(max_duration_s * rate_hz)
    try:
        with av.open(source, mode="r") as file:
            if not file.streams.audio:
                raise InvalidInput(field, f"holds no sound track; send {_SENT}")
            resampler = av.AudioResampler(format="flt", layout=_LAYOUTS[channels], rate=rate_hz)
            for frame in (*file.decode(file.streams.audio[0]), None):
                for piece in resampler.resample(frame):
                    pieces.append(piece.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False))
                    left -= len(pieces[-1])
                if left < 0:
                    raise InvalidInput(field, f"is longer than {max_duration_s:g} s")
    except (av.FFmpegError, OverflowError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(field, f"is no sound file that can be read; send {_SENT}") from error
    whole = np.concatenate(pieces) if pieces else np.zeros((0, channels), np.float32)
    return whole[:, 0] if channels == 1 else whole
