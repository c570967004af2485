"""The door that existing users know: `/images/`."""

from __future__ import annotations

import msgspec

from evoke.domain.job import Job
from services.api.context import Context
from services.api.input_files import InputFiles
from services.api.listing import Listing
from services.api.lookup import Lookup
from services.api.routes.examples import ID, PROMPT
from services.api.routes.generation_door import (
    GenerationDocument,
    GenerationDoor,
    Manners,
    artifact_urls,
    common_parts,
)
from services.api.schemas.jobs import ErrorDocument
from services.api.submission import Submissions

TASK = "text-to-image"
DOOR = "images"


class ImageDocument(GenerationDocument, frozen=True, kw_only=True):
    """A request and its pictures.

    image_url: the first picture, null until done. image_urls: batch_size x n_iters of them.
    """

    image_url: str | None
    image_urls: list[str]
    error: ErrorDocument | None


class ImagePage(msgspec.Struct, frozen=True):
    """Requests, newest first. next: the cursor of the next page, null on the last."""

    items: list[ImageDocument]
    next: str | None


def image_door(
    context: Context, submissions: Submissions, lookup: Lookup, listing: Listing, files: InputFiles
) -> GenerationDoor:
    """`/images`, with and without a slash at the end."""
    return GenerationDoor(context, submissions, lookup, listing, files, _MANNERS)


def _document(job: Job, origin: str) -> ImageDocument:
    urls = artifact_urls(job, origin)
    return ImageDocument(**common_parts(job), image_url=urls[0] if urls else None, image_urls=urls)


_SUBMISSION = {
    "generation_settings": {
        "prompt": PROMPT,
        "seed": 7,
        "steps": "20",
        "batch_size": "1",
        "model": "shapes-64",
    },
    "metadata": {"grouping": "first-tries"},
}
_IMAGE = {
    "id": ID,
    "status": "succeeded",
    "metadata": {"grouping": "first-tries"},
    "request_time": "2026-01-31T12:00:00.000Z",
    "complete_time": "2026-01-31T12:00:01.240Z",
    "generation_settings": {"prompt": PROMPT, "seed": 7, "steps": 20, "batch_size": 1, "model": "shapes-64"},
    "image_url": f"http://localhost:8000/v1/jobs/{ID}/artifacts/0",
    "image_urls": [f"http://localhost:8000/v1/jobs/{ID}/artifacts/0"],
    "error": None,
}
_MANNERS = Manners(
    name=DOOR,
    task=TASK,
    path="/images",
    things="pictures",
    document=ImageDocument,
    page=ImagePage,
    said="`generation_settings` are those of the model (the default one when `model` is absent); numbers may be given "
    "as strings. `metadata.grouping` puts requests together.",
    submission=_SUBMISSION,
    example=_IMAGE,
    make=_document,
)
