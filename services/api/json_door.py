"""JSON from outside: strict, bounded, and never a reason for a 500."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from evoke.domain.errors import InvalidInput
from services.api.exchange import Exchange
from services.api.problems import Refusal

MAX_DEPTH = 32
_MAX_INTEGER = 2**63
_NAMED = re.compile(r"Object (?P<kind>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_HALF_A_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u)")

Decoded = TypeVar("Decoded")


def require_json(exchange: Exchange) -> None:
    """Raises Refusal (415) for a body that is declared as anything but JSON in UTF-8, or as compressed."""
    encoding = exchange.header(b"content-encoding")
    if encoding is not None and encoding.lower() != "identity":
        raise Refusal(415, "unsupported_media_type", "the body must not be compressed (Content-Encoding)")
    declared = exchange.header(b"content-type")
    if declared is None or declared == "application/json":
        return
    media_type, _, rest = declared.lower().partition(";")
    charset = rest.partition("charset=")[2].strip().strip('"')
    known = media_type.strip() == "application/json" or media_type.strip().endswith("+json")
    if not known or charset not in ("", "utf-8", "utf8"):
        raise Refusal(415, "unsupported_media_type", "the body must be application/json in UTF-8")


async def read_json(exchange: Exchange, decoder: msgspec.json.Decoder[Decoded], limit: int) -> Decoded:
    """The request's body as the decoder's type. Raises Refusal (400, 413, 415), InvalidInput."""
    require_json(exchange)
    return decoded(await exchange.body(limit), decoder)


def decoded(body: bytes, decoder: msgspec.json.Decoder[Decoded]) -> Decoded:
    """Decode strictly. Raises Refusal (400) for what is no JSON, InvalidInput for JSON of another shape."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _misshapen(str(error)) from None
    except RecursionError:
        raise Refusal(400, "malformed_json", f"JSON may be nested at most {MAX_DEPTH} deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Refusal(400, "malformed_json", _why_no_json(body, error)[:300]) from None


def _misshapen(said: str) -> Refusal | InvalidInput:
    """What the decoder said, in the words of the API: the field that is meant, and what is wrong with it."""
    message, _, path = said.partition(" - at `$")
    field = path.rstrip("`").lstrip(".").partition("[...]")[0]
    if message.endswith("out of range"):
        where = f" in {field}" if field else ""
        return Refusal(400, "malformed_json", f"a number{where} is too large for a double or for 64 bits")
    named = _NAMED.fullmatch(message)
    if named is None:
        return InvalidInput(field or "body", message)
    name = ".".join(filter(None, (field, named["name"][:80])))
    return InvalidInput(
        name, "is required" if named["kind"].startswith("missing") else "is not a known field"
    )


def _why_no_json(body: bytes, error: Exception) -> str:
    if not body:
        return "the body is empty; it must be JSON in UTF-8"
    # The decoder looks for a pair's second half beyond the string's end, and then misses the end of the body.
    if isinstance(error, msgspec.DecodeError) and _HALF_A_PAIR.search(body):
        return "the body is no JSON in UTF-8: half a surrogate pair"
    return f"the body is no JSON in UTF-8: {error}"


def require_plain(value: Any, field: str, depth: int = 0) -> None:
    """Raises InvalidInput when a JSON value is nested too deep or holds an integer beyond 64 bits."""
    if isinstance(value, dict):
        children: Any = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
            raise InvalidInput(field, "is an integer that does not fit in 64 bits")
        return
    if depth >= MAX_DEPTH:
        raise InvalidInput(field, f"is nested more than {MAX_DEPTH} deep")
    for name, child in children:
        if child.__class__ is not str:
            require_plain(child, f"{field}.{name}"[:200], depth + 1)
