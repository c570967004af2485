"""What the log needs of the machine: a local file system, and a name for the time since it was started."""

from __future__ import annotations

import time
from pathlib import Path

from evoke.domain.errors import InvalidInput

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "fuse.sshfs"}
)
"""File systems whose locks and shared memory are not those of one machine: SQLite's WAL breaks on them."""

_MOUNTS = Path("/proc/self/mounts")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def mounts() -> str:
    """The mounted file systems, as Linux lists them (fstab(5)); elsewhere empty."""
    return _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""


def refuse_network_file_system(folder: Path, mounted: str) -> None:
    """Raises InvalidInput when, by the text of `mounts`, the folder lies on a network file system."""
    kind = file_system_of(folder.resolve(), mounted)
    if kind in _NETWORK:
        raise InvalidInput(
            "EVOKE_DATA_DIR", f"{folder} lies on a network file system ({kind}); the log needs a local one"
        )


def file_system_of(folder: Path, mounted: str) -> str:
    """The type of the file system that holds a folder, by the text of `mounts`; empty if it is not there."""
    best, kind = "", ""
    for line in mounted.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].encode().decode("unicode_escape", errors="replace")
        if len(point) >= len(best) and folder.is_relative_to(point):
            best, kind = point, fields[2]
    return kind


def boot_id() -> str:
    """A name for the machine's run since its start, within which monotonic times can be compared."""
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return f"started {(time.time() - time.monotonic()) // 60:.0f}"
