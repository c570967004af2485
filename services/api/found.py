"""A job that was found or made."""

from __future__ import annotations

import msgspec

from evoke.domain.job import Job
from evoke.hot_view import HotJob


class Found(msgspec.Struct, frozen=True):
    """A job and, while it is in the hot view, its place there."""

    job: Job
    hot: HotJob | None


class Fresh(Found, frozen=True):
    """A job that this process has just appended: it is in the hot view."""

    hot: HotJob
