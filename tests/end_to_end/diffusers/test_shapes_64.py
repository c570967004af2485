"""The model that ships with evoke, through the real server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evoke.bootstrap import load_catalogue
from tests.system.served_container import Container, connected, container, generate

pytestmark = [pytest.mark.timeout(400), pytest.mark.model]

CHECKPOINT = Path(__file__).parents[3] / "model_containers" / "diffusers" / "shapes64" / "checkpoint"
PROMPT = "a red circle to the left of a blue square on a yellow background"


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A container that serves shapes-64."""
    options = ["--device", "cpu", "--threads", "1", "--model", f"shapes-64={CHECKPOINT}"]
    with container(tmp_path_factory.mktemp("shapes"), options) as running:
        yield running


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.float32)


async def test_the_last_preview_resembles_the_picture(shapes: Container) -> None:
    # Enough steps that the previews, a few a second, come to the end of the run on a fast machine too.
    answer = await generate(shapes, "shapes-64", prompt=PROMPT, seed=3, steps=60)
    picture = _pixels(answer.files["0.png"])
    preview = _pixels(answer.previews[-1].data)
    assert preview.shape == picture.shape
    assert np.corrcoef(picture.ravel(), preview.ravel())[0, 1] > 0.8


async def test_the_defaults_draw_what_was_asked_for(shapes: Container) -> None:
    answer = await generate(shapes, "shapes-64", prompt=PROMPT, seed=3)
    picture = _pixels(answer.files["0.png"])
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).mean(axis=0)
    red, green, blue = edge
    assert min(red, green) > 150
    assert blue < 100
    left, right = picture[:, :32], picture[:, 32:]

    def share(part: np.ndarray, strong: int, weak: tuple[int, int]) -> float:
        return float(((part[..., strong] > 130) & (part[..., list(weak)].max(axis=-1) < 110)).mean())

    assert share(left, 0, (1, 2)) > 0.03 > share(right, 0, (1, 2))
    assert share(right, 2, (0, 1)) > 0.03 > share(left, 2, (0, 1))


async def test_the_container_takes_what_the_catalogue_says(shapes: Container) -> None:
    async with connected(shapes) as client:
        (described,) = await client.describe()
    entry = load_catalogue(None).get("shapes-64")
    ours, theirs = described.input_schema["properties"], entry.input["properties"]
    assert {name: rule.get("default") for name, rule in ours.items()} == {
        name: rule.get("default") for name, rule in theirs.items()
    }
    assert described.limits["max_images"] == entry.limits.max_images
