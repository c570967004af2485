"""`python -m services.api` serves; `python -m services.api keys create` makes an API key."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from evoke.domain.errors import InvalidInput
from evoke.process import ExitCode, run
from services.api.bootstrap import serve
from services.api.key_file import SCOPES, create_key

_DAY_MS = 24 * 3600 * 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.api", description=__doc__)
    parser.add_argument("--host", help="address to listen on (EVOKE_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (EVOKE_PORT)")
    commands = parser.add_subparsers(dest="command")
    keys = commands.add_parser("keys", help="API keys").add_subparsers(dest="action", required=True)
    create = keys.add_parser("create", help="make a key and print it, this once")
    create.add_argument("--file", type=Path, required=True, help="the file of keys (EVOKE_API_KEYS_FILE)")
    create.add_argument("--tenant", required=True, help="whose jobs the key sees")
    create.add_argument(
        "--scopes", default="read,write", help=f"of {', '.join(SCOPES)}, or *; comma-separated"
    )
    create.add_argument("--days", type=float, help="how long the key is valid; for ever when not given")
    return parser


def _create_key(options: argparse.Namespace) -> int:
    expires_ms = None if options.days is None else int(time.time() * 1000 + options.days * _DAY_MS)
    try:
        key = create_key(options.file, options.tenant, options.scopes.split(","), expires_ms)
    except (InvalidInput, OSError) as error:
        print(f"evoke api: {error}", file=sys.stderr)
        return ExitCode.WRONG_SETTING
    print(key)
    return ExitCode.STOPPED


def main() -> int:
    """Run the command and return the exit code."""
    options = _parser().parse_args()
    if options.command == "keys":
        return _create_key(options)
    overrides = {
        name: getattr(options, name) for name in ("host", "port") if getattr(options, name) is not None
    }
    return run("api", serve, overrides)


if __name__ == "__main__":
    sys.exit(main())
