"""Checkpoints and a loaded model that the tests of the diffusers container share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from tests.unit.diffusers_container.tiny_checkpoint import write_folder, write_single_file


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint in diffusers' folder layout."""
    return write_folder(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same checkpoint as a single file."""
    return write_single_file(tmp_path_factory.mktemp("checkpoints") / "tiny.safetensors")


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> LoadedModel:
    """The tiny checkpoint, loaded on the CPU."""
    return load(checkpoint_files(tiny_folder), choose_device("cpu", "float32", threads=1))
