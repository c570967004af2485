"""Files of a checkpoint, read so that whatever is wrong with one is told in words: which file, and why."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from model_containers.sdk.errors import CheckpointError

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
"""Endings of files whose loading can run code."""

MAX_HEADER_BYTES = 100 << 20


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object. Raises CheckpointError naming the file."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{file}: missing") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: not readable as JSON: {error}") from error
    if not isinstance(document, dict):
        raise CheckpointError(f"{file}: must hold a JSON object")
    return document


def check_safetensors(file: Path) -> None:
    """Check the header and the length of a `.safetensors` file, without reading its weights.

    The format: 8 bytes of header length, little-endian; the header, JSON that gives each tensor's offsets; the data.
    Raises CheckpointError.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = stream.read(8)
        header_size = struct.unpack("<Q", length)[0] if len(length) == 8 else size
        if header_size > min(size - 8, MAX_HEADER_BYTES):
            raise CheckpointError(f"{file}: truncated or no .safetensors file: {size} bytes")
        header = stream.read(header_size)
    try:
        tensors = json.loads(header)
        end = max(entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CheckpointError(f"{file}: the header is damaged: {error}") from error
    if 8 + header_size + end != size:
        raise CheckpointError(f"{file}: truncated: {size} bytes, its header tells of {8 + header_size + end}")
