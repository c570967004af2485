"""A prompt goes in at the door of sounds and a sound comes out, through the whole system, by the model that ships."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("transformers")

from evoke.bootstrap import load_catalogue
from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.sound_files import decode
from model_containers.audiocraft.sounds16k.evaluate import CHECKPOINT
from model_containers.audiocraft.sounds16k.scenes import Scene
from tests.system.processes import eventually
from tests.system.supervised import Up, running_up
from tests.unit.sounds16k.judge import judge

pytestmark = [pytest.mark.timeout(400), pytest.mark.model]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("sounds"), "--models", "sounds-16k") as started:
        started.wait_until_ready()
        yield started


def made(up: Up, **request: Any) -> dict[str, Any]:
    """The answer of the door once the sound is there."""
    answer = httpx.post(f"{up.url}/audio/sounds/", timeout=60, **request)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = {}

    def over() -> bool:
        found.update(httpx.get(f"{up.url}/audio/sounds/{answer.json()['id']}/").json())
        return found["status"] in ("succeeded", "failed")

    eventually(over, "the sound is there", 120)
    assert found["status"] == "succeeded", found
    return found


def fetched(url: str) -> bytes:
    return httpx.get(url, follow_redirects=True).content


@pytest.mark.parametrize("format", ["wav", "ogg"])
def test_a_prompt_becomes_the_sound_that_it_asks_for(up: Up, format: str) -> None:
    settings = {"prompt": "a slow low siren", "seed": "3", "format": format}
    found = made(up, json={"generation_settings": settings})
    assert found["generation_settings"]["seed"] == 3
    samples = decode(io.BytesIO(fetched(found["audio_url"])), 16000, 30, "audio")
    assert len(samples) == pytest.approx(4 * 16000, abs=1600)
    assert judge(samples, Scene("siren", "low", "slow")) == []


def test_a_clip_is_continued(up: Up) -> None:
    first = fetched(made(up, json={"generation_settings": {"prompt": "rain", "duration_s": 2}})["audio_url"])
    form = {"generation_settings": '{"prompt": "rain", "duration_s": 5}'}
    found = made(up, data=form, files={"audio": ("a.wav", first)})
    samples = decode(io.BytesIO(fetched(found["audio_url"])), 16000, 30, "audio")
    assert len(samples) == 5 * 16000
    assert judge(samples, Scene("rain")) == []


def test_the_catalogue_says_what_the_checkpoint_does() -> None:
    entry = load_catalogue(None).get("sounds-16k")
    facts = layout_of(CHECKPOINT).facts(Bounds())
    assert entry.task == facts.task
    assert (entry.limits.max_duration_s, entry.limits.max_prompt_len) == (30, 100)

    def rules(schema: Any) -> Any:
        shown = ("examples",)
        return {
            name: {key: value for key, value in rule.items() if key not in shown}
            for name, rule in schema["properties"].items()
        }

    assert rules(entry.input) == rules(facts.schema)
