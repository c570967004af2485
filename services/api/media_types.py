"""What a file is, by its first bytes: what a client says of it is not asked."""

from __future__ import annotations

UNKNOWN = "application/octet-stream"
PICTURES = ("image/png", "image/jpeg", "image/webp")
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
_RIFFS = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_PICTURE_BRANDS = (b"avif", b"avis")


def media_type_of(data: bytes) -> str:
    """The media type of a picture or a sound; UNKNOWN for everything else, text and pages among it."""
    for start, media_type in _STARTS:
        if data.startswith(start):
            return media_type
    if data[:4] == b"RIFF":
        return _RIFFS.get(data[8:12], UNKNOWN)
    if data[4:8] == b"ftyp":  # ISO base media: MPEG-4 sound and AVIF share the container, the brand tells
        return "image/avif" if data[8:12] in _PICTURE_BRANDS else "audio/mp4"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    return UNKNOWN
