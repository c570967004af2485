"""Idempotency keys: who was first, by the order of the log."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from evoke.domain.events import Requested

_ENTRY_BYTES = 420


class Claim(msgspec.Struct, frozen=True, gc=False):
    """The job that holds a key, the digest of its body, and when it was submitted (Unix ms)."""

    job_id: str
    body_digest: str | None
    time_ms: int


class KeyIndex:
    """Keys of the last while, oldest first. The first submission with a tenant's key holds it.

    Submissions are to be offered in log order. Keys older than the window are forgotten, and the oldest
    ones too when there are more than `bound_bytes` hold.
    """

    def __init__(self, window_ms: float, bound_bytes: int) -> None:
        self._window_ms = window_ms
        self._bound = max(1, bound_bytes // _ENTRY_BYTES)
        self._claims: OrderedDict[tuple[str, str], Claim] = OrderedDict()

    def offer(self, event: Requested) -> None:
        """Note a submission that was read from the log."""
        if event.idempotency_key is None:
            return
        place = (event.tenant, event.idempotency_key)
        known = self._claims.get(place)
        if known is not None and known.time_ms + self._window_ms >= event.time_ms:
            return
        if known is not None:
            del self._claims[place]
        self._claims[place] = Claim(event.job_id, event.body_digest, event.time_ms)
        while len(self._claims) > self._bound:
            self._claims.popitem(last=False)

    def holder(self, tenant: str, key: str) -> Claim | None:
        """Who holds a tenant's key."""
        return self._claims.get((tenant, key))

    def forget_before(self, time_ms: float) -> None:
        """Forget keys of submissions before that Unix time in ms."""
        while self._claims:
            place = next(iter(self._claims))
            if self._claims[place].time_ms >= time_ms:
                return
            del self._claims[place]

    def __len__(self) -> int:
        return len(self._claims)
