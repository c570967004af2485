"""The HTTP client of the `evoke` command: JSON in and out, and errors that say what to do."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from cli.failures import CommandFailed, Refused, Unreachable, Usage

CONNECT_S, ANSWER_S, EVENT_GAP_S = 5.0, 75.0, 60.0
SUBMIT_TRIES = 4
RETRY_S = 0.5
PAGE_ITEMS = 100


class Connection:
    """One evoke API. url: where it answers; key: sent as a bearer token when there is one."""

    def __init__(self, url: str, key: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise Usage(f"EVOKE_URL must be an http:// or https:// address, got {url!r}")
        self.url = url.rstrip("/")
        headers = {"user-agent": "evoke-cli", "accept": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET a path and return its JSON. Raises Unreachable, Refused."""
        return self._json(self.request("GET", path, params=dict(params or {})))

    def pages(self, path: str, params: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """The items of a list, over as many pages as `limit` items take. Raises Unreachable, Refused."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            wanted = {**params, "limit": min(PAGE_ITEMS, limit - len(items))}
            page = self.get(path, wanted if cursor is None else {**wanted, "cursor": cursor})
            items += page["items"]
            cursor = page.get("next")
            if cursor is None or len(items) >= limit:
                return items[:limit]

    def absolute(self, address: str) -> str:
        """An address of this API in full; links may be given without the host."""
        return self._own(address)

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """POST JSON and return the answer's, None when it has none. Raises Unreachable, Refused."""
        answer = self.request("POST", path, json=body, headers=dict(headers or {}))
        return self._json(answer) if answer.content else None

    def submit(self, body: object, idempotency_key: str) -> Any:
        """Submit a job. Tries again while it is not known whether it was accepted: the key makes that safe."""
        for last in [False] * (SUBMIT_TRIES - 1) + [True]:
            try:
                return self.post("/v1/jobs", body, {"idempotency-key": idempotency_key})
            except Unreachable as error:
                if last or isinstance(error.__cause__, httpx.ConnectError):
                    raise
                time.sleep(RETRY_S)
            except Refused as error:
                if last or error.status != 503:
                    raise
                time.sleep(RETRY_S)
        raise AssertionError("the last try returns or raises")

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request and return its answer. Raises Unreachable, Refused (status 400 and above)."""
        with self._told_apart():
            answer = self._http.request(method, path, **options)
        return self._accepted(answer)

    @contextmanager
    def events(self, job_id: str, last_event_id: str | None) -> Iterator[Iterator[str]]:
        """Open a job's event stream after `last_event_id` and yield its lines. Raises Unreachable, Refused."""
        headers = {"accept": "text/event-stream"}
        if last_event_id:
            headers["last-event-id"] = last_event_id
        timeout = httpx.Timeout(EVENT_GAP_S, connect=CONNECT_S)
        path = f"/v1/jobs/{job_id}/events"
        with self._told_apart(), self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= 400:
                answer.read()
                self._accepted(answer)
            yield answer.iter_lines()

    def download(self, address: str, target: Path, sha256: str | None) -> None:
        """Write what lies at `address` to a file, whole or not at all. Raises Unreachable, Refused, CommandFailed."""
        partial = target.with_name(target.name + ".part")
        digest = hashlib.sha256()
        try:
            with (
                self._told_apart(),
                self._http.stream("GET", self._own(address), follow_redirects=True) as answer,
            ):
                if answer.status_code >= 400:
                    answer.read()
                    self._accepted(answer)
                with partial.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        digest.update(chunk)
                        file.write(chunk)
            if sha256 and digest.hexdigest() != sha256:
                raise CommandFailed(
                    f"{target}: what arrived is not what was stored (sha256 differs)", "Try again."
                )
            partial.replace(target)
        except OSError as error:
            raise Usage(f"can't write {target}: {error.strerror}") from error
        finally:
            partial.unlink(missing_ok=True)

    def _own(self, address: str) -> str:
        """Return an address of this API: the key is sent nowhere else."""
        absolute = urljoin(self.url + "/", address)
        wanted, own = urlsplit(absolute), urlsplit(self.url)
        same = (wanted.scheme, wanted.netloc) == (own.scheme, own.netloc)
        return absolute if same else self.url + wanted.path + (f"?{wanted.query}" if wanted.query else "")

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise Unreachable(f"nothing answers at {self.url}", *_how_to_start(self.url)) from error
        except httpx.TimeoutException as error:
            raise Unreachable(
                f"{self.url} does not answer in time", "See what is wrong: evoke doctor"
            ) from error
        except httpx.TransportError as error:
            raise Unreachable(f"the connection to {self.url} broke: {error}") from error

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code < 400:
            return answer
        try:
            problem = answer.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict) or "title" not in problem:
            told = {"detail": f"{self.url} answered {answer.status_code}, and not as evoke does"}
            raise Refused(
                answer.status_code, dict(told), "Is another program listening there? Check EVOKE_URL."
            )
        raise Refused(answer.status_code, problem, *_advice(answer))

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            told = {"detail": f"{self.url} did not answer in JSON, so it is not evoke"}
            raise Refused(answer.status_code, dict(told), "Check EVOKE_URL.") from None


def connect(url: str) -> Connection:
    """Connect to an API with the key of EVOKE_API_KEY, where that is set."""
    return Connection(url, os.environ.get("EVOKE_API_KEY"))


def _how_to_start(url: str) -> list[str]:
    host = urlsplit(url).hostname
    if host in ("localhost", "127.0.0.1", "::1"):
        return [
            "Start evoke in another terminal: make up (or: evoke up)",
            "Or name where it runs: EVOKE_URL=http://...",
        ]
    return ["Is the address right? EVOKE_URL names it."]


def _advice(answer: httpx.Response) -> list[str]:
    if answer.status_code in (401, 403):
        return ["Name a key that may do this: EVOKE_API_KEY=..."]
    after = answer.headers.get("retry-after")
    return [f"Try again in {after} s."] if after else []
