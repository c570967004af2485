"""Statements on Trino over its client: one thread each, bounded waits, and an interrupt that ends the server's work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from trino.auth import Authentication, BasicAuthentication, JWTAuthentication
from trino.client import ClientSession, TrinoRequest, TrinoStatus

from evoke.adapters.trino.errors import translated
from evoke.adapters.trino.place import Place
from evoke.domain.errors import Unavailable

CONNECT_S, ANSWER_S = 3.0, 10.0
"""How long a connection and an answer may take: the server answers within a second, if only that it is at work."""
ATTEMPTS = 2
"""How often a request is sent: a coordinator may say that it is busy."""
SOURCE = "evoke"

Column = Mapping[str, Any]
"""`name`, `type` and `typeSignature` of a column, as Trino tells them."""


@dataclass(frozen=True)
class Batch:
    """Rows of an answer as Trino's JSON has them. columns are empty while they are not known."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


class Session:
    """One piece of work's statements, one after the other. `interrupt` ends the one that runs."""

    def __init__(self, place: Place, http: requests.Session) -> None:
        self._place = place
        self._http = http
        self._lock = threading.Lock()
        self._interrupted = False
        self._cancel: Callable[[], object] | None = None

    def batches(self, sql: str, user: str, properties: Mapping[str, str]) -> Generator[Batch, None, None]:
        """Run a statement as a user and yield its answer piece by piece; closing the iterator ends it.

        Raises evoke's errors, NoArchive, OutOfTime, FilesGone.
        """
        request = self._request(user, properties)
        try:
            status = request.process(request.post(sql))
            while True:
                self._running(request, status)
                yield Batch(status.columns or (), status.rows if isinstance(status.rows, list) else ())
                if status.next_uri is None:
                    return
                status = request.process(request.get(status.next_uri))
        except GeneratorExit:
            self._end()
            raise
        except Unavailable:
            raise
        except Exception as error:
            if self._interrupted:
                raise Unavailable("the query was cancelled") from error
            raise translated(error) from error
        finally:
            self._cancel = None

    def rows(
        self, sql: str, user: str | None = None, properties: Mapping[str, str] | None = None
    ) -> list[Sequence[Any]]:
        """Run a statement, as evoke's own user by default, and return all its rows. Raises as `batches`."""
        found = self.batches(sql, user or self._place.user, properties or {})
        return [row for batch in found for row in batch.rows]

    def interrupt(self) -> None:
        """Stop, from any thread, without waiting: the server ends the statement, and none that follows is begun."""
        with self._lock:
            self._interrupted = True
            under_way = self._cancel is not None
        if under_way:
            threading.Thread(target=self._end, name="history-cancel", daemon=True).start()

    def _running(self, request: TrinoRequest, status: TrinoStatus) -> None:
        with self._lock:
            self._cancel = None if status.next_uri is None else partial(request.delete, status.next_uri)
            interrupted = self._interrupted
        if interrupted:
            self._end()
            raise Unavailable("the query was cancelled")

    def _end(self) -> None:
        with self._lock:
            cancel, self._cancel = self._cancel, None
        if cancel is None:
            return
        try:
            cancel()
        except requests.RequestException:
            # The server cannot be told; it ends a statement by itself whose client asks no more.
            return

    def _request(self, user: str, properties: Mapping[str, str]) -> TrinoRequest:
        if self._interrupted:
            raise Unavailable("the query was cancelled")
        place = self._place
        asked_by = ClientSession(user=user, source=SOURCE, timezone="UTC", properties=dict(properties))
        return TrinoRequest(
            place.host,
            place.port,
            asked_by,
            http_session=self._http,
            http_scheme=place.scheme,
            auth=_authentication(place),
            max_attempts=ATTEMPTS,
            request_timeout=(CONNECT_S, ANSWER_S),
        )


@contextmanager
def session(place: Place) -> Iterator[Session]:
    """Make a session, and close its connections in the end."""
    with requests.Session() as http:
        # What is trusted and which secret is sent is evoke's settings' to say, not the environment's or a .netrc's.
        http.trust_env = False
        http.verify = True if place.ca_file is None else str(place.ca_file)
        yield Session(place, http)


def _authentication(place: Place) -> Authentication | None:
    if place.password is not None:
        return BasicAuthentication(place.user, place.password)
    return None if place.token is None else JWTAuthentication(place.token)
