"""Names of a queue's topics. `requested_`, `dlq_requested_` and `completed_` are known to existing users."""

from __future__ import annotations

from enum import StrEnum

BULK_SUFFIX = "_bulk"
"""What the topic of a queue's bulk lane has at its end, and hence no queue's name may have."""


class Lane(StrEnum):
    """A queue's two lanes: workers drain `interactive` first and `bulk` at a fixed weight."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


def requested(queue: str, lane: Lane = Lane.INTERACTIVE) -> str:
    """Topic of submissions: both the queue and the log of them."""
    return f"requested_{queue}" if lane is Lane.INTERACTIVE else f"requested_{queue}{BULK_SUFFIX}"


def names_a_lane(queue: str) -> bool:
    """Whether a queue of that name would share its topic of submissions with another queue's bulk lane.

    No other two topics can be the same: every kind has its own beginning, and only the bulk lane has an ending.
    """
    return queue.endswith(BULK_SUFFIX)


def retry_requested(queue: str) -> str:
    """Topic of requests that wait for their next attempt; a queue only, no part of the log."""
    return f"retry_requested_{queue}"


def attempts(queue: str) -> str:
    """Topic of what workers begin, fail and give up."""
    return f"attempts_{queue}"


def completed(queue: str) -> str:
    """Topic of terminal events; the first one of a job is the one that counts."""
    return f"completed_{queue}"


def dead_letters(queue: str) -> str:
    """Topic of requests that were given up, their replays and their purges."""
    return f"dlq_requested_{queue}"


def progress(queue: str) -> str:
    """Topic of progress; never stored."""
    return f"progress_{queue}"


def logged(queue: str) -> tuple[str, ...]:
    """All topics of a queue that are part of the log, hence archived."""
    return (
        requested(queue, Lane.INTERACTIVE),
        requested(queue, Lane.BULK),
        attempts(queue),
        completed(queue),
        dead_letters(queue),
    )
