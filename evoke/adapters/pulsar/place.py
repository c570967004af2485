"""Where a Pulsar is, how to enter, and what its topics are called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pulsar

from evoke.domain.errors import EvokeError, InvalidInput, StorageFull, Unavailable

ARCHIVE = "archive"
"""Durable subscription of every topic of the log: the broker keeps what it has not acknowledged."""
WORKERS = "workers"
"""Shared subscription of a queue's topics of requests."""

BACKSTOP = "backstop"
"""Beginning of the topics to which the broker moves a request that comes again and again: see `most_redeliveries`."""

CALL_S = 10.0
"""Longest wait for the broker's answer to one call."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """url: `pulsar://` or `pulsar+ssl://`. admin_url: the broker's web service. token: a JSON web token.

    ca_file: certificates to trust; None: those of the system. listener: the brokers' advertised listener to use.
    backlog_bytes: quota of each topic's unacknowledged bytes; None: the broker's own. most_redeliveries: how often a
    request may be given back before it is moved to the backstop's topic. parts: of each queue's topics.
    """

    url: str
    admin_url: str
    tenant: str
    namespace: str
    token: str | None = None
    ca_file: Path | None = None
    listener: str | None = None
    backlog_bytes: int | None = None
    most_redeliveries: int = 100_000
    parts: int = 1

    def topic(self, name: str) -> str:
        """A durable topic's full name."""
        return f"persistent://{self.tenant}/{self.namespace}/{name}"

    def passing_topic(self, name: str) -> str:
        """The full name of a topic that stores nothing."""
        return f"non-persistent://{self.tenant}/{self.namespace}/{name}"

    def backstop(self, queue: str) -> str:
        """The full name of the topic of a queue's requests that nobody could ever keep."""
        return self.topic(f"{BACKSTOP}_{queue}")

    def client_options(self) -> dict[str, Any]:
        """Arguments of a client; it connects at its first use."""
        options: dict[str, Any] = {
            "operation_timeout_seconds": int(CALL_S),
            "connection_timeout_ms": 5000,
            "logger": pulsar.FileLogger(
                pulsar.LoggerLevel.Error, os.devnull
            ),  # errors are raised, and told there
        }
        if self.token is not None:
            options["authentication"] = pulsar.AuthenticationToken(self.token)
        if self.ca_file is not None:
            options["tls_trust_certs_file_path"] = str(self.ca_file)
        if self.listener is not None:
            options["listener_name"] = self.listener
        if self.url.startswith("pulsar+ssl:"):
            options["tls_validate_hostname"] = True
        return options


_REFUSED = ("AuthenticationError", "AuthorizationError")
_FULL = ("ProducerBlockedQuotaExceededError", "ProducerBlockedQuotaExceededException")


def translated(error: object, what: str) -> EvokeError:
    """What an error of the client, a `Result` or an exception, means to evoke."""
    name = getattr(error, "name", None) or type(error).__name__
    if name in _REFUSED:
        return Unavailable(f"{what}: the broker refuses this process's token (EVOKE_PULSAR_TOKEN): {name}")
    if name in _FULL:
        return StorageFull(f"{what}: the backlog's quota is used up")
    if name == "MessageTooBig":
        return InvalidInput("payload", "is larger than the broker takes")
    if name == "ProducerQueueIsFull":
        return Unavailable(f"{what}: too much is under way already")
    return Unavailable(f"{what}: {name}")
