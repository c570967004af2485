"""Who asks. Without a file of keys everybody is one tenant who may do everything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from evoke.domain.errors import InvalidInput
from services.api.exchange import Exchange, Principal
from services.api.key_file import KeyFile
from services.api.problems import Refusal

_log = logging.getLogger(__name__)
_REFRESH_S = 2.0
_KEY_HEADERS = (b"x-api-key", b"api-key", b"api_key")
DEFAULT_TENANT = "default"
_EVERYBODY = Principal(DEFAULT_TENANT, frozenset({"*"}))
_CHALLENGE = [(b"www-authenticate", b'Bearer realm="evoke"')]


class Authentication:
    """Tells the principal of a request."""

    def __init__(self, keys: KeyFile | None, clock_ms: Callable[[], int]) -> None:
        self._keys = keys
        self._clock_ms = clock_ms

    @property
    def tenants(self) -> Sequence[str]:
        """All tenants whose past matters, and the empty one, to which undecodable requests belong."""
        return ("", *(self._keys.tenants if self._keys else (DEFAULT_TENANT,)))

    def refresh(self) -> None:
        """Read the keys again where their file has changed; what can't be read leaves them as they were."""
        if self._keys is None:
            return
        try:
            self._keys.refresh()
        except InvalidInput as error:
            _log.error("the API keys cannot be read, those known stay valid: %s", error)

    async def keep_fresh(self) -> None:
        """Read the keys again whenever their file has changed, until cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_S)
            await asyncio.to_thread(self.refresh)

    def principal(self, exchange: Exchange, scope: str) -> Principal:
        """Who asks. Raises Refusal: 401 without a valid key, 403 when the key has not the scope."""
        if self._keys is None:
            return _EVERYBODY
        key = _key_of(exchange)
        stored = self._keys.find(key, self._clock_ms()) if key else None
        if stored is None:
            raise Refusal(
                401, "unauthorized", "a valid API key is needed: Authorization: Bearer evoke_…", _CHALLENGE
            )
        principal = Principal(stored.tenant, stored.scopes, stored.id)
        if not principal.may(scope):
            raise Refusal(403, "forbidden", f"this key has not the scope {scope!r}")
        return principal


def _key_of(exchange: Exchange) -> str:
    """The key of a request: as a bearer token, or in a header of its own as older clients send it."""
    kind, _, key = (exchange.header(b"authorization") or "").partition(" ")
    if kind.lower() == "bearer":
        return key.strip()
    return next((found for name in _KEY_HEADERS if (found := (exchange.header(name) or "").strip())), "")
