"""`python -m evoke.healthcheck URL [--at-least METRIC=VALUE]`: the health command of an image and of a pod.

It needs the standard library alone, so that starting it costs little. Exit codes: 0 healthy, 1 not, 2 wrong options.
"""

from __future__ import annotations

import argparse
import http.client
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

TIMEOUT_S = 3.0
MOST_BYTES = 4 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask once; say on standard error why the answer is no."""
    parser = argparse.ArgumentParser(
        prog="python -m evoke.healthcheck", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("url", help="what must answer 2xx, e.g. http://127.0.0.1:8000/readyz")
    parser.add_argument(
        "--at-least", type=_bound, metavar="METRIC=VALUE", help="a metric of the answer that must not be less"
    )
    options = parser.parse_args(arguments)
    try:
        with urllib.request.urlopen(options.url, timeout=TIMEOUT_S) as answer:  # noqa: S310  # the image's own words
            text = answer.read(MOST_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"{options.url}: {error}", file=sys.stderr)
        return 1
    if options.at_least is None:
        return 0
    name, least = options.at_least
    found = value_of(text, name)
    if found is None or found < least:
        print(f"{name} is {found}, not {least:g} or more", file=sys.stderr)
        return 1
    return 0


def value_of(exposition: str, name: str) -> float | None:
    """The least value of a metric, whatever its labels, in Prometheus' text format; None where no number is told."""
    sample = re.compile(rf"{re.escape(name)}(?:\{{.*\}})?\s+(\S+)")
    told = [found[1] for line in exposition.splitlines() if (found := sample.match(line))]
    try:
        return min(map(float, told), default=None)
    except ValueError:
        return None


def _bound(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        if name and equals:
            return name, float(value)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be METRIC=NUMBER, got {text!r}")


if __name__ == "__main__":
    sys.exit(main())
