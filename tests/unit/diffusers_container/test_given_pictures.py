"""Pictures that come with a run: every kind is read, everything else is refused by name."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import pytest
from PIL import Image

from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.given_pictures import MAX_PIXELS, given_pictures
from model_containers.sdk import InvalidInput
from tests.unit.diffusers_container.watchers import USUAL

BOTH = replace(USUAL, init_image="file:a", mask="file:b")


def file_of(picture: Image.Image, kind: str = "PNG", **options: Any) -> BinaryIO:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    buffer.seek(0)
    return buffer


def halves(width: int = 64, height: int = 64) -> Image.Image:
    """Black on the left, white on the right."""
    picture = Image.new("RGB", (width, height), "black")
    picture.paste("white", (width // 2, 0, width, height))
    return picture


def test_a_run_that_names_no_picture_is_given_none() -> None:
    assert given_pictures(USUAL, {"init_image": file_of(halves())}) is None


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {}), ("WEBP", {"lossless": True})])
def test_a_picture_of_the_wanted_size_is_taken_as_it_is(kind: str, options: dict[str, Any]) -> None:
    settings = replace(USUAL, init_image="file:a")
    given = given_pictures(settings, {"init_image": file_of(halves(), kind, **options)})
    assert given is not None
    assert given.mask is None
    found, wanted = np.asarray(given.init, dtype=int), np.asarray(halves(), dtype=int)
    assert np.abs(found - wanted).max() <= (8 if kind == "JPEG" else 0)


@pytest.mark.parametrize(("mode", "left"), [("crop", 0), ("stretch", 0)])
def test_another_size_is_brought_to_the_wanted_one(mode: str, left: int) -> None:
    settings = replace(USUAL, init_image="file:a", resize_mode=mode, width=64, height=128)
    given = given_pictures(settings, {"init_image": file_of(halves(256, 128))})
    assert given is not None
    assert given.init.size == (64, 128)
    pixels = np.asarray(given.init)
    assert (pixels[64, 0, 0], pixels[64, 63, 0]) == (left, 255)


def test_the_middle_is_kept_when_a_picture_is_cropped_and_nothing_when_it_is_stretched() -> None:
    wide = Image.new("RGB", (300, 100), "black")
    wide.paste("white", (100, 0, 200, 100))
    settings = replace(USUAL, init_image="file:a", width=64, height=64)
    cropped, stretched = (
        given_pictures(replace(settings, resize_mode=mode), {"init_image": file_of(wide)})
        for mode in ("crop", "stretch")
    )
    assert cropped is not None
    assert stretched is not None
    assert np.asarray(cropped.init).min() > 200  # the filter rings a little at the edges
    assert np.asarray(stretched.init)[32, 0, 0] == 0


def test_what_is_transparent_is_white_and_a_turned_photograph_is_upright() -> None:
    settings = replace(USUAL, init_image="file:a")
    clear = given_pictures(settings, {"init_image": file_of(Image.new("RGBA", (64, 64), (0, 0, 0, 0)))})
    assert clear is not None
    assert np.asarray(clear.init).min() == 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the left side is up
    turned = given_pictures(settings, {"init_image": file_of(halves(), "JPEG", exif=exif)})
    assert turned is not None
    assert np.asarray(turned.init)[4, 32, 0] < 20
    assert np.asarray(turned.init)[60, 32, 0] > 230


def test_a_mask_is_grey_and_of_the_same_size() -> None:
    given = given_pictures(BOTH, {"init_image": file_of(halves()), "mask": file_of(halves(128, 128))})
    assert given is not None
    assert given.mask is not None
    assert (given.mask.mode, given.mask.size) == ("L", (64, 64))


def _cut_off() -> BinaryIO:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return io.BytesIO(file_of(Image.fromarray(noise)).read()[:4000])


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (io.BytesIO(b"no picture"), "no PNG, JPEG or WebP"),
        (io.BytesIO(b""), "no PNG, JPEG or WebP"),
        (file_of(halves(), "GIF"), "no PNG, JPEG or WebP"),
        (_cut_off(), "can't be read"),
        (file_of(Image.new("1", (8200, 8200))), str(MAX_PIXELS)),
        (None, "no file"),
    ],
)
@pytest.mark.parametrize("field", ["init_image", "mask"])
def test_what_is_no_picture_is_refused_by_its_field(file: BinaryIO | None, reason: str, field: str) -> None:
    files: dict[str, BinaryIO] = {"init_image": file_of(halves()), "mask": file_of(halves())}
    if file is None:
        del files[field]
    else:
        file.seek(0)
        files[field] = file
    with pytest.raises(InvalidInput, match=reason) as caught:
        given_pictures(BOTH, files)
    assert caught.value.field == field


def test_what_was_not_made_use_of_is_left_out_of_the_input_that_makes_a_picture_again() -> None:
    assert "mask" not in USUAL.of_picture(0)
    assert GenerationSettings(**USUAL.of_picture(0)) == USUAL
    assert BOTH.of_picture(0)["mask"] == "file:b"
