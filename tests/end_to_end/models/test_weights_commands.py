"""`evoke models` with real servers: from an address to a picture, and what is told when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cli.failures import ExitCode
from evoke.catalogue_file import load_catalogue
from tests.system.processes import ROOT
from tests.system.weights_server import COMMIT, WeightsServer, safetensors, weights_server

pytestmark = pytest.mark.timeout(300)
CONTENT = safetensors(bytes(range(256)) * 3000)
CHECKPOINT = ROOT / "model_containers" / "diffusers" / "shapes64" / "checkpoint"
AUDIOCRAFT = ROOT / "tests" / "unit" / "audiocraft_container" / "own_checkpoints"


class Desk:
    """A folder with a catalogue, a folder of weights, and a server of them."""

    def __init__(self, folder: Path, server: WeightsServer) -> None:
        self.folder = folder
        self.server = server
        self.weights = folder / "weights"
        self.catalogue = folder / "models.yaml"

    def write(self, uri: str, **source: object) -> None:
        entry = {"id": "m", "title": "M", "task": "t", "queue": "q", "container": "factorial", "input": {}}
        document = {"include": ["shipped"], "models": [{**entry, "source": {"uri": uri, **source}}]}
        self.catalogue.write_text(yaml.safe_dump(document))

    def evoke(
        self, *words: str, catalogue: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        ours = {
            "PYTHONPATH": str(ROOT),
            **({"EVOKE_CATALOGUE": str(self.catalogue)} if catalogue else {}),
            "EVOKE_MODELS_DIR": str(self.weights),
            "HF_ENDPOINT": self.server.url,
            "HF_HOME": str(self.folder / "hub"),
        }
        outside = {
            name: value for name, value in os.environ.items() if not name.startswith(("EVOKE_", "HF_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "cli.main", "models", *words],
            cwd=self.folder,
            env={**outside, **ours, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def state(self) -> dict[str, str]:
        done = self.evoke("list", "--json")
        assert done.returncode == 0, done.stderr
        return {row["id"]: row["weights"] for row in json.loads(done.stdout)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with weights_server() as server:
        server.files["/a.safetensors"] = CONTENT
        server.repositories["someone/model"] = {"model_index.json": b"{}", "unet/w.safetensors": CONTENT}
        yield Desk(tmp_path, server)


def test_weights_are_pulled_listed_verified_and_removed(desk: Desk) -> None:
    desk.write("hf:someone/model@main")
    assert desk.state() == {
        "m": "not here",
        "shapes-64": "ships with evoke",
        "factorial": "needs none",
        "cough": "needs none",
        "sounds-16k": "ships with evoke",
    }
    done = desk.evoke("pull", "m")
    assert done.returncode == 0, done.stderr
    assert "m: fetched: 2 files" in done.stdout
    assert (desk.weights / "m" / "unet" / "w.safetensors").read_bytes() == CONTENT
    assert desk.state()["m"].startswith("here, ")
    assert "is here already" in desk.evoke("pull", "--all").stdout
    assert "m: is whole: 2 files" in desk.evoke("verify").stdout
    assert "m: removed" in desk.evoke("remove", "m").stdout
    assert desk.state()["m"] == "not here"


def test_damaged_weights_fail_the_verification_by_name(desk: Desk) -> None:
    desk.write(f"{desk.server.url}/a.safetensors")
    assert desk.evoke("pull", "m").returncode == 0
    file = desk.weights / "m.safetensors"
    file.chmod(0o644)
    file.write_bytes(CONTENT[:-1] + b"!")
    done = desk.evoke("verify")
    assert done.returncode == ExitCode.JOB_FAILED
    assert "SHA-256" in done.stderr


def test_links_are_fetched_under_their_names(desk: Desk) -> None:
    links = [{"url": f"{desk.server.url}/a.safetensors", "rename_to": "sd.safetensors"}]
    (desk.folder / "links.json").write_text(json.dumps(links))
    desk.write("package:model_containers")
    done = desk.evoke("pull", "--links", "links.json")
    assert done.returncode == 0, done.stderr
    assert (desk.weights / "sd.safetensors").read_bytes() == CONTENT


def test_a_private_repository_needs_its_token_and_nobody_prints_it(desk: Desk) -> None:
    desk.write(f"hf:someone/model@{COMMIT}")
    desk.server.token = "hf_hush"
    refused = desk.evoke("pull", "m")
    assert refused.returncode == ExitCode.JOB_FAILED
    assert "HF_TOKEN" in refused.stderr
    done = desk.evoke("pull", "m", HF_TOKEN="hf_hush", EVOKE_LOG_LEVEL="debug")
    assert done.returncode == 0, done.stderr
    kept = "".join(path.read_text() for path in (desk.weights / ".evoke" / "receipts").iterdir())
    assert "hush" not in done.stdout + done.stderr + kept


def test_a_secret_in_a_url_is_told_to_nobody(desk: Desk) -> None:
    desk.write(f"{desk.server.url}/nothing.safetensors?key=hush")
    missing = desk.evoke("pull", "m")
    desk.write(f"{desk.server.url}/a.safetensors?key=hush")
    done, listed = desk.evoke("pull", "m"), desk.evoke("list")
    assert done.returncode == 0
    kept = "".join(path.read_text() for path in (desk.weights / ".evoke" / "receipts").iterdir())
    assert "hush" not in missing.stderr + done.stdout + done.stderr + listed.stdout + kept


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pull",), "name the models to fetch"),
        (("pull", "mm"), "did you mean m"),
        (("pull", "--links", "nowhere.json"), "nowhere.json"),
        (("add", "m", "hf:a/b"), "has a model m already"),
        (("add", "n", "ftp://x/y"), "no kind of source"),
        (("add", "n", "nowhere"), "nowhere is not there"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(desk: Desk, words: tuple[str, ...], told: str) -> None:
    desk.write("hf:someone/model")
    done = desk.evoke(*words)
    assert done.returncode == ExitCode.USAGE
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_one_that_fails_does_not_keep_the_others(desk: Desk) -> None:
    links = [
        {"url": f"{desk.server.url}/{name}.safetensors", "rename_to": f"{name}.safetensors"}
        for name in ("z", "a")
    ]
    (desk.folder / "links.json").write_text(json.dumps(links))
    desk.write("package:model_containers")
    done = desk.evoke("pull", "--links", "links.json")
    assert done.returncode == ExitCode.JOB_FAILED
    assert "z.safetensors" in done.stderr
    assert (desk.weights / "a.safetensors").exists()


@pytest.mark.model
def test_an_address_becomes_an_entry_that_its_container_can_serve(desk: Desk) -> None:
    pytest.importorskip("diffusers")
    desk.server.repositories["someone/shapes"] = {
        str(path.relative_to(CHECKPOINT)): path.read_bytes()
        for path in CHECKPOINT.rglob("*")
        if path.is_file()
    }
    done = desk.evoke("add", "mine", "hf:someone/shapes@main", "--licence", "free", catalogue=False)
    assert done.returncode == 0, done.stderr
    entry = load_catalogue(desk.folder / "models.yaml").get("mine")
    assert (entry.task, entry.queue, entry.container) == ("text-to-image", "txt2img_generation", "diffusers")
    assert entry.input["properties"]["width"]["default"] == 64
    assert entry.licence == "free"
    assert (desk.weights / "mine" / "unet" / "diffusion_pytorch_model.safetensors").exists()


@pytest.mark.model
def test_weights_that_the_container_can_not_load_are_not_written_down(desk: Desk) -> None:
    pytest.importorskip("diffusers")
    done = desk.evoke("add", "mine", "hf:someone/model@main", catalogue=False)
    assert done.returncode == ExitCode.JOB_FAILED
    assert "model_index.json" in done.stderr
    assert not desk.catalogue.exists()


@pytest.mark.model
def test_audiocrafts_own_files_become_an_entry_with_the_encoder_that_they_name(desk: Desk) -> None:
    pytest.importorskip("transformers")
    for name, folder in (("someone/audiogen", "sounds"), ("someone/t5-small", "t5-small")):
        files = {path.name: path.read_bytes() for path in (AUDIOCRAFT / folder).iterdir()}
        desk.server.repositories[name] = files
    allowed = ("--allow", "state_dict.bin", "--allow", "compression_state_dict.bin")
    words = ("add", "sounds", "hf:someone/audiogen@main", "--container", "audiocraft")
    refused = desk.evoke(*words, catalogue=False)
    assert refused.returncode == ExitCode.USAGE
    assert "can run code when loaded" in refused.stderr
    alone = desk.evoke(*words, *allowed, catalogue=False)
    assert alone.returncode == ExitCode.JOB_FAILED
    assert "t5-small, which is not there" in alone.stderr
    done = desk.evoke(*words, *allowed, "--part", "t5-small=hf:someone/t5-small@main", catalogue=False)
    assert done.returncode == 0, done.stderr
    entry = load_catalogue(desk.folder / "models.yaml").get("sounds")
    assert (entry.task, entry.container) == ("text-to-sound", "audiocraft")
    assert entry.source is not None
    assert entry.source.parts == {"t5-small": "hf:someone/t5-small@main"}
    assert (desk.weights / "sounds" / "t5-small" / "model.safetensors").exists()
