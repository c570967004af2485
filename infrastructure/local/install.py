"""Install what a make target needs, and say what is being done. Needs the standard library only.

    install.py run [--models a,b] [--engine distributed]
                                     the system with these models (default: all)
    install.py develop               everything, with tests, linters and benchmarks

Two environments: `.tools/` holds the project's own PDM, pinned by pdm-tools.txt; `.venv/` holds what pdm.lock
pins. A stamp in each makes the next call return at once. PDM's cache lies outside the tree and is linked into
it, so that a second clone costs neither download nor disk.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
PINS = ROOT / "infrastructure" / "local" / "pdm-tools.txt"
LOCK = ROOT / "pdm.lock"
PYPROJECT = ROOT / "pyproject.toml"

RUN_GROUPS = ("api", "archiver", "sidecar", "cli", "weights", "embedded")
ENGINE_GROUPS = {"embedded": ("duckdb",), "distributed": ("pulsar", "s3", "trino")}
HEAVY_GROUP = "diffusers"
HEARTBEAT_S = 15.0
GIB = 1 << 30


class CannotInstall(Exception):
    """Something stands in the way; the message says what, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install and return the exit code."""
    parser = argparse.ArgumentParser(prog="install.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["run", "develop"])
    parser.add_argument(
        "--models", default="", help="comma-separated ids; default: every model of the catalogue"
    )
    parser.add_argument("--engine", choices=list(ENGINE_GROUPS), default="embedded", help="what it runs on")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        with alone():
            changed = develop() if options.what == "develop" else run(options.models, options.engine)
    except CannotInstall as error:
        print(f"\nevoke cannot be installed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    if changed:
        say(f"installed in {time.monotonic() - began:.0f} s")
    return 0


def run(models: str, engine: str) -> bool:
    """Install the services and the containers of these models; returns whether anything had to be done."""
    groups = (*RUN_GROUPS, *ENGINE_GROUPS[engine])
    changed = sync(groups, develop=False)
    return sync((*groups, *containers_of(models)), develop=False) or changed


def develop() -> bool:
    """Install every group of pyproject.toml; returns whether anything had to be done."""
    return sync(tuple(optional_groups()), develop=True)


def containers_of(models: str) -> tuple[str, ...]:
    """The groups of the containers that serve these models, as the installed catalogue says."""
    command = [str(VENV / "bin" / "python"), "-m", "services.standalone", "--list-containers"]
    command += ["--models", models] if models else []
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode != 0:
        raise CannotInstall("the models that were asked for are not in the catalogue (see above)")
    groups = optional_groups()
    return tuple(name for name in answer.stdout.split() if name in groups)


def optional_groups() -> dict[str, list[str]]:
    """The groups of processes in pyproject.toml, by name."""
    groups: dict[str, list[str]] = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    return groups


def sync(groups: Sequence[str], *, develop: bool) -> bool:
    """Bring `.venv` to what pdm.lock says for these groups; returns False when it was so already."""
    wanted = {*groups, *(["+develop"] if develop else [])}
    stamp = VENV / ".evoke-installed.json"
    digest = _digest(LOCK.read_bytes(), _what_is_installed())
    present = _read_stamp(stamp)
    if present.get("digest") == digest and wanted <= set(present.get("groups", [])) and _python_works():
        return False
    install_pdm()
    make_venv()
    mend_cache()
    check_disk(heavy=HEAVY_GROUP in groups and "torch" not in _installed_names())
    extra = " and the tools of development" if develop else ""
    say(f"installing the locked packages of {', '.join(groups)}{extra}")
    command = [str(TOOLS / "bin" / "pdm"), "sync", "--fail-fast"]
    command += [option for group in groups for option in ("-G", group)]
    command += ["-d", "-G", ":all"] if develop else ["--prod"]
    with heartbeat():
        _run(
            command,
            "the packages could not be installed; the lines above say which, and why. Is the network there?",
        )
    kept = set(present.get("groups", [])) if present.get("digest") == digest else set()
    stamp.write_text(json.dumps({"digest": digest, "groups": sorted(wanted | kept)}))
    return True


def install_pdm() -> None:
    """Make `.tools/` with the pinned PDM, unless it is there."""
    stamp = TOOLS / ".evoke-installed.json"
    digest = _digest(PINS.read_bytes())
    if _read_stamp(stamp).get("digest") == digest and (TOOLS / "bin" / "pdm").exists():
        return
    say("installing PDM into .tools/ (about 15 seconds)")
    _run([sys.executable, "-m", "venv", "--clear", str(TOOLS)], "the tool environment could not be made")
    pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run(
        [*pip, "install", "--quiet", "-c", str(PINS), "pdm"],
        "PDM could not be installed. Is the network there?",
    )
    stamp.write_text(json.dumps({"digest": digest}))


def make_venv() -> None:
    """Make an empty `.venv/` with the Python that runs this, unless a working one is there."""
    if not _python_works():
        say(f"making .venv with Python {platform.python_version()}")
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], ".venv could not be made")


def check_disk(*, heavy: bool) -> None:
    """Tell how much will be written; raise CannotInstall when a disk is too small for it."""
    cuda = sys.platform == "linux" and platform.machine() == "x86_64"
    needed = 1.0 if not heavy else 10.0 if cuda else 4.0
    if heavy:
        size = (
            "about 3 GB to download, 6 GB on disk, with its CUDA libraries" if cuda else "about 1 GB on disk"
        )
        say(f"PyTorch is part of it: {size}; from the cache, when another clone has it already")
    for place in {ROOT, _existing(cache_dir())}:
        free = shutil.disk_usage(place).free / GIB
        if free < needed and not _cached(heavy=heavy):
            raise CannotInstall(
                f"{place} has {free:.1f} GB free, {needed:.0f} GB are needed. Make room, move PDM's cache "
                "with PDM_CACHE_DIR, or start with the model that needs no PyTorch: MODELS=factorial make up"
            )


def cache_dir() -> Path:
    """Where PDM keeps packages: its usual place, unless links from another disk would be needed."""
    home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    usual = Path(os.environ.get("PDM_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or home) / "pdm")
    same_disk = _existing(usual).stat().st_dev == ROOT.stat().st_dev
    return usual if same_disk and os.access(_existing(usual), os.W_OK) else TOOLS / "cache"


def mend_cache() -> None:
    """Remove packages of PDM's cache whose unpacking was broken off: PDM would take them for whole, and fail.

    A wheel's RECORD is unpacked last. One that is being unpacked now is locked, by PDM.
    """
    for package in (cache_dir() / "packages").glob("*.cache"):
        if any(package.glob("*.dist-info/RECORD")):
            continue
        lock = os.open(package / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            say(f"removing {package.name} from PDM's cache: its unpacking was broken off")
            shutil.rmtree(package)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


@contextmanager
def alone() -> Iterator[None]:
    """Keep a second installation in this folder waiting until the first one is done."""
    folder = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another make installs here; waiting for it")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def heartbeat() -> Iterator[None]:
    """While the block runs, say now and then that it does, where no terminal shows PDM's own progress."""
    done = threading.Event()
    began, free = time.monotonic(), shutil.disk_usage(ROOT).free

    def beat() -> None:
        while not done.wait(HEARTBEAT_S):
            written = max(0, free - shutil.disk_usage(ROOT).free) / GIB
            say(f"still installing: {time.monotonic() - began:.0f} s, {written:.1f} GB written")

    thread = threading.Thread(target=beat, daemon=True)
    if not sys.stdout.isatty():
        thread.start()
    try:
        yield
    finally:
        done.set()


def say(line: str) -> None:
    """Print one line of what is being done."""
    print(f"evoke setup: {line}", flush=True)


def _run(command: Sequence[str], failure: str) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    environment |= {
        "PDM_PYTHON": str(VENV / "bin" / "python"),
        "PDM_IGNORE_ACTIVE_VENV": "1",
        "PDM_CHECK_UPDATE": "false",
        "PDM_NON_INTERACTIVE": "1",
        "PDM_CACHE_DIR": str(cache_dir()),
    }
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        raise CannotInstall(failure)


def _python_works() -> bool:
    python = VENV / "bin" / "python"
    check = [str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    return python.exists() and subprocess.run(check, check=False, capture_output=True).returncode == 0


def _installed_names() -> set[str]:
    return {
        path.name.partition("-")[0].lower() for path in VENV.glob("lib/python*/site-packages/*.dist-info")
    }


def _cached(*, heavy: bool) -> bool:
    return any((cache_dir() / "packages").glob("torch-*" if heavy else "fastapi-*"))


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _what_is_installed() -> bytes:
    """The parts of pyproject.toml that decide what is in `.venv`; the settings of linters do not."""
    document = tomllib.loads(PYPROJECT.read_text())
    return json.dumps([document["project"], document["dependency-groups"], document["tool"]["pdm"]]).encode()


def _read_stamp(stamp: Path) -> dict[str, list[str] | str]:
    try:
        content: dict[str, list[str] | str] = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return content


if __name__ == "__main__":
    sys.exit(main())
