"""Which failures are tried again, and when. Retries are evoke's own, not the broker's."""

from __future__ import annotations

import msgspec

from evoke.domain.errors import ErrorClass

RETRYABLE = frozenset(
    {
        ErrorClass.OUT_OF_MEMORY,
        ErrorClass.MODEL_LOST,
        ErrorClass.MODEL_ERROR,
        ErrorClass.STORAGE,
        ErrorClass.INTERNAL,
    }
)


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential back-off with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015).

    max_attempts: how often a job may run in all. base_s and cap_s: seconds.
    """

    max_attempts: int = 3
    base_s: float = 1.0
    cap_s: float = 60.0

    def delay_s(self, error: ErrorClass, attempts: int, uniform: float) -> float | None:
        """Seconds to wait before the next attempt after `attempts` counted ones, None when there is none.

        uniform: a random number in [0, 1).
        """
        if error not in RETRYABLE or attempts >= self.max_attempts:
            return None
        return uniform * min(self.cap_s, self.base_s * 2.0 ** (attempts - 1))
