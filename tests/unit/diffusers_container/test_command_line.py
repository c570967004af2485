"""The command line: models by name, help at once, and a checkpoint tried without a server."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model_containers.diffusers.__main__ import add_options, placement_of
from model_containers.diffusers.container import DiffusersModel
from model_containers.diffusers.input_schema import Bounds
from model_containers.diffusers.model_argument import ModelArgument, model_argument
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.shared_passes.rendezvous import Rendezvous
from model_containers.sdk import CheckpointError

pytestmark = pytest.mark.timeout(300)


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "model_containers.diffusers", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("shapes-64=/models/shapes", ModelArgument("shapes-64", Path("/models/shapes"))),
        (
            "sd=/models/sd.safetensors,config=/models/sd",
            ModelArgument("sd", Path("/models/sd.safetensors"), Path("/models/sd")),
        ),
    ],
)
def test_a_model_is_named_with_its_path(text: str, parsed: ModelArgument) -> None:
    assert model_argument(text) == parsed


@pytest.mark.parametrize("text", ["shapes-64", "=/models", "a=", "a=/b,config=", "a=/b,steps=3", "a=/b,"])
def test_a_malformed_model_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="ID=FOLDER"):
        model_argument(text)


def test_help_tells_every_option_and_loads_no_torch() -> None:
    done = _run("--help")
    assert done.returncode == 0
    for option in (
        "--model",
        "--lazy",
        "--device",
        "--dtype",
        "--threads",
        "--batch",
        "--lanes",
        "--max-pixels",
        "--check",
    ):
        assert option in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"torch", "diffusers", "transformers", "PIL"}


@pytest.mark.parametrize(
    "option", [("--threads", "0"), ("--lanes", "-1"), ("--batch", "0"), ("--dtype", "int8")]
)
def test_a_wrong_value_ends_with_exit_code_2(option: tuple[str, str]) -> None:
    done = _run("--address", "unix:/nowhere", "--model", "a=/b", *option)
    assert done.returncode == 2
    assert option[0] in done.stderr


def test_check_says_that_a_checkpoint_works(tiny_folder: Path) -> None:
    done = _run("--check", str(tiny_folder), "--device", "cpu")
    assert done.returncode == 0
    assert done.stdout.startswith("works: StableDiffusionPipeline on cpu, 1 picture of 64 x 64")


def test_check_says_what_is_broken(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "broken"))
    shutil.rmtree(folder / "vae")
    done = _run("--check", str(folder))
    assert done.returncode == 1
    assert f"does not work: {folder / 'vae'}: missing" in done.stderr


def test_options_become_the_placement(tiny_folder: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    words = (
        f"--model tiny={tiny_folder} --device cpu --dtype float32 --threads 3 --batch 6 --lanes 4 --lazy --compile"
        " --max-side 512 --max-pixels 1000 --max-images 5 --max-steps 50 --tile-pixels 4096 --no-safety-checker"
    )
    assert placement_of(parser.parse_args(words.split())) == Placement(
        device="cpu",
        dtype="float32",
        threads=3,
        batch=6,
        lanes=4,
        lazy=True,
        compiled=True,
        tile_pixels=4096,
        safety_checker=False,
        bounds=Bounds(max_side=512, max_pixels=1000, max_images=5, max_steps=50),
    )


def test_a_lazy_model_is_described_before_it_is_loaded(tiny_folder: Path) -> None:
    model = DiffusersModel(
        ModelArgument("tiny", tiny_folder), Placement(device="cpu", lazy=True), Rendezvous(8)
    )
    model.setup()
    assert model.manifest.limits["lazy"] == 1
    assert model.manifest.schema["properties"]["width"]["default"] == 64


def test_a_path_that_is_not_there_is_told_at_setup(tmp_path: Path) -> None:
    model = DiffusersModel(ModelArgument("absent", tmp_path / "absent"), Placement(lazy=True), Rendezvous(8))
    with pytest.raises(CheckpointError, match="no such file or folder"):
        model.setup()
