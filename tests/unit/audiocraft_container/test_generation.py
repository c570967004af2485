"""Codes of several runs at once: each is what it would be alone, and stops when nobody wants it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from model_containers.audiocraft.generation import Row, generate, new_row
from model_containers.audiocraft.libraries import transformers
from model_containers.audiocraft.loading import LoadedModel
from model_containers.audiocraft.sound_settings import settings_of
from tests.unit.audiocraft_container.tiny_checkpoint import CODEBOOKS, FRAME_HZ


class Listener:
    """Keeps what it is told; wants no more once `until` frames are done."""

    def __init__(self, until: int | None = None) -> None:
        self.until = until
        self.frames: list[int] = []
        self.codes: torch.Tensor | None = None
        self.over = False

    def grown(self, codes: torch.Tensor, frames: int) -> None:
        self.frames.append(frames)
        self.over = self.until is not None and frames >= self.until

    def finished(self, codes: torch.Tensor) -> None:
        self.codes = codes.clone()


def row_of(
    model: LoadedModel, listener: Listener, beginning: torch.Tensor | None = None, **asked: Any
) -> Row:
    settings = settings_of({"prompt": "a siren", "seed": 1, "top_k": 0, **asked}, model.facts.schema)
    nothing = torch.zeros(CODEBOOKS, 0, dtype=torch.long)
    frames = round(settings.duration_s * FRAME_HZ)
    return new_row(settings, listener, nothing if beginning is None else beginning, frames)


def codes_of(model: LoadedModel, **asked: Any) -> torch.Tensor:
    listener = Listener()
    generate(model, [row_of(model, listener, **asked)])
    assert listener.codes is not None
    return listener.codes


RUNS: tuple[dict[str, Any], ...] = (
    {"prompt": "a siren", "seed": 3, "duration_s": 0.4},
    {"prompt": "a fast low drum", "seed": 4, "duration_s": 1.7, "top_p": 0.8},
    {"prompt": "rain", "seed": 5, "duration_s": 0.9, "temperature": 0.0},
    {"prompt": "the deep engine", "seed": 6, "duration_s": 0.4, "cfg_coef": 1.0, "top_k": 5},
)


def test_runs_of_one_batch_are_what_each_is_alone(model: LoadedModel) -> None:
    listeners = [Listener() for _ in RUNS]
    generate(model, [row_of(model, each, **asked) for each, asked in zip(listeners, RUNS, strict=True)])
    for listener, asked in zip(listeners, RUNS, strict=True):
        assert listener.codes is not None
        assert torch.equal(listener.codes, codes_of(model, **asked)), asked


def test_the_same_seed_gives_the_same_codes_and_another_gives_others(model: LoadedModel) -> None:
    first = codes_of(model, seed=9)
    assert torch.equal(first, codes_of(model, seed=9))
    assert not torch.equal(first, codes_of(model, seed=10))


@pytest.mark.parametrize(
    "setting", [{"prompt": "rain"}, {"temperature": 0.2}, {"cfg_coef": 9.0}, {"top_k": 1}]
)
def test_every_setting_has_its_effect(model: LoadedModel, setting: dict[str, Any]) -> None:
    assert not torch.equal(codes_of(model), codes_of(model, **setting))


def test_a_run_that_is_over_stops_at_once_and_the_others_go_on(model: LoadedModel) -> None:
    cancelled, other = Listener(until=10), Listener()
    rows = [row_of(model, cancelled, duration_s=0.8), row_of(model, other, duration_s=0.8, seed=2)]
    generate(model, rows)
    assert cancelled.frames[-1] == 10
    assert cancelled.codes is None
    assert other.codes is not None
    assert torch.equal(other.codes, codes_of(model, duration_s=0.8, seed=2))


def test_a_sound_longer_than_the_window_grows_frame_by_frame_to_its_end(model: LoadedModel) -> None:
    listener = Listener()
    generate(model, [row_of(model, listener, duration_s=3.3, extend_stride_s=0.5)])
    assert listener.frames == list(range(1, 165))
    assert listener.codes is not None
    assert listener.codes.shape == (CODEBOOKS, 165)


def test_the_first_window_is_the_same_however_long_the_sound_is(model: LoadedModel) -> None:
    window = round(model.facts.window_frames)
    long, short = codes_of(model, duration_s=2.0), codes_of(model, duration_s=model.facts.window_s)
    assert torch.equal(long[:, :window], short)


def test_a_sound_that_is_continued_keeps_its_beginning(model: LoadedModel) -> None:
    beginning = codes_of(model, seed=20)
    listener = Listener()
    generate(model, [row_of(model, listener, beginning, duration_s=1.5)])
    assert listener.codes is not None
    assert torch.equal(listener.codes[:, : beginning.shape[1]], beginning)
    assert listener.frames[0] == beginning.shape[1] + 1
    assert not torch.equal(listener.codes[:, :60], codes_of(model, duration_s=1.5)[:, :60])


def test_the_likeliest_codes_are_those_of_transformers_own_loop(model: LoadedModel) -> None:
    words = model.tokenizer(["a fast low drum"], return_tensors="pt")
    frames = 20
    network = model.network
    made: list[torch.Tensor] = []
    decode = network.audio_encoder.decode

    def listen(codes: torch.Tensor, *_: Any, **__: Any) -> Any:
        made.append(codes)
        return decode(codes, [None])

    network.audio_encoder.decode = listen
    try:
        network.generate(
            **words,
            do_sample=False,
            guidance_scale=3.0,
            max_new_tokens=frames + CODEBOOKS - 1,
            generation_config=transformers.GenerationConfig(
                decoder_start_token_id=model.padding, pad_token_id=model.padding, bos_token_id=model.padding
            ),
        )
    finally:
        network.audio_encoder.decode = decode
    ours = codes_of(
        model, prompt="a fast low drum", temperature=0, cfg_coef=3.0, duration_s=frames / FRAME_HZ
    )
    theirs = made[0][0, 0]
    assert torch.equal(ours[:, : theirs.shape[1]], theirs)
