"""The doors of sound: `/audio/sounds/` and `/audio/music/`."""

from __future__ import annotations

import msgspec

from evoke.domain.job import Job
from services.api.context import Context
from services.api.input_files import InputFiles
from services.api.listing import Listing
from services.api.lookup import Lookup
from services.api.routes.examples import ID
from services.api.routes.generation_door import (
    GenerationDocument,
    GenerationDoor,
    Manners,
    artifact_urls,
    common_parts,
)
from services.api.schemas.jobs import ErrorDocument
from services.api.submission import Submissions

FILE = "audio"


class AudioDocument(GenerationDocument, frozen=True, kw_only=True):
    """A request and its sound.

    audio_url: the sound, null until done; audio_urls: the same as a list, as pictures have it.
    """

    audio_url: str | None
    audio_urls: list[str]
    error: ErrorDocument | None


class AudioPage(msgspec.Struct, frozen=True):
    """Requests, newest first. next: the cursor of the next page, null on the last."""

    items: list[AudioDocument]
    next: str | None


def audio_doors(
    context: Context, submissions: Submissions, lookup: Lookup, listing: Listing, files: InputFiles
) -> tuple[GenerationDoor, ...]:
    """Both doors, with and without a slash at the end."""
    return tuple(
        GenerationDoor(context, submissions, lookup, listing, files, manners) for manners in (_SOUNDS, _MUSIC)
    )


def _document(job: Job, origin: str) -> AudioDocument:
    urls = artifact_urls(job, origin)
    return AudioDocument(**common_parts(job), audio_url=urls[0] if urls else None, audio_urls=urls)


def _manners(name: str, task: str, things: str, prompt: str, model: str) -> Manners:
    settings = {"prompt": prompt, "duration_s": 4, "seed": 7, "format": "ogg", "model": model}
    return Manners(
        name=name,
        task=task,
        path=f"/audio/{name}",
        things=things,
        document=AudioDocument,
        page=AudioPage,
        said="`generation_settings` are those of the model (the default one when `model` is absent); numbers may be "
        "given as strings. `metadata.grouping` puts requests together. As a form, with `generation_settings` and "
        f"`metadata` as JSON, a request may bring a clip in the field `{FILE}` (16 MiB at most): it is continued.",
        submission={
            "generation_settings": {**settings, "duration_s": "4"},
            "metadata": {"grouping": "first-tries"},
        },
        example={
            "id": ID,
            "status": "succeeded",
            "metadata": {"grouping": "first-tries"},
            "request_time": "2026-01-31T12:00:00.000Z",
            "complete_time": "2026-01-31T12:00:02.310Z",
            "generation_settings": settings,
            "audio_url": f"http://localhost:8000/v1/jobs/{ID}/artifacts/0",
            "audio_urls": [f"http://localhost:8000/v1/jobs/{ID}/artifacts/0"],
            "error": None,
        },
        make=_document,
        file=FILE,
    )


_SOUNDS = _manners("sounds", "text-to-sound", "sounds", "a fast high pitched siren", "sounds-16k")
_MUSIC = _manners("music", "text-to-music", "music", "a calm piano melody", "musicgen-small")
