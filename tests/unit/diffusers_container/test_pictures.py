"""Pictures carry the settings that they were made with, in the forms that other tools read."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from model_containers.diffusers.pictures import MEDIA_TYPES, Origin, encode

SETTINGS: dict[str, Any] = {
    "prompt": "a red circle",
    "negative_prompt": "blue",
    "seed": 7,
    "sampler_name": "euler_a",
    "steps": 20,
    "cfg_scale": 4.5,
    "width": 64,
    "height": 48,
}


def _picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8), "RGB")


def _opened(file_format: str, **changes: Any) -> Image.Image:
    origin = Origin({**SETTINGS, **changes}, "shapes-64", "Euler a")
    picture = Image.open(io.BytesIO(encode(_picture(), file_format, origin)))
    picture.load()
    return picture


def _user_comment(picture: Image.Image) -> str:
    comment = picture.getexif().get_ifd(0x8769)[0x9286]
    assert comment.startswith(b"UNICODE\0")
    return str(comment[8:].decode("utf-16-be"))


def _xmp_property(picture: Image.Image) -> str:
    packet = ElementTree.fromstring(picture.info["xmp"].decode("utf-8").strip("\ufeff\x00"))
    names = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    description = packet.find("rdf:RDF/rdf:Description", names)
    assert description is not None
    return description.attrib["{https://evoke.dev/ns/1.0/}generation"]


def test_a_png_keeps_every_pixel() -> None:
    assert np.array_equal(np.asarray(_opened("png")), np.asarray(_picture()))


def test_a_png_says_its_settings_as_the_web_uis_do() -> None:
    assert _opened("png").info["parameters"] == (
        "a red circle\nNegative prompt: blue\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 4.5, Seed: 7, Size: 64x48, Model: shapes-64"
    )


def test_without_a_negative_prompt_there_is_no_line_of_it() -> None:
    lines = _opened("png", negative_prompt="").info["parameters"].splitlines()
    assert (len(lines), lines[0]) == (2, "a red circle")


@pytest.mark.parametrize(
    "prompt", ["ein grüner Kreis", "赤い円 🔴", "a circle\nbelow a square", 'a "red" <circle> & co']
)
@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_any_prompt_can_be_read_back(file_format: str, prompt: str) -> None:
    picture = _opened(file_format, prompt=prompt)
    if file_format == "png":
        parameters, document = picture.info["parameters"], picture.info["evoke"]
    else:
        parameters = _user_comment(picture)
        document = _xmp_property(picture)
    assert parameters.startswith(f"{prompt}\n")
    assert json.loads(document) == {"model": "shapes-64", "input": {**SETTINGS, "prompt": prompt}}


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_control_characters_in_a_prompt_do_no_harm(file_format: str) -> None:
    picture = _opened(file_format, prompt="a\x00red\x1bcircle")
    parameters = picture.info["parameters"] if file_format == "png" else _user_comment(picture)
    assert parameters.startswith("a red circle\n")


@pytest.mark.parametrize("file_format", ["jpeg", "webp"])
def test_a_picture_with_the_longest_prompts_can_be_written(file_format: str) -> None:
    picture = _opened(file_format, prompt="\U0001f534" * 2000, negative_prompt="&" * 2000)
    assert len(_user_comment(picture)) > 4000


@pytest.mark.parametrize(("file_format", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_media_type_is_the_formats(file_format: str, kind: str) -> None:
    assert Image.MIME[str(_opened(file_format).format)] == MEDIA_TYPES[file_format]
    assert _opened(file_format).format == kind


def test_the_line_of_settings_parses_as_the_web_uis_parse_it() -> None:
    line = _opened("png").info["parameters"].splitlines()[-1]
    pairs = dict(re.findall(r"\s*([\w ]+): ([^,]+)(?:,|$)", line))
    assert pairs["Sampler"] == "Euler a"
    assert pairs["Size"] == "64x48"
