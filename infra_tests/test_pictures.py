"""Pictures: of the size that was asked for, and the same for the same seed."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from infra_tests.evoke import Evoke

MODEL = "shapes-64"
INPUT = {"prompt": "a red circle on a yellow background", "steps": 4, "seed": 7}


@pytest.fixture(autouse=True)
def model(evoke: Evoke) -> None:
    if not evoke.serves(MODEL):
        pytest.skip(f"{MODEL} is not in the catalogue here")


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels, by its first chunk."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize(("width", "height"), [(64, 64), (96, 72)])
def test_a_picture_has_the_size_that_was_asked_for(evoke: Evoke, width: int, height: int) -> None:
    job = evoke.succeeded(MODEL, {**INPUT, "width": width, "height": height})
    (artifact,) = job["artifacts"]
    assert artifact["media_type"] == "image/png"
    assert size_of(evoke.bytes_of(artifact)) == (width, height)


def test_the_same_seed_gives_the_same_picture(evoke: Evoke) -> None:
    def digests(value: dict[str, Any]) -> list[str]:
        return [artifact["sha256"] for artifact in evoke.succeeded(MODEL, value)["artifacts"]]

    first, again, other = digests(INPUT), digests(INPUT), digests({**INPUT, "seed": 8})
    assert first == again
    assert first != other


def test_the_door_of_existing_clients_works(evoke: Evoke) -> None:
    answer = evoke.http.post(
        "/images/", json={"generation_settings": {"prompt": "a blue square", "steps": "4"}}
    )
    assert answer.status_code == 202, answer.text
    job = evoke.ended(answer.json()["id"])
    assert job["status"] == "succeeded"
    picture = evoke.http.get(f"/images/{job['id']}/").json()
    assert evoke.http.get(picture["image_url"]).status_code == 200
