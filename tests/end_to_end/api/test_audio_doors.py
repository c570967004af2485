"""The doors of sound: the manners of `/images/`, and a clip that may come along."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from model_containers.audiocraft.input_schema import Bounds, Defaults, input_schema
from tests.end_to_end.api.world import World, running_api
from tests.stack.engines import Engine

WAV = b"RIFF\x24\0\0\0WAVEfmt and so on"
TASKS = {"sounds": "text-to-sound", "music": "text-to-music"}


def write_catalogue(folder: Path) -> Path:
    """The shipped models, and one for sounds and one for music."""
    models = [
        {
            "id": name,
            "title": name,
            "task": task,
            "queue": "audio_generation",
            "container": "audiocraft",
            "input": input_schema(Defaults(), Bounds()),
        }
        for name, task in TASKS.items()
    ]
    file = folder / "models.yaml"
    file.write_text(yaml.safe_dump({"include": ["shipped"], "models": models}))
    return file


@pytest.fixture(scope="module")
async def audio(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[World]:
    """An API whose catalogue has a model for each door."""
    folder = tmp_path_factory.mktemp("audio")
    async with running_api(engine, folder, catalogue=write_catalogue(folder)) as found:
        yield found


async def asked(audio: World, door: str, **settings: Any) -> str:
    body = {"generation_settings": {"prompt": "rain", **settings}}
    answer = await audio.http.post(f"/audio/{door}/", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("door", ["sounds", "music"])
async def test_a_sound_is_asked_for_and_has_an_address_once_it_is_made(audio: World, door: str) -> None:
    job = await audio.job(await asked(audio, door, duration_s="4", format="ogg"))
    assert (job["model"], job["input"]["duration_s"]) == (door, 4)
    waiting = (await audio.http.get(f"/audio/{door}/{job['id']}/")).json()
    assert (waiting["status"], waiting["audio_url"], waiting["audio_urls"]) == ("queued", None, [])
    await audio.succeed(job, data=b"sound", media_type="audio/ogg", name="0.ogg")
    done = (await audio.http.get(f"/audio/{door}/{job['id']}")).json()
    assert (done["generation_settings"]["seed"], done["audio_urls"]) == (42, [done["audio_url"]])
    assert (await audio.http.get(done["audio_url"])).content == b"sound"


async def test_each_door_lists_its_own_and_knows_no_others(audio: World) -> None:
    sound, music = await asked(audio, "sounds"), await asked(audio, "music")
    listed = [item["id"] for item in (await audio.http.get("/audio/sounds/")).json()["items"]]
    assert sound in listed
    assert music not in listed
    assert (await audio.http.get(f"/audio/sounds/{music}/")).status_code == 404


async def test_a_form_brings_a_clip_that_the_job_is_given(audio: World) -> None:
    form = {
        "generation_settings": json.dumps({"prompt": "rain", "seed": "5"}),
        "metadata": '{"grouping": "g"}',
    }
    answer = await audio.http.post("/audio/sounds/", data=form, files={"audio": ("a.wav", WAV)})
    assert answer.status_code == 202, answer.text
    found = audio.context.view.get("default", answer.json()["id"])
    assert found is not None
    requested = found.fold().requested
    assert requested is not None
    (file,) = requested.files
    assert (file.name, file.media_type, file.size_bytes) == ("audio", "audio/wav", len(WAV))
    assert (requested.input["seed"], requested.metadata) == (5, {"grouping": "g"})


async def test_a_key_stands_for_the_clip_too(audio: World) -> None:
    headers = {"idempotency-key": "one"}
    form = {"generation_settings": '{"prompt": "rain"}'}

    async def send(clip: bytes) -> Any:
        return await audio.http.post("/audio/sounds/", data=form, files={"audio": clip}, headers=headers)

    first, again, other = await send(WAV), await send(WAV), await send(WAV + b"!")
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"prompt": "a" * 101}, "generation_settings.prompt"),
        ({"prompt": "a", "duration_s": 31}, "generation_settings.duration_s"),
        ({"prompt": "a", "format": "aiff"}, "generation_settings.format"),
        ({"prompt": "a", "model": "music"}, "generation_settings.model"),
        ({}, "generation_settings.prompt"),
    ],
)
async def test_bad_settings_are_422_and_named(audio: World, settings: dict[str, Any], field: str) -> None:
    answer = await audio.http.post("/audio/sounds/", json={"generation_settings": settings})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("form", "files", "status", "told"),
    [
        ({}, {"audio": WAV}, 422, "generation_settings"),
        ({"generation_settings": "{"}, {"audio": WAV}, 400, "JSON"),
        ({"generation_settings": '{"prompt": "a"}'}, {"audio": b"no sound"}, 415, "wav"),
        ({"generation_settings": '{"prompt": "a"}'}, {"sound": WAV}, 422, "sound"),
        ({"generation_settings": '{"prompt": "a"}', "other": "1"}, {"audio": WAV}, 422, "other"),
    ],
)
async def test_a_form_that_can_not_be_taken_is_refused_saying_why(
    audio: World, form: dict[str, str], files: dict[str, bytes], status: int, told: str
) -> None:
    answer = await audio.http.post("/audio/sounds/", data=form, files=files)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text


async def test_the_document_tells_of_both_doors_and_of_the_form(audio: World) -> None:
    paths = (await audio.http.get("/openapi.json")).json()["paths"]
    for door in TASKS:
        content = paths[f"/audio/{door}/"]["post"]["requestBody"]["content"]
        assert content["application/json"]["example"]["generation_settings"]["prompt"]
        form = content["multipart/form-data"]["schema"]
        assert (form["required"], sorted(form["properties"])) == (
            ["generation_settings"],
            ["audio", "generation_settings", "metadata"],
        )
