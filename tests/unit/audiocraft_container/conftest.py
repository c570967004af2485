"""One tiny checkpoint for all tests here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

pytest.importorskip("transformers")

from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.loading import LoadedModel, load
from model_containers.checkpoints.device import choose_device
from tests.unit.audiocraft_container.tiny_checkpoint import write_folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint's folder."""
    return write_folder(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def model(folder: Path) -> LoadedModel:
    """The checkpoint, loaded."""
    layout = layout_of(folder)
    return load(layout, layout.facts(Bounds()), choose_device("cpu", "float32", 1))
