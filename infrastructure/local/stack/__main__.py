"""`python -m infrastructure.local.stack up|down|status|fetch|env`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.evoke_settings import environment
from infrastructure.local.stack.server import LOOPBACK
from infrastructure.local.stack.servers import SERVERS
from infrastructure.local.stack.stack import Stack, stack_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code: 0, 1 (failed, or not all is up), 130 (interrupted)."""
    options = _parser().parse_args(arguments)
    try:
        stack = Stack(options.folder, cache_folder(), say, options.host)
        return int(_COMMANDS[options.command](stack, options))
    except StackFailed as error:
        print(f"evoke stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130


def say(line: str) -> None:
    """Print one line of what is being done."""
    print(f"evoke stack: {line}", flush=True)


def _up(stack: Stack, options: argparse.Namespace) -> int:
    began = time.monotonic()
    stack.up(options.servers, dict(options.port))
    say(f"all is up after {time.monotonic() - began:.0f} s; data and logs are in {stack.folder}")
    return 0


def _fetch(stack: Stack, options: argparse.Namespace) -> int:
    began = time.monotonic()
    stack.fetch(options.servers)
    say(f"all files are there after {time.monotonic() - began:.0f} s; they are in {cache_folder()}")
    return 0


def _down(stack: Stack, options: argparse.Namespace) -> int:
    stack.down(options.servers)
    if options.wipe:
        stack.wipe()
    say("stopped" + (", and its data removed" if options.wipe else ""))
    return 0


def _status(stack: Stack, options: argparse.Namespace) -> int:
    found = [status for status in stack.status() if not options.servers or status.name in options.servers]
    for status in found:
        state = "down" if status.pid is None else "ready" if status.ready else "starting"
        ports = ", ".join(f"{name} {number}" for name, number in status.ports.items())
        print(f"{status.name:10} {status.version:8} {state:9} {status.pid or '-':<8} {ports}")
    return 0 if all(status.ready for status in found) else 1


def _env(stack: Stack, options: argparse.Namespace) -> int:
    for name, value in environment(stack.known_ports(), stack.host).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


_COMMANDS = {"up": _up, "down": _down, "status": _status, "fetch": _fetch, "env": _env}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evoke stack",
        description="The servers of the distributed engine on this machine: "
        + ", ".join(s.name for s in SERVERS),
    )
    parser.add_argument("command", choices=tuple(_COMMANDS))
    parser.add_argument("servers", nargs="*", help="only these, and what they need (default: all)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=stack_folder(),
        help="where data and logs lie [default: EVOKE_STACK_DIR, else data/stack]",
    )
    usual = ", ".join(f"{name}={number}" for server in SERVERS for name, number in server.ports.items())
    parser.add_argument(
        "--port", action="append", type=_port, default=[], metavar="NAME=N", help=f"0: any free one [{usual}]"
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="address of this machine to listen on, for pods of a cluster here: whoever reaches it may do anything "
        f"[default: as before, at first {LOOPBACK}]",
    )
    parser.add_argument("--wipe", action="store_true", help="with down: remove all data too")
    return parser


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    known = [port for server in SERVERS for port in server.ports]
    if name not in known or not number.isdecimal() or int(number) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=N with a name of {', '.join(known)}")
    return name, int(number)


if __name__ == "__main__":
    sys.exit(main())
