"""What a file is, by its first bytes alone."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from evoke.domain.errors import InvalidInput
from evoke.domain.file_references import JobOutput, UploadedFile, file_fields, parse_reference
from services.api.media_types import UNKNOWN, media_type_of

JOB = "019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_is_known_by_what_a_library_writes(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, kind)
    assert media_type_of(buffer.getvalue()) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"fLaC\0\0", "audio/flac"),
        (b"OggS\0\0", "audio/ogg"),
        (b"\0\0\0\x18ftypM4A \0\0", "audio/mp4"),
        (b"\0\0\0\x18ftypavif\0\0", "image/avif"),
        (b"ID3\4", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
    ],
)
def test_a_sound_is_known_by_its_first_bytes(data: bytes, media_type: str) -> None:
    assert media_type_of(data) == media_type


@pytest.mark.parametrize(
    "data", [b"", b"x", b"<html><script>", b"<svg xmlns=", b"RIFF\0\0\0\0AVI ", b"GIF88a", b"%PDF-1.7"]
)
def test_everything_else_is_mere_bytes(data: bytes) -> None:
    assert media_type_of(data) == UNKNOWN


def test_a_reference_names_an_upload_or_an_output_of_a_job() -> None:
    assert parse_reference(f"file:{'0f' * 32}", "input.it") == UploadedFile("0f" * 32)
    assert parse_reference(f"job:{JOB}/12", "input.it") == JobOutput(JOB, 12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0f" * 32,
        "file:",
        f"file:{'0F' * 32}",
        f"file:{'0f' * 32}/..",
        "file:../../other",
        f"job:{JOB}",
        f"job:{JOB}/",
        f"job:{JOB}/-1",
        f"job:{JOB}/123456",
        f"job:{'0' * 36}/1",
        "https://example.org/a.png",
    ],
)
def test_anything_else_is_refused_by_the_field(text: str) -> None:
    with pytest.raises(InvalidInput, match="file:ID") as caught:
        parse_reference(text, "input.it")
    assert caught.value.field == "input.it"


def test_a_schema_says_which_fields_are_files() -> None:
    properties = {"it": {"type": "string", "x-evoke-file": ["image/png"]}, "other": {"type": "string"}}
    assert file_fields({"properties": properties}) == {"it": ("image/png",)}
    assert file_fields({}) == {}
