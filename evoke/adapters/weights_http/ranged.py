"""GET requests that go on in the middle of a file, with errors in evoke's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from evoke.domain.errors import InvalidInput, NotFound, Unavailable

CONNECT_S, READ_S = 10.0, 60.0
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


def make_client() -> httpx.Client:
    """A client that follows redirects; the token of one host is never sent to another."""
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    return httpx.Client(
        timeout=timeout, follow_redirects=True, max_redirects=10, headers={"accept-encoding": "identity"}
    )


@contextmanager
def told_errors(what: str) -> Iterator[None]:
    """Raise what httpx raises as Unavailable. what: names the file, without anything secret."""
    try:
        yield
    except httpx.TooManyRedirects as error:
        raise InvalidInput("source.uri", f"{what} is redirected in a circle") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{what} can't be fetched: {type(error).__name__}") from error


def opened(
    client: httpx.Client, url: str, headers: Mapping[str, str], part: str, what: str
) -> httpx.Response:
    """Ask for a part of a file, `FIRST-LAST`; the answer is 200, 206 or 416 (nothing is left), its body not yet read.

    Raises NotFound, InvalidInput where access is refused, Unavailable.
    """
    asked = {**headers, "range": f"bytes={part}"}
    with told_errors(what):
        answer = client.send(client.build_request("GET", url, headers=asked), stream=True)
    if answer.status_code in (200, 206, 416):
        return answer
    answer.close()
    raise refusal(answer.status_code, what)


def refusal(status: int, what: str) -> Exception:
    """What an HTTP status means here."""
    if status in (401, 403):
        return InvalidInput(
            "source.uri",
            f"{what} is private or gated (HTTP {status}): give a token in HF_TOKEN or EVOKE_MODELS_TOKENS",
        )
    if status in (404, 410):
        return NotFound(f"{what} does not exist (HTTP {status})")
    return Unavailable(f"{what} can't be fetched: HTTP {status}")


def begins_at(answer: httpx.Response, start: int) -> int:
    """Where the bytes of an answer begin: servers may ignore the range."""
    if answer.status_code == 200:
        return 0
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is None:
        return start
    return int(found[2]) if found[1] is None else int(found[1])


def size_of(answer: httpx.Response) -> int | None:
    """The size of the whole file, where the server tells."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is not None:
        return int(found[2])
    length = answer.headers.get("content-length", "")
    return int(length) if answer.status_code == 200 and length.isdecimal() else None


def version_of(answer: httpx.Response) -> str:
    """What changes when the file does: its entity tag, or the time of its last change; empty for neither."""
    return str(answer.headers.get("etag") or answer.headers.get("last-modified") or "")


def pieces(answer: httpx.Response, what: str) -> Iterator[bytes]:
    """The body of an answer; closed at its end. Raises Unavailable where it breaks off."""
    with told_errors(what):
        try:
            if answer.status_code != 416:
                yield from answer.iter_raw()  # as it comes: what is gathered would be lost in a break
        finally:
            answer.close()
