"""Names of a queue's topics. `requested_`, `dlq_requested_` and `completed_` are known to existing users.

A queue's topics may have several parts, so that several brokers share its load. All events of a job lie in the same
part of each topic: order is promised per job. The first part has the topic's plain name.
"""

from __future__ import annotations

import re
import zlib
from enum import StrEnum

BULK_SUFFIX = "_bulk"
"""What the topic of a queue's bulk lane has at its end, and hence no queue's name may have."""


_PART = "-part-"


class Lane(StrEnum):
    """A queue's two lanes: workers drain `interactive` first and `bulk` at a fixed weight."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


def part_of(key: str, parts: int) -> int:
    """The part, from 0, of so many that a job with this id belongs to; it is the same in every process."""
    return zlib.crc32(key.encode(errors="surrogatepass")) % parts if parts > 1 else 0


def in_part(topic: str, part: int) -> str:
    """The name of a part of a topic."""
    return f"{topic}{_PART}{part}" if part else topic


def requested(queue: str, lane: Lane = Lane.INTERACTIVE, part: int = 0) -> str:
    """Topic of submissions: both the queue and the log of them."""
    topic = f"requested_{queue}" if lane is Lane.INTERACTIVE else f"requested_{queue}{BULK_SUFFIX}"
    return in_part(topic, part)


def names_a_lane(queue: str) -> bool:
    """Whether a queue of that name would share a topic with another queue's bulk lane, or with a part of its topics.

    No other two topics can be the same: every kind has its own beginning, and only lanes and parts have an ending.
    """
    return queue.endswith(BULK_SUFFIX) or re.search(rf"{_PART}\d+$", queue) is not None


def retry_requested(queue: str) -> str:
    """Topic of requests that wait for their next attempt; a queue only, no part of the log."""
    return f"retry_requested_{queue}"


def attempts(queue: str, part: int = 0) -> str:
    """Topic of what workers begin, fail and give up."""
    return in_part(f"attempts_{queue}", part)


def completed(queue: str, part: int = 0) -> str:
    """Topic of terminal events; the first one of a job is the one that counts."""
    return in_part(f"completed_{queue}", part)


def dead_letters(queue: str) -> str:
    """Topic of requests that were given up, their replays and their purges. It has one part."""
    return f"dlq_requested_{queue}"


def progress(queue: str) -> str:
    """Topic of progress; never stored."""
    return f"progress_{queue}"


def logged(queue: str, parts: int = 1) -> tuple[str, ...]:
    """All topics of a queue that belong to the log, hence are archived."""
    names: list[str] = []
    for part in range(parts):
        names += (requested(queue, Lane.INTERACTIVE, part), requested(queue, Lane.BULK, part))
        names += (attempts(queue, part), completed(queue, part))
    return (*names, dead_letters(queue))
