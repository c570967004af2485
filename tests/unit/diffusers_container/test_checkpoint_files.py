"""A checkpoint that cannot be used is told apart by its files, in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_facts import facts_of
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.input_schema import Bounds
from model_containers.sdk import CheckpointError

CPU = choose_device("cpu", "float32", threads=1)
UNET = Path("unet") / "diffusion_pytorch_model.safetensors"


def _loaded(weights: Path, config: Path | None = None) -> LoadedModel:
    files = checkpoint_files(weights, config)
    files.check()
    return load(files, CPU)


def _edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def _truncate(folder: Path) -> None:
    (folder / UNET).write_bytes((folder / UNET).read_bytes()[:5000])


def _empty(folder: Path) -> None:
    (folder / UNET).write_bytes(b"")


def _scramble_header(folder: Path) -> None:
    data = bytearray((folder / UNET).read_bytes())
    data[8:12] = b"\xff\xfe{{"
    (folder / UNET).write_bytes(data)


def _pickle(folder: Path) -> None:
    (folder / UNET).rename(folder / "unet" / "diffusion_pytorch_model.bin")


def _claim_wider(folder: Path) -> None:
    _edit(folder / "unet" / "config.json", cross_attention_dim=48)


BROKEN: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda folder: shutil.rmtree(folder / "unet"), "unet", "missing"),
    (lambda folder: (folder / UNET).unlink(), "unet", r"holds no \.safetensors file"),
    (lambda folder: (folder / "model_index.json").unlink(), "model_index.json", "missing"),
    (
        lambda folder: (folder / "model_index.json").write_text("{"),
        "model_index.json",
        "not readable as JSON",
    ),
    (
        lambda folder: (folder / "model_index.json").write_text("[]"),
        "model_index.json",
        "must hold a JSON object",
    ),
    (_truncate, str(UNET), "truncated"),
    (_empty, str(UNET), "truncated or no .safetensors file: 0 bytes"),
    (_scramble_header, str(UNET), "header is damaged"),
    (_pickle, "unet/diffusion_pytorch_model.bin", "pickled weights can run code"),
    (_claim_wider, "", "unet|size|shape|mismatch"),
    (lambda folder: (folder / "vae" / "config.json").unlink(), "", "config"),
    (
        lambda folder: _edit(folder / "model_index.json", unet=["my_code", "MyUnet"]),
        "model_index.json",
        "only classes of diffusers and transformers",
    ),
    (
        lambda folder: _edit(folder / "model_index.json", _class_name=["code", "Pipe"]),
        "model_index.json",
        "_class_name",
    ),
    (lambda folder: _edit(folder / "model_index.json", _class_name="NoSuchPipeline"), "", "NoSuchPipeline"),
]


@pytest.mark.parametrize(("break_it", "file", "reason"), BROKEN)
def test_a_broken_folder_is_refused_with_file_and_reason(
    tiny_folder: Path, tmp_path: Path, break_it: Callable[[Path], object], file: str, reason: str
) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "broken"))
    break_it(folder)
    with pytest.raises(CheckpointError, match=reason) as caught:
        _loaded(folder)
    assert str(folder / file) in str(caught.value)


def test_a_pickle_is_never_opened(tiny_folder: Path, tmp_path: Path) -> None:
    """A file that would leave a trace if anybody unpickled it."""
    trace = tmp_path / "trace"

    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return Path.touch, (trace,)  # type: ignore[return-value]  # a Path is what touch takes

    folder = Path(shutil.copytree(tiny_folder, tmp_path / "trap"))
    (folder / UNET).unlink()
    torch.save(Trap(), folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled"):
        _loaded(folder)
    assert not trace.exists()


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt"])
def test_a_pickled_single_file_is_refused(tiny_folder: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"model{suffix}"
    file.touch()
    with pytest.raises(CheckpointError, match="pickled"):
        checkpoint_files(file, tiny_folder)


def test_a_single_file_needs_its_configs(tiny_file: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="config=FOLDER"):
        checkpoint_files(tiny_file)
    with pytest.raises(CheckpointError, match="config=FOLDER"):
        checkpoint_files(tiny_file, tmp_path / "absent")


def test_what_is_neither_folder_nor_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.touch()
    with pytest.raises(CheckpointError, match="neither a folder"):
        checkpoint_files(file)


def test_a_single_file_holds_the_weights_of_its_folder(
    tiny_model: LoadedModel, tiny_file: Path, tiny_folder: Path
) -> None:
    single = _loaded(tiny_file, tiny_folder).pipeline
    for name in ("unet", "vae", "text_encoder"):
        expected = getattr(tiny_model.pipeline, name).state_dict()
        found = getattr(single, name).state_dict()
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_truncated_single_file_is_refused(tiny_file: Path, tiny_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "short.safetensors"
    file.write_bytes(tiny_file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"short\.safetensors: truncated: ") as caught:
        _loaded(file, tiny_folder)
    assert str(file) in str(caught.value)


def test_the_input_suits_the_checkpoint(tiny_folder: Path) -> None:
    facts = facts_of(checkpoint_files(tiny_folder), Bounds())
    assert (facts.defaults.width, facts.defaults.sampler_name, facts.defaults.steps) == (64, "ddim", 25)
    assert (facts.bounds.max_side, facts.bounds.side_step, facts.bounds.max_pixels) == (256, 8, 256 * 256)


def test_a_checkpoint_may_name_its_own_defaults(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "own"))
    file = folder / "generation_defaults.json"
    file.write_text(json.dumps({"sampler_name": "euler_a", "steps": 20, "cfg_scale": 4.0}))
    defaults = facts_of(checkpoint_files(folder), Bounds()).defaults
    assert (defaults.sampler_name, defaults.steps, defaults.cfg_scale, defaults.width) == (
        "euler_a",
        20,
        4.0,
        64,
    )
    file.write_text(json.dumps({"sampler": "euler_a"}))
    with pytest.raises(CheckpointError, match="'sampler' is none of"):
        facts_of(checkpoint_files(folder), Bounds())


def test_the_container_bounds_what_a_checkpoint_allows(tiny_folder: Path) -> None:
    facts = facts_of(checkpoint_files(tiny_folder), Bounds(max_pixels=10_000, max_images=2, max_steps=30))
    assert (facts.bounds.max_pixels, facts.bounds.max_images) == (10_000, 2)
    assert facts.schema["properties"]["steps"]["maximum"] == 30
