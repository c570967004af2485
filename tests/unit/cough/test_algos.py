"""Each step of the pipeline by itself."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model_containers.cough.algos.classification import Classifier, Probability, overall
from model_containers.cough.algos.color_spectrogram import ColorSpecParams, color_spectrogram, png
from model_containers.cough.algos.decoding import decode
from model_containers.cough.algos.errors import BadRecording
from model_containers.cough.algos.mel_spectrogram import MelSpecParams, mel_filters, mel_spectrogram
from model_containers.cough.algos.normalisation import QualityParams, check_quality, normalise
from model_containers.cough.algos.segmentation import SegmentationParams, segment

RATE = 16000
FORMATS = {
    "wav": ("wav", "pcm_s16le", 44100),
    "flac": ("flac", "flac", 48000),
    "opus": ("ogg", "libopus", 48000),
    "mp3": ("mp3", "libmp3lame", 44100),
    "m4a": ("ipod", "aac", 44100),
}


def tone(hertz: float, seconds: float, rate: int = RATE, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def encoded(samples: NDArray[np.float32], kind: str) -> io.BytesIO:
    """The samples, taken to be at the format's usual rate, as a file of that format."""
    container_format, codec, rate = FORMATS[kind]
    stream = io.BytesIO()
    with av.open(stream, "w", format=container_format) as container:
        track: Any = container.add_stream(codec, rate=rate, layout="mono")
        fifo, resampler = av.AudioFifo(), av.AudioResampler(format=track.format, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            fifo.write(piece)
        size = track.codec_context.frame_size or 1024
        while (part := fifo.read(size) or fifo.read(size, partial=True)) is not None:
            container.mux(track.encode(part))
        container.mux(track.encode(None))
    stream.seek(0)
    return stream


def peak_hertz(samples: NDArray[np.float32]) -> float:
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[np.abs(np.fft.rfft(samples)).argmax()])


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_decoded_to_the_same_sound(kind: str) -> None:
    samples = decode(encoded(tone(1000, 1.0, FORMATS[kind][2]), kind), RATE, 10)
    assert len(samples) / RATE == pytest.approx(1.0, abs=0.1)
    assert peak_hertz(samples) == pytest.approx(1000, abs=5)
    assert np.abs(samples[2000:-4000]).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    "content", [b"", b"no sound", b"RIFF\0\0\0\0WAVE", b"\xff\xfb" + bytes(1000), bytes(100)]
)
def test_what_is_no_sound_is_told(content: bytes) -> None:
    with pytest.raises(BadRecording, match=r"send wav, flac, ogg, opus, mp3 or m4a|is empty"):
        check_quality(decode(io.BytesIO(content), RATE, 10), RATE, QualityParams())


def test_a_recording_that_is_too_long_is_refused_without_decoding_all_of_it() -> None:
    hour = encoded(np.zeros(8000 * 600, np.float32), "wav")
    with pytest.raises(BadRecording, match="longer than 5 s"):
        decode(hour, RATE, 5)
    assert hour.tell() < len(hour.getvalue()) / 4


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (np.zeros(0, np.float32), "is empty"),
        (tone(440, 0.1), "is 0.10 s long, at least 0.2 s"),
        (np.zeros(RATE, np.float32), "is silent"),
        (tone(440, 1, level=0.0005), "is silent"),
        (tone(440, 1, level=3.0).clip(-1, 1), r"is clipped: \d+% of its samples"),
        (np.full(RATE, np.nan, np.float32), "no numbers"),
    ],
)
def test_a_recording_that_can_not_be_judged_is_told_why(samples: NDArray[np.float32], told: str) -> None:
    with pytest.raises(BadRecording, match=told):
        check_quality(samples, RATE, QualityParams())


def test_an_ordinary_recording_can_be_judged() -> None:
    check_quality(tone(440, 1), RATE, QualityParams())
    check_quality(np.append(tone(440, 1), np.ones(100, np.float32)), RATE, QualityParams())


def test_levels_and_offsets_are_taken_out() -> None:
    levelled = normalise(tone(440, 1, level=0.01) + np.float32(0.2))
    assert np.abs(levelled).max() == pytest.approx(1)
    assert levelled.mean() == pytest.approx(0, abs=1e-3)
    assert not normalise(np.zeros(10, np.float32)).any()


def placed(*places_s: float, length_s: float = 4.0, noise: float = 0.001) -> NDArray[np.float32]:
    samples = np.random.default_rng(0).normal(0, noise, int(length_s * RATE)).astype(np.float32)
    for place_s in places_s:
        start = int(place_s * RATE)
        samples[start : start + 3200] += tone(800, 0.2)
    return samples


def test_segments_lie_where_something_sounds() -> None:
    found = segment(placed(0.5, 1.5, 3.0), RATE, SegmentationParams())
    assert [round(one.start_s, 1) for one in found] == [0.5, 1.5, 3.0]
    assert [one.end_s - one.start_s for one in found] == pytest.approx([0.25] * 3, abs=0.04)


def test_a_short_pause_does_not_part_a_segment_and_a_long_sound_is_cut() -> None:
    assert len(segment(placed(0.5, 0.73), RATE, SegmentationParams())) == 1
    long = placed(*(0.5 + 0.2 * n for n in range(10)))
    found = segment(long, RATE, SegmentationParams(max_s=0.8))
    assert len(found) == 3
    assert max(one.end_s - one.start_s for one in found) < 0.9


def test_only_the_loudest_segments_are_kept_in_the_order_of_time() -> None:
    samples = placed(0.5, 1.5, 2.5)
    samples[int(1.5 * RATE) : int(1.7 * RATE)] *= 0.3
    found = segment(samples, RATE, SegmentationParams(max_segments=2))
    assert [round(one.start_s, 1) for one in found] == [0.5, 2.5]


def test_a_sound_that_was_cut_out_of_its_recording_is_one_segment() -> None:
    (found,) = segment(tone(800, 0.3), RATE, SegmentationParams())
    assert [found.start_s, found.end_s] == pytest.approx([0.0, 0.3], abs=0.02)


def test_a_recording_without_anything_that_stands_out_has_no_segments() -> None:
    assert segment(placed(), RATE, SegmentationParams()) == []
    assert segment(np.zeros(RATE, np.float32), RATE, SegmentationParams()) == []


@pytest.mark.parametrize("hertz", [200, 1000, 4000])
def test_a_tone_lights_the_mel_band_that_holds_it(hertz: float) -> None:
    params = MelSpecParams()
    found = mel_spectrogram(tone(hertz, 0.5), RATE, params)
    assert found.shape == (params.mels, params.frames)
    filters = mel_filters(RATE, 512, params.mels, params.min_hz, params.max_hz)
    holding = filters[:, round(hertz / RATE * 512)].argmax()
    assert abs(int(found[:, 10].argmax()) - int(holding)) <= 1
    assert (found.max(), found.min()) == (0.0, -params.range_db)


def test_a_spectrogram_has_its_width_whatever_the_length_of_the_sound() -> None:
    for samples in (tone(500, 0.001), tone(500, 5), np.zeros(0, np.float32)):
        assert mel_spectrogram(samples, RATE, MelSpecParams(frames=20)).shape == (48, 20)


def test_filters_reach_from_the_lowest_to_the_highest_frequency() -> None:
    filters = mel_filters(RATE, 512, 20, 100, 7000)
    lit = np.fft.rfftfreq(512, 1 / RATE)[filters.sum(axis=0) > 0]
    assert lit.min() >= 100
    assert lit.max() <= 7000
    assert (filters.sum(axis=1) > 0).all()


def test_a_picture_has_low_frequencies_at_the_bottom_and_loud_ones_bright() -> None:
    spectrogram = np.full((4, 6), -60, np.float32)
    spectrogram[0, 2] = 0
    picture = color_spectrogram(spectrogram, ColorSpecParams("grey", scale=2))
    assert picture.shape == (8, 12, 3)
    assert picture[7, 4].tolist() == [255, 255, 255]
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert Image.open(io.BytesIO(png(picture))).size == (12, 8)
    with pytest.raises(ValueError, match="viridis, magma, grey"):
        color_spectrogram(spectrogram, ColorSpecParams("pink"))


def member(bias: float) -> dict[str, NDArray[np.float32]]:
    """A network that answers the same whatever it sees."""
    widths = (1, 2, 2, 2)
    weights: dict[str, NDArray[np.float32]] = {}
    for layer in range(3):
        weights[f"conv{layer}.weight"] = np.zeros((widths[layer + 1], widths[layer], 3, 3), np.float32)
        weights[f"conv{layer}.bias"] = np.zeros(widths[layer + 1], np.float32)
    return {**weights, "head.weight": np.zeros((1, 4), np.float32), "head.bias": np.array([bias], np.float32)}


def test_networks_that_disagree_are_uncertain() -> None:
    spectrogram = np.zeros((48, 64), np.float32)
    (agreed,) = Classifier([member(20), member(20)]).classify([spectrogram])
    assert [agreed.value, agreed.uncertainty] == pytest.approx([1, 0])
    (torn,) = Classifier([member(20), member(-20)]).classify([spectrogram])
    assert [torn.value, torn.uncertainty] == pytest.approx([0.5, 0.5])
    assert Classifier([member(0)]).classify([]) == []


def test_the_recording_is_as_probable_as_its_clearest_segment() -> None:
    assert overall([Probability(0.2, 0.1), Probability(0.9, 0.3)]) == Probability(0.9, 0.3)
    assert overall([]) == Probability(0.0, 0.0)
