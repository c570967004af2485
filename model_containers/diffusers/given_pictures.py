"""Pictures that come with a run: read within bounds, and brought to the size of the picture that is to be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.sdk.errors import InvalidInput

MAX_PIXELS = 64 << 20
"""Of a picture that is given; a small file can say that it is far larger."""
FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True)
class Given:
    """What a run begins with, of the size that it makes. init: RGB. mask: 8 bits, white where it is to be redrawn."""

    init: Image.Image
    mask: Image.Image | None


def given_pictures(settings: GenerationSettings, files: Mapping[str, BinaryIO]) -> Given | None:
    """Read what the settings name; None where they name nothing. Raises InvalidInput naming the field."""
    if settings.init_image is None:
        return None
    init = _fitted(_rgb(_read(files, "init_image")), settings)
    mask = None
    if settings.mask is not None:
        mask = _fitted(_grey(_read(files, "mask")), settings)
    return Given(init, mask)


def _read(files: Mapping[str, BinaryIO], field: str) -> Image.Image:
    if field not in files:
        raise InvalidInput(field, "names a picture, but no file of this name came with the run")
    try:
        picture = Image.open(files[field], formats=FORMATS)
        pixels = picture.width * picture.height
        if pixels > MAX_PIXELS:
            raise InvalidInput(field, f"has {pixels} pixels, the limit is {MAX_PIXELS}")
        picture.load()
        return ImageOps.exif_transpose(picture)
    except UnidentifiedImageError:
        raise InvalidInput(field, "is no PNG, JPEG or WebP picture") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow's decoders raise any of these for files that are cut off or broken.
        raise InvalidInput(field, f"can't be read: {error}") from None


def _rgb(picture: Image.Image) -> Image.Image:
    """Without transparency: what is behind it is white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def _grey(picture: Image.Image) -> Image.Image:
    return _rgb(picture).convert("L")


def _fitted(picture: Image.Image, settings: GenerationSettings) -> Image.Image:
    """The picture at the size of the settings: its middle, or stretched. One of that size stays as it is."""
    size = (settings.width, settings.height)
    if picture.size == size:
        return picture
    if settings.resize_mode == "stretch":
        return picture.resize(size, Image.Resampling.LANCZOS)
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
