"""What can be wrong with a recording."""

from __future__ import annotations


class BadRecording(ValueError):
    """The recording can't be diagnosed; the message says why, and what would help."""
