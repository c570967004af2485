"""The files of the servers: fetched once, checked against the digests that are kept here, shared by all clones."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infrastructure.local.stack.errors import StackFailed

HERE = Path(__file__).parent
COMPLETE = ".complete"
Say = Callable[[str], None]
"""Tells a person one line of what is being done."""
Fetch = Callable[[Path], None]
"""Puts a server's files into an empty folder; raises StackFailed."""


def cache_folder() -> Path:
    """Return where the files are kept: EVOKE_STACK_CACHE, else `evoke` in the user's cache."""
    if named := os.environ.get("EVOKE_STACK_CACHE"):
        return Path(named).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "evoke" / "stack"


def cached(cache: Path, name: str, recipe: bytes, fetch: Fetch) -> Path:
    """Return the folder of a server's files, which `fetch` fills when they are not there.

    recipe: what the files depend on; other bytes make another folder. A folder gets its name when it is whole,
    and of two processes that want it at once one waits for the other.
    """
    folder = cache / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    if (folder / COMPLETE).exists():
        return folder
    with _locked(cache / f"{folder.name}.lock"):
        if (folder / COMPLETE).exists():
            return folder
        draft = cache / f"{folder.name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        fetch(draft)
        (draft / COMPLETE).touch()
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    return folder


def check_digests(folder: Path, expected: Mapping[str, str]) -> None:
    """Compare every file of a folder with its SHA-256. Raises StackFailed naming the first that differs."""
    present = {path.name for path in folder.iterdir() if path.is_file()}
    if odd := sorted(present ^ expected.keys()):
        word = "was not expected" if odd[0] in present else "is missing"
        raise StackFailed(f"{odd[0]} {word} among the files that were fetched")
    for name, wanted in expected.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted:
            raise StackFailed(f"{name} is not the file that is pinned here: its SHA-256 is {found}")


def digests_of(server: str) -> dict[str, str]:
    """Return the pinned SHA-256 of each file of a server, by name."""
    lines = (HERE / "digests" / f"{server}.sha256").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def run_tool(command: list[str], folder: Path, failure: str, extra: Mapping[str, str] | None = None) -> None:
    """Run a tool of another's in a folder; its output is shown only when it fails. Raises StackFailed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(extra or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shown = "\n".join(done.stdout.splitlines()[-20:])
        raise StackFailed(f"{failure}\n{shown}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
