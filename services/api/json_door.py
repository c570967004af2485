"""JSON from outside: strict, bounded, and never a reason for a 500."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from evoke.domain.errors import InvalidInput
from services.api.exchange import Exchange
from services.api.problems import Refusal

MAX_DEPTH = 32
_MAX_INTEGER = 2**63

Decoded = TypeVar("Decoded")


def require_json(exchange: Exchange) -> None:
    """Raises Refusal (415) for a body that is declared as anything but JSON in UTF-8."""
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
        message, _, path = str(error).partition(" - at `$")
        raise InvalidInput(path.rstrip("`").lstrip(".") or "body", message) from None
    except RecursionError:
        raise Refusal(400, "malformed_json", f"JSON may be nested at most {MAX_DEPTH} deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Refusal(400, "malformed_json", f"the body is no JSON in UTF-8: {error}"[:300]) from None


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
