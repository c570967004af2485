"""Whether the log goes on from where the archive ends: asked before anybody reads on behind the archive's watermark.

The watermark holds positions. In another log, or in one that was set back, the next events would lie before them, and
be taken for archived ones: they would be passed over without a word. See docs/decisions/0075.
"""

from __future__ import annotations

from evoke.domain.errors import LogReplaced
from evoke.ports.event_log import Cursors, EventLog

RESTORED = "evoke_restored"
"""Property of an entry that a restore has told again: which log it was in. It is archived since then."""
NAMELESS = "0-nameless"
"""What an archive is said to be of that was begun before logs had identities, once its log is lost."""

_WHAT_TO_DO = "stop every process of evoke and run `evoke admin restore` (docs/operations.md)"


async def require_continued(log: EventLog, archived: str | None, cursors: Cursors) -> str | None:
    """Return the log's identity. Raises LogReplaced when what is appended next could be passed over; Unavailable.

    archived: which log the archive is of, None when it does not tell. cursors: from where the log is to be read on.
    """
    identity = await log.identity()
    if archived is not None and archived != identity:
        raise LogReplaced(
            f"the archive is of the log {archived}, and this is the log {identity}: {_WHAT_TO_DO}"
        )
    if behind := await log.ends_before(cursors):
        raise LogReplaced(
            f"the log ends before what the archive has of {', '.join(sorted(behind)[:3])}: it was lost or set back; "
            f"{_WHAT_TO_DO}"
        )
    return identity
