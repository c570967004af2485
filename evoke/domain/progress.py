"""What a running attempt tells of itself. Never stored; lossy by nature."""

from __future__ import annotations

import msgspec


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture or sound of the work so far; at most a few tens of kilobytes."""

    media_type: str
    data: bytes


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One report of a running attempt: any of a step, a log line and a preview.

    step/total: in the model's own `unit` (steps, seconds, ...).
    """

    tenant: str
    job_id: str
    attempt_id: str
    attempt: int
    time_ms: int
    step: int | None = None
    total: int | None = None
    unit: str = "steps"
    log: str | None = None
    preview: Preview | None = None
