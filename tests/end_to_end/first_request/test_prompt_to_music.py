"""From a prompt and a clip to music: the whole system with checkpoints in AudioCraft's own layout."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml

from tests.system.processes import ROOT, ProcessUnderTest, eventually, free_port

pytest.importorskip("transformers")

from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.sound_files import decode, encode

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]
OWN = ROOT / "tests" / "unit" / "audiocraft_container" / "own_checkpoints"
RATE_HZ = 16000
MODELS = ("melody", "stereo")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The whole system with a model that follows melodies and one of two channels, as `make up --models` starts it."""
    folder = tmp_path_factory.mktemp("music")
    port = free_port()
    arguments = ("--models", ",".join(MODELS), "--port", str(port), "--data-dir", str(folder / "data"))
    environment = {**os.environ, "EVOKE_CATALOGUE": str(write_catalogue(folder))}
    process = ProcessUnderTest("standalone", "services.standalone", arguments, environment, folder / "log")
    process.start()
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
    try:
        eventually(lambda: _serves(client), "a worker serves music", deadline_s=200)
        yield client
    finally:
        client.close()
        process.stop()


def write_catalogue(folder: Path) -> Path:
    """Entries of both models, whose weights lie in one folder with the encoder of prompts."""
    shutil.copytree(OWN, folder / "weights")
    entries = []
    for name in MODELS:
        weights = folder / "weights" / name
        shutil.copy(OWN / "sounds" / "compression_state_dict.bin", weights)
        (weights / "generation_defaults.json").write_text(json.dumps({"task": "text-to-music"}))
        schema = layout_of(weights).facts(Bounds()).schema
        entries.append(
            {"id": name, "title": name, "task": "text-to-music", "queue": "music", "container": "audiocraft"}
            | {"source": {"uri": str(weights)}, "input": schema}
        )
    file = folder / "models.yaml"
    file.write_text(yaml.safe_dump({"models": entries}))
    return file


def _serves(client: httpx.Client) -> bool:
    try:
        if client.get("/readyz").status_code != 200:
            return False
        return any(queue["workers"] > 0 for queue in client.get("/v1/queues").json()["items"])
    except (httpx.HTTPError, ValueError, KeyError):
        return False


def uploaded(client: httpx.Client, data: bytes) -> str:
    answer = client.post("/v1/files", content=data)
    assert answer.status_code in (200, 201), answer.text
    return f"file:{answer.json()['id']}"


def asked(client: httpx.Client, **settings: Any) -> dict[str, Any]:
    """Ask at the door, and wait for the end."""
    body = {"generation_settings": {"prompt": "a siren", "duration_s": 1, "seed": 5, **settings}}
    accepted = client.post("/audio/music/", json=body)
    assert accepted.status_code == 202, accepted.text
    address = f"/audio/music/{accepted.json()['id']}/"
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        answer: dict[str, Any] = client.get(address).json()
        if answer["status"] in ("succeeded", "failed", "cancelled"):
            return answer
        time.sleep(0.1)
    raise AssertionError(f"no end: {answer}")


def sound(client: httpx.Client, settings: dict[str, Any], channels: int = 1) -> Any:
    done = asked(client, **settings)
    assert done["status"] == "succeeded", done
    return decode(io.BytesIO(client.get(done["audio_url"]).content), RATE_HZ, 30, "audio", channels)


def tune(hz: float, seconds: float = 2.0) -> bytes:
    samples = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    return encode(samples.astype(np.float32), RATE_HZ, "flac")


def test_music_follows_the_melody_of_an_uploaded_clip(system: httpx.Client) -> None:
    first, second = uploaded(system, tune(440)), uploaded(system, tune(329.63))
    made = [sound(system, {"model": "melody", "melody": clip}) for clip in (first, second, first)]
    assert len(made[0]) == RATE_HZ
    assert np.array_equal(made[0], made[2])
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], sound(system, {"model": "melody"}))


def test_music_of_two_channels_comes_as_such_and_can_be_the_melody_of_other_music(
    system: httpx.Client,
) -> None:
    done = asked(system, model="stereo", top_k=0)
    assert done["status"] == "succeeded", done
    samples = decode(io.BytesIO(system.get(done["audio_url"]).content), RATE_HZ, 30, "audio", 2)
    assert samples.shape == (RATE_HZ, 2)
    assert np.abs(samples[:, 0] - samples[:, 1]).max() > 0.01
    assert len(sound(system, {"model": "melody", "melody": f"job:{done['id']}/0"})) == RATE_HZ


def test_what_can_not_be_followed_is_told_by_its_field(system: httpx.Client) -> None:
    words = {"prompt": "x", "model": "melody", "melody": uploaded(system, b"no sound at all")}
    answer = system.post("/audio/music/", json={"generation_settings": words})
    assert (answer.status_code, "melody" in answer.text) == (422, True), answer.text
    unknown = {"prompt": "x", "model": "melody", "melody": "file:" + "0" * 64}
    answer = system.post("/audio/music/", json={"generation_settings": unknown})
    assert answer.status_code in (404, 422), answer.text
    assert "melody" in answer.text
    other = {"prompt": "x", "model": "stereo", "melody": uploaded(system, tune(440))}
    assert system.post("/audio/music/", json={"generation_settings": other}).status_code == 422
    short = asked(system, model="melody", melody=uploaded(system, tune(440, seconds=0.002)))
    assert (short["status"], "melody" in str(short["error"])) == ("failed", True)
    hour = asked(system, model="melody", melody=uploaded(system, tune(440, seconds=400)))
    assert "longer than 30 s" in str(hour["error"])
