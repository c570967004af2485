"""AudioCraft's own files: what is served of them is what the package `audiocraft` itself makes of them.

`own_checkpoints/` was written by `made_by_audiocraft.py` with that package: its exports, and the codes and sounds that
its `generate` and `generate_with_chroma` gave.
"""

from __future__ import annotations

import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from model_containers.audiocraft.beginnings import beginning_of
from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.generation import generate, new_row
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.loading import LoadedModel, load
from model_containers.audiocraft.sound_files import decode, encode
from model_containers.audiocraft.sound_settings import settings_of
from model_containers.checkpoints.device import choose_device
from model_containers.sdk.errors import CheckpointError
from tests.unit.audiocraft_container.made_by_audiocraft import FRAMES, PROMPTS
from tests.unit.audiocraft_container.test_generation import Listener
from tests.unit.audiocraft_container.tiny_checkpoint import FRAME_HZ, RATE_HZ, WINDOW_S

OWN = Path(__file__).parent / "own_checkpoints"
KINDS = ("sounds", "stereo", "melody")


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights: three checkpoints, and the encoder of prompts that they name beside them."""
    folder: Path = tmp_path_factory.mktemp("own") / "volume"
    shutil.copytree(OWN, folder)
    for kind in KINDS[1:]:
        shutil.copy(folder / "sounds" / "compression_state_dict.bin", folder / kind)
    return folder


@pytest.fixture(scope="module")
def models(volume: Path) -> dict[str, LoadedModel]:
    device = choose_device("cpu", "float32", 1)
    found = {kind: layout_of(volume / kind) for kind in KINDS}
    return {kind: load(layout, layout.facts(Bounds()), device) for kind, layout in found.items()}


@pytest.fixture(scope="module")
def expected() -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(OWN / "expected.safetensors")
    return found


def likeliest(
    model: LoadedModel, prompt: str, melody: torch.Tensor | None = None, frames: int = FRAMES
) -> torch.Tensor:
    listener = Listener()
    asked = {"prompt": prompt, "temperature": 0, "cfg_coef": 3.0, "duration_s": frames / FRAME_HZ}
    settings = settings_of(asked, model.facts.schema)
    nothing = torch.zeros(model.codebooks, 0, dtype=torch.long)
    generate(model, [new_row(settings, listener, nothing, frames, melody)])
    assert listener.codes is not None
    return listener.codes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", range(len(PROMPTS)))
def test_the_likeliest_codes_and_their_sound_are_those_of_the_package(
    models: dict[str, LoadedModel], expected: dict[str, torch.Tensor], kind: str, place: int
) -> None:
    model = models[kind]
    codes = likeliest(model, PROMPTS[place], expected["clip"] if kind == "melody" else None)
    assert torch.equal(codes, expected[f"{kind}.{place}.codes"])
    samples = model.samples_of(codes)
    theirs = expected[f"{kind}.{place}.samples"].T.squeeze(-1)
    assert samples.shape == theirs.shape
    torch.testing.assert_close(samples, theirs, atol=1e-5, rtol=0)


def test_a_clip_has_the_codes_that_the_package_gives_it(
    models: dict[str, LoadedModel], expected: dict[str, torch.Tensor]
) -> None:
    assert torch.equal(models["sounds"].codes_of(expected["clip"]), expected["clip.codes"])


def test_a_checkpoint_says_itself_what_it_is(models: dict[str, LoadedModel]) -> None:
    facts = {kind: model.facts for kind, model in models.items()}
    assert {kind: (each.channels, each.melody) for kind, each in facts.items()} == {
        "sounds": (1, False),
        "stereo": (2, False),
        "melody": (1, True),
    }
    assert {(each.rate_hz, each.frame_hz, each.window_s) for each in facts.values()} == {
        (RATE_HZ, FRAME_HZ, WINDOW_S)
    }


def test_a_stereo_sound_is_two_channels_also_when_it_goes_on_from_a_clip(
    models: dict[str, LoadedModel], expected: dict[str, torch.Tensor]
) -> None:
    model = models["stereo"]
    samples = model.samples_of(likeliest(model, "a siren")).numpy()
    assert abs(samples[:, 0] - samples[:, 1]).max() > 0.01
    for form in ("wav", "flac", "mp3", "ogg"):
        found = decode(io.BytesIO(encode(samples, RATE_HZ, form)), RATE_HZ, 30, "audio", 2)
        assert found.shape[1] == 2
        if form in ("wav", "flac"):
            torch.testing.assert_close(
                torch.from_numpy(found), torch.from_numpy(samples).clamp(-1, 1), atol=1e-4, rtol=0
            )
    heard = torch.stack([expected["clip"], expected["clip"].flip(0) / 8], -1)
    clip = encode(heard.numpy(), RATE_HZ, "wav")
    settings = settings_of({"prompt": "rain", "duration_s": 2}, model.facts.schema)
    beginning = beginning_of(model, settings, {"audio": io.BytesIO(clip)})
    again = torch.from_numpy(decode(io.BytesIO(clip), RATE_HZ, 30, "audio", 2))
    for channel in (0, 1):
        assert torch.equal(beginning[channel::2], models["sounds"].codes_of(again[:, channel].contiguous()))
    assert not torch.equal(beginning[::2], beginning[1::2])


def test_a_codec_that_is_only_named_is_looked_for_beside_the_checkpoint(
    volume: Path, models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    shutil.copytree(volume / "sounds", tmp_path / "sounds")
    shutil.copytree(volume / "t5-small", tmp_path / "sounds" / "t5-small")
    named = {"pretrained": "facebook/encodec_tiny", "exported": True, "version": "1.3.0"}
    torch.save(named, tmp_path / "sounds" / "compression_state_dict.bin")
    with pytest.raises(CheckpointError, match="facebook/encodec_tiny, which is not there: fetch it as"):
        layout_of(tmp_path / "sounds").facts(Bounds())
    models["sounds"].network.audio_encoder.save_pretrained(tmp_path / "encodec_tiny")
    layout = layout_of(tmp_path / "sounds")
    model = load(layout, layout.facts(Bounds()), choose_device("cpu", "float32", 1))
    assert torch.equal(likeliest(model, "a siren"), likeliest(models["sounds"], "a siren"))


class Harm:
    """What a pickle may call."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def test_a_file_that_would_run_code_is_refused_and_runs_none(volume: Path, tmp_path: Path) -> None:
    folder, mark = tmp_path / "sounds", tmp_path / "ran"
    shutil.copytree(volume / "sounds", folder)
    found = torch.load(folder / "state_dict.bin", weights_only=True)
    torch.save({**found, "more": Harm(mark)}, folder / "state_dict.bin")
    with pytest.raises(CheckpointError, match=r"state_dict.bin: .*can run code and is refused"):
        layout_of(folder).facts(Bounds())
    assert not mark.exists()
    pickle.loads(pickle.dumps(Harm(mark)))
    assert mark.exists(), "the harm does nothing"


@pytest.mark.parametrize("file", ["state_dict.bin", "compression_state_dict.bin"])
def test_a_file_that_is_cut_or_missing_is_told_by_its_name(volume: Path, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "sounds"
    shutil.copytree(volume / "sounds", folder)
    (folder / file).write_bytes((folder / file).read_bytes()[:-4000])
    with pytest.raises(CheckpointError, match=file):
        layout_of(folder).facts(Bounds())
    if file == "compression_state_dict.bin":
        (folder / file).unlink()
        with pytest.raises(CheckpointError, match=f"{file}: missing"):
            layout_of(folder).facts(Bounds())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("positional_embedding: sin", "positional_embedding: rope", "transformer_lm.positional_embedding is 'rope'"),
        ("lm_model: transformer_lm", "lm_model: transformer_lm_magnet", "lm_model is 'transformer_lm_magnet'"),
        ("model: t5", "model: clap", "conditioners.description.model is 'clap'"),
        ("modeling: delay", "modeling: parallel", "laid out in a way"),
        ("num_layers: 2", "num_layers: 3", "do not fit its configuration"),
        ("name: t5-small", "name: t5-large", "goes with t5-large, which is not there"),
    ],
)  # fmt: skip
def test_what_would_sound_wrong_is_refused_and_named(
    volume: Path, tmp_path: Path, before: str, after: str, told: str
) -> None:
    folder = tmp_path / "sounds"
    shutil.copytree(volume / "sounds", folder)
    shutil.copytree(volume / "t5-small", tmp_path / "t5-small")
    found = torch.load(folder / "state_dict.bin", weights_only=True)
    assert before in found["xp.cfg"]
    torch.save({**found, "xp.cfg": found["xp.cfg"].replace(before, after)}, folder / "state_dict.bin")
    layout = layout_of(folder)
    with pytest.raises(CheckpointError, match=told):
        load(layout, layout.facts(Bounds()), choose_device("cpu", "float32", 1))
