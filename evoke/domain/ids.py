"""Identifiers. A job's id is a UUIDv7, so that an id carries the time of its submission."""

from __future__ import annotations

import re

from evoke.domain.errors import InvalidInput

UUID7_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
RANDOM_BYTES = 10
_MAX_TIME_MS = 1 << 48


def uuid7(time_ms: int, randomness: bytes) -> str:
    """Return a UUIDv7 as lower-case text (RFC 9562, section 5.7).

    time_ms: Unix time in milliseconds, 0 <= time_ms < 2**48.
    randomness: exactly 10 bytes, of which 74 bits are used.
    Raises ValueError when either is out of range.
    """
    if not 0 <= time_ms < _MAX_TIME_MS:
        raise ValueError(f"time_ms must lie in 0..2**48-1, got {time_ms}")
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"randomness must be {RANDOM_BYTES} bytes, got {len(randomness)}")
    random_bits = int.from_bytes(randomness, "big")
    rand_a = random_bits >> 68
    rand_b = random_bits & ((1 << 62) - 1)
    text = f"{time_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_job_id(text: str) -> bool:
    """Tell whether `text` has the exact form of a job id."""
    return UUID7_PATTERN.fullmatch(text) is not None


def job_time_ms(job_id: str) -> int:
    """Return the Unix time in milliseconds that a job id carries.

    Raises InvalidInput when `job_id` is not a UUIDv7.
    """
    if not is_job_id(job_id):
        raise InvalidInput("id", "must be a UUIDv7")
    return int(job_id[:8] + job_id[9:13], 16)
