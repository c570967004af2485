"""Sounds as files, and how loud they are."""

from __future__ import annotations

import io
import math

import av
import numpy as np
import pytest

from model_containers.audiocraft.loudness import PEAK, loudness_lufs, normalised
from model_containers.audiocraft.sound_files import CODINGS, decode, encode
from model_containers.sdk.errors import InvalidInput


def tone(rate_hz: int, seconds: float = 2.0, hz: float = 997.0, loud: float = 0.5) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * hz * np.arange(round(rate_hz * seconds)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [16000, 32000])
@pytest.mark.parametrize("form", CODINGS)
def test_a_file_holds_the_sound_that_was_written(form: str, rate_hz: int) -> None:
    samples = tone(rate_hz)
    found = decode(io.BytesIO(encode(samples, rate_hz, form)), rate_hz, 30, "audio")
    assert len(found) == pytest.approx(len(samples), abs=0.1 * rate_hz)
    spectrum = np.abs(np.fft.rfft(found[:rate_hz]))
    assert spectrum.argmax() == 997
    assert np.abs(found[rate_hz // 2 : rate_hz]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_lossless_file_gives_every_sample_back(form: str) -> None:
    samples = tone(16000)
    found = decode(io.BytesIO(encode(samples, 16000, form)), 16000, 30, "audio")
    np.testing.assert_allclose(found, samples, atol=1 / 32000)


@pytest.mark.parametrize("form", CODINGS)
def test_a_file_tells_what_it_was_made_with(form: str) -> None:
    with av.open(io.BytesIO(encode(tone(16000), 16000, form, {"seed": 7}))) as file:
        told = {**file.metadata, **file.streams.audio[0].metadata}
    assert '{"seed": 7}' in {name.lower(): value for name, value in told.items()}["comment"]


@pytest.mark.parametrize(
    ("data", "told"), [(b"nothing", "no sound file"), (encode(tone(16000), 16000, "wav"), "longer")]
)
def test_what_can_not_be_read_is_refused_by_its_field(data: bytes, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as caught:
        decode(io.BytesIO(data), 16000, 1.0, "audio")
    assert caught.value.field == "audio"


@pytest.mark.parametrize("rate_hz", [16000, 32000, 48000])
def test_a_full_scale_tone_has_the_loudness_of_the_standard(rate_hz: int) -> None:
    assert loudness_lufs(tone(rate_hz, loud=1.0), rate_hz) == pytest.approx(-3.01, abs=0.1)


def test_silence_between_is_not_counted() -> None:
    sound = tone(16000)
    gaps = np.concatenate([sound, np.zeros(32000, np.float32), sound])
    assert loudness_lufs(gaps, 16000) == pytest.approx(loudness_lufs(sound, 16000), abs=0.5)


def test_a_sound_is_brought_to_the_loudness_asked_for_but_never_clipped() -> None:
    assert loudness_lufs(normalised(tone(16000), 16000, -23.0), 16000) == pytest.approx(-23, abs=0.05)
    loud = normalised(tone(16000, seconds=0.2), 16000, 0.0)
    assert np.abs(loud).max() == pytest.approx(PEAK, abs=1e-3)
    assert math.isinf(loudness_lufs(normalised(np.zeros(16000, np.float32), 16000, -20), 16000))


def test_two_channels_are_as_loud_as_their_powers_together() -> None:
    sound = tone(16000)
    both = np.stack([sound, sound], -1)
    assert loudness_lufs(both, 16000) == pytest.approx(loudness_lufs(sound, 16000) + 3.01, abs=0.05)
    assert loudness_lufs(normalised(both, 16000, -23.0), 16000) == pytest.approx(-23, abs=0.05)
