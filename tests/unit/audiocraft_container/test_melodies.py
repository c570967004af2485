"""Music that follows a clip's melody: what is heard of the clip, and that it is what transformers makes of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model_containers.audiocraft.beginnings import beginning_of
from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.generation import generate, new_row
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.libraries import transformers
from model_containers.audiocraft.loading import LoadedModel, load
from model_containers.audiocraft.melodies import CLASSES, chroma, melody_of, no_melody
from model_containers.audiocraft.sound_files import encode
from model_containers.audiocraft.sound_settings import SoundSettings, settings_of
from model_containers.checkpoints.device import choose_device
from model_containers.sdk.errors import InvalidInput
from tests.unit.audiocraft_container.test_generation import Listener
from tests.unit.audiocraft_container.tiny_checkpoint import (
    CODEBOOKS,
    ENTRIES,
    FRAME_HZ,
    RATE_HZ,
    make_melody_network,
    write_folder,
)

A, C, E = 9, 0, 4
HZ = {A: 440.0, C: 523.25, E: 659.26}


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A checkpoint that follows melodies, loaded."""
    folder: Path = write_folder(tmp_path_factory.mktemp("melody"), make_melody_network())
    layout = layout_of(folder)
    return load(layout, layout.facts(Bounds()), choose_device("cpu", "float32", 1))


def tune(*notes: int, seconds: float = 3.0, rate_hz: int = RATE_HZ) -> torch.Tensor:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return torch.from_numpy(
        np.concatenate([0.5 * np.sin(2 * np.pi * HZ[note] * time_s) for note in notes])
    ).float()


def settings(model: LoadedModel, **asked: Any) -> SoundSettings:
    return settings_of({"prompt": "a siren", "seed": 1, "duration_s": 0.6, **asked}, model.facts.schema)


def codes_of(model: LoadedModel, melody: torch.Tensor | None, **asked: Any) -> torch.Tensor:
    listener, wanted = Listener(), settings(model, **asked)
    nothing = torch.zeros(CODEBOOKS, 0, dtype=torch.long)
    generate(model, [new_row(wanted, listener, nothing, round(wanted.duration_s * FRAME_HZ), melody)])
    assert listener.codes is not None
    return listener.codes


@pytest.mark.parametrize("rate_hz", [16000, 32000])
def test_of_a_clip_the_pitch_class_of_each_moment_is_heard(rate_hz: int) -> None:
    heard = chroma(tune(A, C, E, rate_hz=rate_hz), rate_hz)
    assert heard.shape[1] == CLASSES
    assert torch.equal(heard.sum(1), torch.ones(len(heard)))
    third = len(heard) / 3
    for place, note in enumerate((A, C, E)):
        assert int(heard[round((place + 0.5) * third)].argmax()) == note


def test_a_clip_shorter_than_a_window_has_a_melody_too() -> None:
    assert chroma(tune(E, seconds=0.3), RATE_HZ).argmax(1).tolist() == [E] * 5


@pytest.mark.parametrize("melody", [tune(A, C, E), None])
@pytest.mark.parametrize("cfg_coef", [3.0, 1.0])
def test_the_likeliest_codes_are_those_of_transformers_own_loop(
    following: LoadedModel, melody: torch.Tensor | None, cfg_coef: float
) -> None:
    frames, network = 20, following.network
    made: list[torch.Tensor] = []
    decode = network.audio_encoder.decode

    def listen(codes: torch.Tensor, *_: Any, **__: Any) -> Any:
        made.append(codes)
        return decode(codes, [None])

    network.audio_encoder.decode = listen
    try:
        network.generate(
            **following.tokenizer(["a siren"], return_tensors="pt"),
            input_features=None if melody is None else chroma(melody, RATE_HZ)[None],
            do_sample=False,
            guidance_scale=cfg_coef,
            max_new_tokens=frames + CODEBOOKS - 1,
            generation_config=transformers.GenerationConfig(
                decoder_start_token_id=ENTRIES,
                pad_token_id=ENTRIES,
                bos_token_id=ENTRIES,
            ),
        )
    finally:
        network.audio_encoder.decode = decode
    ours = codes_of(following, melody, temperature=0, cfg_coef=cfg_coef, duration_s=frames / FRAME_HZ)
    theirs = made[0][0, 0]
    assert theirs.shape[1] >= frames - CODEBOOKS
    assert torch.equal(ours[:, : theirs.shape[1]], theirs)


def test_another_melody_gives_other_codes_and_none_others_again(following: LoadedModel) -> None:
    found = [codes_of(following, melody) for melody in (tune(A, A), tune(C, E), None)]
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])
    assert torch.equal(found[1], codes_of(following, tune(C, E)))


def test_rows_of_one_batch_follow_each_its_own_melody(following: LoadedModel) -> None:
    melodies = [tune(A, C), tune(E, C), None]
    listeners = [Listener() for _ in melodies]
    nothing = torch.zeros(CODEBOOKS, 0, dtype=torch.long)
    asked = [settings(following, seed=seed, duration_s=0.4 + seed) for seed in range(len(melodies))]
    rows = [
        new_row(one, listener, nothing, round(one.duration_s * FRAME_HZ), melody)
        for one, listener, melody in zip(asked, listeners, melodies, strict=True)
    ]
    generate(following, rows)
    for one, listener, melody in zip(asked, listeners, melodies, strict=True):
        assert listener.codes is not None
        alone = codes_of(following, melody, seed=one.seed, duration_s=one.duration_s)
        assert torch.equal(listener.codes, alone)


def test_only_a_model_that_follows_melodies_says_so_and_takes_one(
    following: LoadedModel, model: LoadedModel
) -> None:
    clip = encode(tune(A).numpy(), RATE_HZ, "wav")
    assert "melody" in following.facts.schema["properties"]
    assert "melody" not in model.facts.schema["properties"]
    found = melody_of(settings(following), following.facts, {"melody": io.BytesIO(clip)})
    assert found is not None
    assert torch.allclose(found, tune(A), atol=1e-4)
    assert beginning_of(following, settings(following), {"melody": io.BytesIO(clip)}).shape[1] == 0
    with pytest.raises(InvalidInput, match="it takes audio"):
        beginning_of(model, settings(model), {"melody": io.BytesIO(clip)})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "no file of this name"),
        ({"melody": b"no sound"}, "no sound file"),
        ({"melody": encode(np.zeros(8, np.float32), RATE_HZ, "wav")}, "holds no melody"),
    ],
)
def test_a_melody_that_can_not_be_followed_is_refused_by_its_field(
    following: LoadedModel, files: dict[str, bytes], told: str
) -> None:
    given = {name: io.BytesIO(data) for name, data in files.items()}
    with pytest.raises(InvalidInput, match=told) as caught:
        melody_of(settings(following, melody="file:x"), following.facts, given)
    assert caught.value.field == "melody"


def test_no_melody_is_what_the_library_takes_for_none() -> None:
    assert no_melody().tolist() == [[1.0, *[0.0] * 11]]
