"""The models that draw, sound and listen, in their images: from `helm install` to the first picture, an answer of each.

Each is left out where no node has its image: those of pictures and sounds are 6 GB.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_containers.audiocraft.sound_files import decode
from model_containers.cough.example import sample
from tests.infrastructure.cluster.installation import POOL, SMALL, TAG, Installation, prepared
from tests.infrastructure.cluster.kubectl import asked
from tests.unit.shapes64.judge import Expected, faults

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PROMPT = "a red circle to the left of a blue square on a yellow background"
ASKED_FOR = Expected("yellow", (("red", "circle"), ("blue", "square")), "left")
DRAWS = {"name": "pictures", "queue": "txt2img_generation", "container": "diffusers"}
SOUNDS = {"name": "sounds", "queue": "txt2audio_generation", "container": "audiocraft"}
LISTENS = {"name": "cough", "queue": "audio_diagnosis", "container": "cough"}
LARGE = {**SMALL, "limits": {"memory": "3Gi"}}


def pool(told: dict[str, Any]) -> dict[str, Any]:
    """A pool of one worker; the test is left out where no node has its image."""
    name = f"evoke-{told['container']}:{TAG}"
    images = [
        image
        for node in asked("nodes")["items"]
        for each in node["status"]["images"]
        for image in each.get("names") or ()
    ]
    if not any(image.endswith(f"/{name}") for image in images):
        pytest.skip(f"no node has the image {name}")
    return {"drainSeconds": 20, "modelResources": LARGE, **told}


@pytest.fixture(scope="module")
def drawing(engine: dict[str, Any]) -> Iterator[tuple[Installation, bytes]]:
    """evoke as it draws, and its first picture."""
    told = pool(DRAWS)
    with prepared(engine) as made:
        began = time.monotonic()
        made.install(workers=[POOL, told])
        ready_s = time.monotonic() - began
        with made.forwarded() as api:
            (picture,) = api.outputs(api.submit_to("shapes-64", {"prompt": PROMPT, "seed": 1}))
        took_s = time.monotonic() - began
        print(f"from install to ready {ready_s:.1f} s, to the first picture {took_s:.1f} s")
        yield made, picture


def test_the_first_picture_after_an_install_is_what_was_asked_for(
    drawing: tuple[Installation, bytes],
) -> None:
    picture = np.asarray(Image.open(io.BytesIO(drawing[1])).convert("RGB"))
    assert faults(picture, ASKED_FOR) == []


def test_pictures_are_as_their_users_are_told(drawing: tuple[Installation, bytes]) -> None:
    drawing[0].promises("infra_tests/test_pictures.py")


@pytest.fixture(scope="module")
def others(engine: dict[str, Any]) -> Iterator[Installation]:
    """Where the other models are installed, one after the other."""
    with prepared(engine) as made:
        made.install()
        yield made


def test_a_sound_is_made(others: Installation) -> None:
    others.install(workers=[pool(SOUNDS)])
    with others.forwarded() as api:
        (sound,) = api.outputs(api.submit_to("sounds-16k", {"prompt": "rain", "duration_s": 2}))
    assert len(decode(io.BytesIO(sound), 16000, 30, "audio")) == 2 * 16000


def test_a_recording_is_diagnosed(others: Installation) -> None:
    others.install(workers=[pool(LISTENS)])
    with others.forwarded() as api:
        job_id = api.posted("/diagnosis/", sample().read(), "audio/wav")["id"]
        api.finish([job_id])
        assert api.job(job_id)["result"]["probability"] > 0.9
