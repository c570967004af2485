"""Which engine `evoke up` runs on, where its servers are, and what its processes must know of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from evoke.domain.errors import InvalidInput
from evoke.settings import PREFIX, Settings

OWN = ("pulsar_url", "pulsar_admin_url", "s3_bucket", "s3_endpoint", "catalog_uri", "trino_url")
"""Who sets one of these has servers of their own: the local stack's are then not looked for."""


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """settings: as this process has them, with the servers' addresses. kept_in: where the data lie, for people.

    environment: variables that the processes need beside the user's own; hidden: those of the user that they must
    not get.
    """

    settings: Settings
    kept_in: str
    environment: Mapping[str, str] = {}
    hidden: tuple[str, ...] = ()

    def applied_to(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment of evoke's own processes."""
        left = {name: value for name, value in environment.items() if not name.startswith(self.hidden)}
        return {**left, **self.environment, f"{PREFIX}ENGINE": self.settings.engine}


def chosen_engine(settings: Settings, environment: Mapping[str, str]) -> Engine:
    """Return the engine of these settings. environment: this process's own, where users name servers of their own.

    Raises InvalidInput when the local stack is asked for and not all of it is up.
    """
    if settings.engine == "embedded":
        return Engine(settings=settings, kept_in=str(settings.data_dir.resolve()))
    if any(f"{PREFIX}{name.upper()}" in environment for name in OWN):
        return Engine(settings=settings, kept_in="the servers that EVOKE_* name")
    return _on_local_stack(settings, environment)


def _on_local_stack(settings: Settings, environment: Mapping[str, str]) -> Engine:
    try:
        from infrastructure.local.stack import evoke_settings
        from infrastructure.local.stack.cache import cache_folder
        from infrastructure.local.stack.stack import Stack, stack_folder
    except ModuleNotFoundError:
        raise _no_servers("this installation has no local stack", None) from None
    stack = Stack(stack_folder(), cache_folder())
    if silent := stack.silent():
        raise _no_servers(f"{', '.join(silent)} of the local stack does not answer", stack.folder)
    ports = stack.known_ports()
    given = {
        name: value
        for name, value in evoke_settings.addresses(ports, stack.host).items()
        if f"{PREFIX}{name.upper()}" not in environment
    }
    return Engine(
        settings=settings.model_copy(update=given),
        kept_in="the servers of the local stack",
        environment=evoke_settings.environment(ports, stack.host) | _set_by_user(environment),
        # Credentials for some other place would be sent to the local server, and refused.
        hidden=("AWS_",),
    )


def _set_by_user(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(PREFIX)}


def _no_servers(what: str, folder: Path | None) -> InvalidInput:
    looked = f" (asked of {folder})" if folder is not None else ""
    return InvalidInput(
        "EVOKE_ENGINE (--engine)",
        f"'distributed' needs servers, and {what}{looked}; start it by `make stack` (`evoke stack up`), or name "
        f"servers of your own by {', '.join(f'{PREFIX}{name.upper()}' for name in OWN)}",
    )
