"""A recording goes in at the door and its diagnosis comes out, through the whole system."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from model_containers.cough.example import sample
from tests.system.processes import eventually
from tests.system.supervised import Up, running_up

pytestmark = pytest.mark.timeout(400)
RECORDING = sample().read()
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("cough"), "--models", "cough") as started:
        started.wait_until_ready()
        yield started


def wav(samples: np.ndarray[Any, Any], rate: int = 16000) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return stream.getvalue()


def submitted(up: Up, content: bytes, **options: Any) -> str:
    answer = httpx.post(f"{up.url}/diagnosis/", content=content, timeout=60, **options)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def ended(up: Up, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def over() -> bool:
        found.update(httpx.get(f"{up.url}/diagnosis/{job_id}/").json())
        return found["status"] in ("succeeded", "failed")

    eventually(over, "the diagnosis is there")
    return found


def test_a_recording_is_diagnosed_with_pictures_of_its_segments(up: Up) -> None:
    found = ended(up, submitted(up, RECORDING, params={"pictures": 2}))
    assert found["status"] == "succeeded", found
    result = found["result"]
    assert (result["coughs"], result["duration_s"]) == (2, 4.0)
    assert [segment["cough"] for segment in result["segments"]] == [True, False, True]
    assert all(0 <= segment["uncertainty"] <= 0.5 for segment in result["segments"])
    assert len(result["model_version"]) == 12
    assert len(found["pictures"]) == 2
    for url in found["pictures"]:
        assert httpx.get(url, follow_redirects=True).content.startswith(PNG)


def test_a_form_does_too_and_the_threshold_is_the_clients(up: Up) -> None:
    answer = httpx.post(f"{up.url}/diagnosis", files={"audio": ("a.wav", RECORDING)}, params={"threshold": 1})
    found = ended(up, answer.json()["id"])
    assert found["status"] == "succeeded", found
    assert found["result"]["coughs"] == 0


def test_the_same_recording_is_stored_once(up: Up) -> None:
    for _ in range(2):
        ended(up, submitted(up, RECORDING))
    digest = hashlib.sha256(RECORDING).hexdigest()
    assert len([path for path in up.data_dir.rglob(f"{digest}*") if path.is_file()]) == 1


def test_the_same_key_is_the_same_request_and_another_recording_is_refused(up: Up) -> None:
    headers = {"idempotency-key": "one"}
    assert submitted(up, RECORDING, headers=headers) == submitted(up, RECORDING, headers=headers)
    other = httpx.post(f"{up.url}/diagnosis/", content=wav(np.zeros(16000)), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (wav(np.zeros(16000)), "audio: is silent"),
        (wav(np.zeros(100)), "audio: is 0.01 s long"),
        (wav(np.sign(np.sin(np.arange(16000)))), "audio: is clipped"),
        (wav(np.zeros(8000 * 130), 8000), "audio: is longer than 120 s"),
        (b"RIFF\0\0\0\0WAVEnothing", "audio: is no sound file"),
    ],
)
def test_a_recording_that_can_not_be_judged_fails_saying_why(up: Up, content: bytes, told: str) -> None:
    found = ended(up, submitted(up, content))
    assert (found["status"], found["error"]["code"]) == ("failed", "invalid_input")
    assert found["error"]["message"].startswith(told)


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ({"content": b"no sound"}, 415, "wav, flac, ogg, opus, mp3 or m4a"),
        ({"content": b""}, 415, "the file is empty"),
        ({"content": RECORDING, "params": {"threshold": 2}}, 422, "query.threshold"),
        ({"content": RECORDING, "params": {"treshold": 0.4}}, 422, "treshold"),
        ({"content": bytes((16 << 20) + 1)}, 413, "16777216 bytes"),
        ({"files": {"sound": ("a.wav", RECORDING)}}, 422, "audio"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "form"),
    ],
)
def test_what_can_not_be_taken_is_refused_at_the_door(
    up: Up, options: dict[str, Any], status: int, told: str
) -> None:
    answer = httpx.post(f"{up.url}/diagnosis/", timeout=60, **options)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text


def test_other_jobs_are_no_diagnoses(up: Up) -> None:
    job = httpx.post(f"{up.url}/v1/jobs", json={"model": "factorial", "input": {"no": 5}}).json()
    assert httpx.get(f"{up.url}/diagnosis/{job['id']}/").status_code == 404


def test_a_job_without_its_recording_is_refused_at_the_general_door(up: Up) -> None:
    answer = httpx.post(f"{up.url}/v1/jobs", json={"model": "cough", "input": {}}, timeout=60)
    assert answer.status_code == 422
    assert "cough needs a file (audio)" in answer.json()["detail"]
