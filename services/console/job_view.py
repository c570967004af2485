"""What a page shows of a job: words and kinds that the templates can use as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/svg+xml")
_TEXTS = ("text/", "application/json")
_SMALL_PICTURE = 160
_TITLE = 140
_FACT = 60
_SCALARS = (str, int, float)


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact. shown_as: picture, sound, video, text or file: by media type, never by its content."""

    name: str
    url: str
    media_type: str
    size: str
    size_bytes: int
    sha256: str
    shown_as: str
    small: bool = False


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job for people. document: the API's own. facts: small values that the model returned; structured: the rest."""

    document: Mapping[str, Any]
    title: str
    outputs: tuple[Output, ...]
    live: bool
    took: str
    facts: tuple[tuple[str, str], ...] = ()
    structured: Mapping[str, Any] = {}

    @property
    def cover(self) -> Output | None:
        """The first picture, for the gallery."""
        return next((each for each in self.outputs if each.shown_as == "picture"), None)


def view_of(job: Mapping[str, Any]) -> JobView:
    """The view of a job's document."""
    result = job.get("result") or {}
    facts = {
        name: value
        for name, value in result.items()
        if isinstance(value, _SCALARS) and len(str(value)) <= _FACT
    }
    return JobView(
        document=job,
        title=title_of(job),
        outputs=tuple(_output(each) for each in job.get("artifacts") or ()),
        live=job["status"] in ("queued", "running"),
        took=_took(job),
        facts=tuple((name.replace("_", " ").capitalize(), str(value)) for name, value in facts.items()),
        structured={name: value for name, value in result.items() if name not in facts},
    )


def title_of(job: Mapping[str, Any]) -> str:
    """What was asked for, in one line: the prompt, or the input's first values."""
    given = job.get("input") or {}
    for name in ("prompt", "text", "lyrics"):
        if isinstance(given.get(name), str) and given[name].strip():
            return _short(" ".join(given[name].split()))
    told = [
        (name, value) for name, value in given.items() if not (isinstance(value, str) and not value.strip())
    ]
    said = ", ".join(f"{name} = {value}" for name, value in told[:3])
    return _short(f"{job['model']}: {said}" if said else str(job["model"]))


def waiting_line(job: Mapping[str, Any], queues: Sequence[Mapping[str, Any]]) -> str:
    """Why a queued job is not running yet, honestly. queues: those of `GET /v1/queues`."""
    queue = next((each for each in queues if each["name"] == job["queue"]), None)
    place = job.get("queue_position")
    if place is None:
        first = f"Attempt {job['attempts']} ended; waiting for the next one" if job["attempts"] else "Queued"
    elif place <= 1:
        first = "Next in line"
    else:
        first = f"Queued behind {place - 1} {'other' if place == 2 else 'others'}"
    return f"{first}; {workers_line(queue)}." if queue is not None else f"{first}."


def workers_line(queue: Mapping[str, Any]) -> str:
    """How many workers serve a queue, in words."""
    workers = queue["workers"]
    if not workers:
        return "no worker is connected"
    return "1 worker is connected" if workers == 1 else f"{workers} workers are connected"


def size_of(size_bytes: int) -> str:
    """A size for people: 312 B, 4.1 KB, 2.0 MB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.1f} KB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def duration_of(seconds: float) -> str:
    """A duration for people: 840 ms, 3.2 s, 4 min 10 s."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _output(artifact: Mapping[str, Any]) -> Output:
    media_type = str(artifact["media_type"]).partition(";")[0].strip().lower()
    details = artifact.get("details") or {}
    sides = [details.get("width"), details.get("height")]
    return Output(
        name=artifact["name"],
        url=artifact["url"],
        media_type=media_type,
        size=size_of(artifact["size_bytes"]),
        size_bytes=artifact["size_bytes"],
        sha256=artifact["sha256"],
        shown_as=_shown_as(media_type),
        small=all(isinstance(side, int) and side <= _SMALL_PICTURE for side in sides),
    )


def _shown_as(media_type: str) -> str:
    if media_type in _PICTURES:
        return "picture"
    if media_type.startswith("audio/"):
        return "sound"
    if media_type.startswith("video/"):
        return "video"
    return "text" if media_type.startswith(_TEXTS) and media_type != "text/html" else "file"


def _took(job: Mapping[str, Any]) -> str:
    if not job.get("started_at") or not job.get("finished_at"):
        return ""
    started, finished = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return duration_of((finished - started).total_seconds())


def _short(text: str) -> str:
    return text if len(text) <= _TITLE else text[: _TITLE - 1].rstrip() + "…"
