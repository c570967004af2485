"""Where Trino is, and who asks there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from evoke.domain.errors import InvalidInput


@dataclass(frozen=True)
class Place:
    """A coordinator, the archive's catalog and namespace there, and the identities that ask it.

    user: evoke's own, which reads the whole table. tenant_user: what the names of those users begin with that run
    the SQL of tenants; the tenant's name in hexadecimal UTF-8 follows, so that Trino's rules can filter rows by it.
    password and token: of `user`, who impersonates the others. ca_file: certificates to check Trino's by.
    """

    url: str
    catalog: str
    namespace: str
    user: str
    tenant_user: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput for a URL that cannot be used."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                "EVOKE_TRINO_URL", f"{self.url!r} is not http://HOST:PORT or https://HOST:PORT"
            )
        if parts.username is not None or parts.password is not None:
            raise InvalidInput("EVOKE_TRINO_URL", "must hold no credentials; set EVOKE_TRINO_PASSWORD")
        if parts.scheme == "http" and (self.password or self.token):
            raise InvalidInput("EVOKE_TRINO_URL", "must be https:// where a password or token is sent")

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """Name or address of the coordinator."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port of the URL, or that of its scheme."""
        return urlsplit(self.url).port or (443 if self.scheme == "https" else 80)

    def user_of(self, tenant: str) -> str:
        """Return the user that runs a tenant's SQL."""
        return f"{self.tenant_user}{tenant.encode().hex()}"
