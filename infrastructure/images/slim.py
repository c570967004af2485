"""Makes what is installed beside this Python smaller without changing what it does: `python slim.py`.

It leaves out what no process of ours reads, and has binutils' `strip` take the debugging symbols out of libraries (the
names that they export stay). A library that no longer loads gets its symbols back. What the packages' own lists
(RECORD) say of their files stays true.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

UNREAD = (
    # Amazon's other services: those that stay are for blobs and for credentials (Pod Identity, IRSA, SSO).
    re.compile(r"botocore/data/(?!(s3|sts|sso|sso-oidc)/)[^/]+/"),
    re.compile(r"boto3/(examples/|data/(?!s3/))"),
    # SQLite's programs and extensions; evoke uses none.
    re.compile(r"apsw/sqlite_extra_binaries/"),
    # Packages' own tests.
    re.compile(r"(.*/)?(tests|testdata)/"),
    # What only compilers and type checkers read.
    re.compile(r".*\.(pyi|pyx|pxd|proto)$"),
)
WORTH_BYTES = 256 * 1024
"""Libraries below it hold few symbols."""


def unread(folder: Path) -> Iterator[Path]:
    """The files under site-packages that no process reads."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and any(each.match(name) for each in UNREAD):
            yield path


def libraries(folder: Path) -> Iterator[Path]:
    """The shared libraries that may hold symbols worth their room."""
    for path in folder.rglob("*.so*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size >= WORTH_BYTES:
            yield path


def strip(library: Path) -> bool:
    """Take its debugging symbols; False, with the library as it was, where it would not load without them."""
    before = library.with_name(f"{library.name}.before")
    shutil.copy2(library, before)
    words = [shutil.which("strip") or "strip", "--strip-unneeded", str(library)]
    if subprocess.run(words, check=False, capture_output=True).returncode == 0 and loads(library):
        before.unlink()
        return True
    before.replace(library)
    return False


def loads(library: Path) -> bool:
    """Whether the loader takes it, in a process of its own: a broken one may take the process with it."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    return (
        subprocess.run(
            [sys.executable, "-c", code, str(library)], check=False, capture_output=True
        ).returncode
        == 0
    )


def renew(record: Path, changed: set[Path]) -> None:
    """Write into a package's RECORD what its files are now: those left out go, those changed get their new digest."""
    rows = []
    for name, digest, size in csv.reader(record.read_text().splitlines()):
        path = (record.parent.parent / name).resolve()
        if path in changed:
            content = path.read_bytes()
            urlsafe = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append((name, f"sha256={urlsafe}", str(len(content))))
        elif path.exists():
            rows.append((name, digest, size))
    with record.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def slim(folder: Path) -> None:
    """Make a site-packages folder smaller."""
    if not shutil.which("strip"):
        raise SystemExit("slim.py: there is no strip (Debian: binutils)")
    for path in list(unread(folder)):
        path.unlink()
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    changed = {path.resolve() for path in list(libraries(folder)) if strip(path)}
    for record in folder.glob("*.dist-info/RECORD"):
        renew(record, changed)


if __name__ == "__main__":
    slim(Path(sysconfig.get_path("purelib")))
