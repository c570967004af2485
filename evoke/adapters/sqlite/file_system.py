"""What the log needs of the machine: a local file system, and a name for the time since it was started."""

from __future__ import annotations

import time
from pathlib import Path

from evoke.domain.errors import InvalidInput

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "fuse.sshfs"})
"""File systems whose locks and shared memory are not those of one machine: SQLite's WAL breaks on them."""

_MOUNTS = Path("/proc/self/mounts")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def refuse_network_file_system(folder: Path) -> None:
    """Raises InvalidInput when the folder lies on a network file system. Knows Linux; elsewhere nothing is refused."""
    if not _MOUNTS.exists():
        return
    kind = file_system_of(folder.resolve(), _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    if kind in _NETWORK:
        raise InvalidInput("EVOKE_DATA_DIR", f"{folder} lies on a network file system ({kind}); the log needs a local one")


def file_system_of(folder: Path, mounts: str) -> str:
    """The type of the file system that holds a folder, by the text of `/proc/mounts` (fstab(5)); empty if unknown."""
    best, kind = "", ""
    for line in mounts.splitlines():
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
