"""Whether a file holds what it should: its digests, and the frame of the safetensors format."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from evoke.domain.errors import WeightsDamaged
from evoke.ports.weights_source import RemoteFile

_PIECE_BYTES = 4 << 20
_MOST_HEADER_BYTES = 100 << 20


def checked_sha256(path: Path, file: RemoteFile) -> str:
    """Read a whole file, check it against all that is known of it, and return its SHA-256. Raises WeightsDamaged."""
    size = path.stat().st_size
    if file.size_bytes is not None and size != file.size_bytes:
        raise WeightsDamaged(f"{file.name} has {size} bytes, {file.size_bytes} were promised")
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            sha256.update(piece)
            if file.git_sha1 is not None:
                git.update(piece)
    if file.sha256 is not None and sha256.hexdigest() != file.sha256:
        raise WeightsDamaged(f"{file.name} has the SHA-256 {sha256.hexdigest()}, {file.sha256} was promised")
    if file.git_sha1 is not None and git.hexdigest() != file.git_sha1:
        raise WeightsDamaged(f"{file.name} has the git SHA-1 {git.hexdigest()}, {file.git_sha1} was promised")
    if path.suffix == ".safetensors":
        check_frame(path)
    return sha256.hexdigest()


def check_frame(path: Path) -> None:
    """Check the header and the length of a `.safetensors` file. Raises WeightsDamaged.

    The format: 8 bytes of header length, little-endian; the header, JSON that gives each tensor's offsets; the data.
    It finds what no digest was known of: a cut download, or a login page that was saved as weights.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = stream.read(8)
        header_bytes = struct.unpack("<Q", length)[0] if len(length) == 8 else size
        if header_bytes > min(size - 8, _MOST_HEADER_BYTES):
            raise WeightsDamaged(f"{path.name} is no whole .safetensors file: {size} bytes")
        header = stream.read(header_bytes)
    try:
        tensors = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise WeightsDamaged(f"{path.name} is no .safetensors file: its header is damaged") from error
    if 8 + header_bytes + max(ends, default=0) != size:
        raise WeightsDamaged(f"{path.name} is cut short: {size} bytes, its header tells of more or fewer")
