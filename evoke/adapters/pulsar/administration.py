"""The broker's admin REST API: topics, subscriptions and policies. Every call blocks, for a bounded time."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from evoke.adapters.pulsar.identity import CONTINUES, IDENTITY, drawn, epoch_of
from evoke.adapters.pulsar.place import ARCHIVE, BACKSTOP, WORKERS, Place
from evoke.domain import topics
from evoke.domain.errors import NotFound, Unavailable
from evoke.domain.topics import Lane

TIMEOUT_S, PREPARE_S = 5.0, 60.0
"""Longest wait for an answer: of those who serve, and of who prepares a broker that has perhaps just started."""
_EARLIEST = {"ledgerId": -1, "entryId": -1, "partitionIndex": -1}


class AnswersLate(Unavailable):
    """The admin API took a call and did not answer it in time."""


class Administration:
    """Talks to one cluster. Raises NotFound for what is not there, Unavailable for all else."""

    def __init__(self, place: Place, timeout_s: float = TIMEOUT_S) -> None:
        """timeout_s: how long to wait for each answer."""
        self._place = place
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context(cafile=place.ca_file) if "https:" in place.admin_url else None

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API below `/admin/v2/`; return its answer. `Unavailable.__cause__` tells what went wrong."""
        request = urllib.request.Request(  # noqa: S310  # an operator's setting, not a stranger's
            f"{self._place.admin_url.rstrip('/')}/admin/v2/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        if self._place.token is not None:
            request.add_header("Authorization", f"Bearer {self._place.token}")
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s, context=self._tls) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise self._refusal(error, path) from error
        except (OSError, ValueError) as error:
            late = isinstance(getattr(error, "reason", error), TimeoutError)
            raise (AnswersLate if late else Unavailable)(
                f"Pulsar's admin API at {self._place.admin_url} does not answer: {error}"
            ) from error
        return json.loads(text) if text else None

    def of_topic(self, method: str, name: str, rest: str, body: object = None) -> Any:
        """Call the API of one durable topic."""
        return self.call(method, f"persistent/{self._namespace}/{quote(name, safe='')}{rest}", body)

    @property
    def _namespace(self) -> str:
        return f"{quote(self._place.tenant, safe='')}/{quote(self._place.namespace, safe='')}"

    def last(self, name: str) -> tuple[int, int, int] | None:
        """Ledger, entry and index of a topic's newest message; None for an empty topic, and one that is not there."""
        try:
            found = self.of_topic("GET", name, "/lastMessageId")
        except NotFound:
            return None
        if found["entryId"] < 0:
            return None
        return found["ledgerId"], found["entryId"], found.get("batchIndex", -1)

    def acknowledged(self, name: str) -> tuple[int, int] | None:
        """Ledger and entry up to which the archive's subscription has let go of a topic."""
        try:
            cursors = self.of_topic("GET", name, "/internalStats")["cursors"]
        except NotFound:
            return None
        if ARCHIVE not in cursors:
            return None
        ledger, _, entry = cursors[ARCHIVE]["markDeletePosition"].partition(":")
        return int(ledger), int(entry)

    def let_go(self, name: str, ledger: int, entry: int) -> None:
        """Let the broker delete what is before that entry of a topic."""
        body = {"ledgerId": ledger, "entryId": entry, "partitionIndex": -1}
        self.of_topic("POST", name, f"/subscription/{ARCHIVE}/resetcursor", body)

    def reach(self, name: str) -> tuple[int, int] | None:
        """Ledger and entry behind which a topic's next message will lie; None for a topic that is not there."""
        try:
            found = self.of_topic("GET", name, "/internalStats")
        except NotFound:
            return None
        ledger, _, entry = found["lastConfirmedEntry"].partition(":")
        return int(ledger), int(entry)

    def require_identity(self) -> str:
        """Which log the namespace holds. Raises Unavailable unless it was prepared."""
        name = f"{self._place.tenant}/{self._place.namespace}"
        try:
            found = self._properties().get(IDENTITY)
        except NotFound:
            raise Unavailable(f"Pulsar has no namespace {name}: run `evoke admin init`") from None
        if found is None:
            raise Unavailable(f"Pulsar's namespace {name} is not prepared: run `evoke admin init`")
        return found

    def continues(self, archived: str) -> bool:
        """Whether the log of a prepared namespace was made the one that follows another."""
        return self._properties().get(CONTINUES) == archived

    def continue_from(self, archived: str) -> None:
        """Make the log of a prepared namespace the one that follows another. Done again, it changes nothing.

        archived: identity of the log that the archive is of. Raises LogCorrupt when it is none.
        """
        if not self.continues(archived):
            # Both in one step: who is killed here has done all of it, or nothing.
            told = {IDENTITY: drawn(epoch_of(archived) + 1), CONTINUES: archived}
            self.call("PUT", f"namespaces/{self._namespace}/properties", told)

    def _properties(self) -> dict[str, str]:
        return dict(self.call("GET", f"namespaces/{self._namespace}/properties") or {})

    def require_kept(self, name: str) -> None:
        """Raises Unavailable unless the topic is there and keeps what is not archived: else appends could be lost."""
        wanted = WORKERS if name.startswith("retry_requested_") else ARCHIVE
        try:
            found = self.of_topic("GET", name, "/subscriptions")
        except NotFound:
            found = []
        if wanted not in found:
            raise Unavailable(f"Pulsar's topic {name} is not prepared: run `evoke admin init`")

    def stats(self, name: str) -> dict[str, Any]:
        """Figures of the workers' subscription of a topic; empty where there is none."""
        try:
            found = self.of_topic("GET", name, "/stats?getPreciseBacklog=true&getEarliestTimeInBacklog=true")
        except NotFound:
            return {}
        return dict(found["subscriptions"].get(WORKERS, {}))

    def prepare(self, queues: Sequence[str]) -> Iterator[str]:
        """Make what is missing for these queues; yield a line for each thing that was made or is there."""
        tenant, namespace = quote(self._place.tenant, safe=""), self._namespace
        clusters = [name for name in self.call("GET", "clusters") if name != "global"]
        if not clusters:
            raise Unavailable(f"Pulsar at {self._place.admin_url} has no cluster yet: it is still starting")
        grant = {"adminRoles": [], "allowedClusters": clusters}
        yield self._make(f"tenant {self._place.tenant}", f"tenants/{tenant}", grant)
        # Made with its identity: of two who prepare it at once, the second finds the first one's.
        named = {"properties": {IDENTITY: drawn(0)}}
        place = f"{self._place.tenant}/{self._place.namespace}"
        yield self._make(f"namespace {place}", f"namespaces/{namespace}", named)
        if IDENTITY not in self._properties():  # made by an evoke that knew of no identities
            self.call("PUT", f"namespaces/{namespace}/properties", {**self._properties(), IDENTITY: drawn(0)})
        yield f"log: {self.require_identity()}"
        # What the archive has not acknowledged stays for ever; what it has needs to be kept no longer.
        retention = {"retentionTimeInMinutes": 0, "retentionSizeInMB": 0}
        self.call("POST", f"namespaces/{namespace}/retention", retention)
        self.call("POST", f"namespaces/{namespace}/messageTTL", 0)
        self.call("POST", f"namespaces/{namespace}/subscriptionExpirationTime", 0)
        yield "policies: nothing unacknowledged is ever dropped, no time to live, subscriptions do not expire"
        if self._place.backlog_bytes is not None:
            quota = {"limitSize": self._place.backlog_bytes, "limitTime": -1, "policy": "producer_exception"}
            self.call(
                "POST", f"namespaces/{namespace}/backlogQuota?backlogQuotaType=destination_storage", quota
            )
            yield f"quota: appends are refused while {self._place.backlog_bytes} bytes of a topic wait"
        for queue in queues:
            for name, holders in wanted(queue, self._place.parts):
                yield self._make_topic(name, holders)

    def _make_topic(self, name: str, holders: Sequence[str]) -> str:
        path = f"persistent/{self._namespace}/{quote(name, safe='')}"
        said = self._make(f"topic {name}", path)
        made = [
            holder
            for holder in holders
            if self._make("", f"{path}/subscription/{holder}", _EARLIEST).endswith("made")
        ]
        return f"{said}; subscriptions made: {', '.join(made)}" if made else said

    def _make(self, what: str, path: str, body: object = None) -> str:
        try:
            self.call("PUT", path, body)
        except Unavailable as error:
            if not _exists(error):
                raise
            return f"{what}: there"
        return f"{what}: made"

    def _refusal(self, error: urllib.error.HTTPError, path: str) -> Unavailable | NotFound:
        reason = error.read(500).decode(errors="replace")
        if error.code in (401, 403):
            return Unavailable(f"Pulsar's admin API refuses this token (EVOKE_PULSAR_TOKEN): {error.code}")
        if error.code == 404:
            return NotFound(f"Pulsar knows no {path}: {reason}")
        return Unavailable(f"Pulsar's admin API answers {error.code} to {path}: {reason}")


def wanted(queue: str, parts: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The durable topics of a queue with their subscriptions."""
    requests = {topics.requested(queue, lane, part) for lane in Lane for part in range(parts)}
    for name in topics.logged(queue, parts):
        yield name, (ARCHIVE, WORKERS) if name in requests else (ARCHIVE,)
    yield topics.retry_requested(queue), (WORKERS,)
    yield f"{BACKSTOP}_{queue}", (ARCHIVE,)


def _exists(error: Unavailable) -> bool:
    """Whether what was to be made is there. Who makes it at the same time as another is told so by a 500."""
    if not isinstance(error.__cause__, urllib.error.HTTPError):
        return False
    return error.__cause__.code == 409 or "AlreadyExistsException" in str(error)
