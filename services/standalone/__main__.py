"""`python -m services.standalone`, also known as `evoke up`: the whole system on this machine."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from evoke.domain.errors import EvokeError, InvalidInput, Unavailable
from evoke.process import ExitCode, run
from evoke.settings import Settings, load_settings
from services.standalone.bootstrap import open_catalogue, prepare
from services.standalone.data_folder import free_port, lock_data_folder
from services.standalone.engine import chosen_engine
from services.standalone.figures import free_metrics_port, write_targets
from services.standalone.plan import chosen_models, environment_of_children, make_plan
from services.standalone.supervised import has_terminal
from services.standalone.supervisor import Supervisor, guardian_of, runtime_folder
from services.standalone.terminal import Terminal

DRAIN_S = 4.0
STAGES_S = 6.0
PREPARE_S = 60.0
"""How long servers that have just started may be too busy to be prepared."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the system until it is told to stop; returns the exit code."""
    options = _parser().parse_args(arguments)
    names = tuple(name.strip() for name in options.models.split(",") if name.strip())
    overrides: dict[str, object] = {
        name: getattr(options, name)
        for name in ("host", "port", "data_dir", "engine")
        if getattr(options, name) is not None
    }
    if options.list_containers:
        return _list_containers(names, overrides)
    overrides |= {
        name: value for name, value in _DEFAULTS.items() if f"EVOKE_{name.upper()}" not in os.environ
    }

    async def serve(settings: Settings, stop: asyncio.Event) -> None:
        await _serve(settings, stop, names)

    return run("up", serve, overrides, stages_s=STAGES_S)


_DEFAULTS = {"log_format": "text", "drain_s": DRAIN_S}


async def _serve(settings: Settings, stop: asyncio.Event, names: Sequence[str]) -> None:
    logging.getLogger("evoke.process").setLevel(
        logging.WARNING
    )  # the terminal tells of the stop, in its own way
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = (
        "false"  # its children are other programs; gRPC's hooks would only warn
    )
    catalogue, installation = open_catalogue(settings)
    models, skipped = chosen_models(catalogue, names, installation)
    engine = chosen_engine(settings, os.environ)
    _take_over(engine.applied_to(os.environ))
    port = free_port(settings.host, settings.port)
    data_dir = settings.data_dir.resolve()
    environment = environment_of_children(os.environ, _passed_on(settings, data_dir, port))
    with runtime_folder() as runtime:
        plan = make_plan(
            models, skipped, installation, environment, runtime, lambda: free_metrics_port(settings.host)
        )
        terminal = Terminal(
            sys.stdout, tuple(command.name for command in plan.commands), colour=has_terminal()
        )
        for name, reason in skipped:
            terminal.say(f"leaving out {name}: {reason}")
        lock = await lock_data_folder(data_dir, f"http://{settings.host}:{port}", terminal.say)
        try:
            await _prepare(engine.settings, catalogue.queues, terminal)
            write_targets(data_dir, settings.host, port, plan.commands)
            terminal.say(f"starting {', '.join(command.name for command in plan.commands)}")
            with guardian_of(runtime, lock) as guardian:
                supervisor = Supervisor(plan, terminal, guardian, settings.drain_s)
                await supervisor.run(stop, settings.host, port, engine.kept_in)
        finally:
            os.close(lock)


def _take_over(environment: Mapping[str, str]) -> None:
    """Make that this process's own environment: what it prepares is what its children will use, by the same keys."""
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


async def _prepare(settings: Settings, queues: Sequence[str], terminal: Terminal) -> None:
    """Do what `evoke admin init` does, again and again while a server is too busy. Raises Unavailable in the end."""
    deadline = time.monotonic() + PREPARE_S
    while True:
        try:
            done = await prepare(settings, queues)
            break
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            terminal.say(f"{error}; trying again")
            await asyncio.sleep(1)
    made = sum(": made" in line for line in done)
    terminal.say(
        f"{settings.engine} engine: {made} of {len(done)} things were missing, and are made"
        if made
        else f"{settings.engine} engine: all is prepared"
    )


def _passed_on(settings: Settings, data_dir: Path, port: int) -> dict[str, str]:
    """The settings that children must have as this process has them."""
    passed = {
        "EVOKE_DATA_DIR": str(data_dir),
        "EVOKE_HOST": settings.host,
        "EVOKE_PORT": str(port),
        "EVOKE_LOG_FORMAT": settings.log_format,
        "EVOKE_DRAIN_S": str(settings.drain_s),
    }
    if settings.catalogue is not None:
        passed["EVOKE_CATALOGUE"] = str(settings.catalogue.resolve())
    return passed


def _list_containers(names: Sequence[str], overrides: dict[str, object]) -> int:
    """Print the containers behind these models, for the installer."""
    try:
        catalogue, _ = open_catalogue(load_settings(overrides))
        chosen = [catalogue.get(name) for name in names] or list(catalogue.models)
        models = [model for model in chosen if model.container not in catalogue.containers]
    except (InvalidInput, EvokeError) as error:
        print(f"evoke up: {error}", file=sys.stderr)
        return ExitCode.WRONG_SETTING
    print("\n".join(dict.fromkeys(model.container for model in models)))
    return ExitCode.STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evoke up", description="Start the whole system on this machine.")
    parser.add_argument("--models", default="", help="comma-separated ids; default: all that can run here")
    parser.add_argument(
        "--engine", help="embedded, or distributed on the servers of `evoke stack`; default: EVOKE_ENGINE"
    )
    parser.add_argument("--host", help="address to listen on; default: EVOKE_HOST, else 127.0.0.1")
    parser.add_argument(
        "--port", help="port to listen on, 0 for any free one; default: EVOKE_PORT, else 8000"
    )
    parser.add_argument("--data-dir", help="where everything is kept; default: EVOKE_DATA_DIR, else ./data")
    parser.add_argument(
        "--list-containers", action="store_true", help="print the model containers needed, and end"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
