"""Datagrams between the processes that share one data folder: wake-ups of the log, reports of progress.

Every listener binds a socket of its own in `<data folder>/sockets/`; a sender sends to all that are there.
Nothing is promised: a datagram may be lost, so whoever waits for one also looks by itself now and then. The
folder's rights (0700) are the protection: only the user who owns the data can send or listen.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path

_log = logging.getLogger(__name__)

MAX_DATAGRAM_BYTES = 160 << 10
"""Linux holds a datagram in the sender's buffer, of 208 KiB by default, with some overhead."""

_MAX_ADDRESS_BYTES = 100
_FRESH_S = 0.1
_GONE = frozenset({errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET, errno.ENOTCONN})


class SocketFolder:
    """The folder in which the listeners of one data folder meet."""

    def __init__(self, data: Path) -> None:
        """Make the folder where it is missing. Raises OSError."""
        self.path = data.resolve() / "sockets"
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def address(self, name: str) -> str:
        """The address of a socket in this folder.

        Unix limits addresses to about 104 bytes, so a deep folder is named by way of its open descriptor.
        """
        direct = str(self.path / name)
        if len(os.fsencode(direct)) <= _MAX_ADDRESS_BYTES:
            return direct
        return f"/proc/self/fd/{self._descriptor}/{name}"

    def names(self, kind: str) -> list[str]:
        """Names of all sockets of that kind, live or left behind."""
        return [name for name in os.listdir(self._descriptor) if name.startswith(f"{kind}-")]

    def changed_ns(self) -> int:
        """When a socket last came or went, by the file system's clock."""
        return os.fstat(self._descriptor).st_mtime_ns

    def remove(self, name: str) -> None:
        """Remove a socket's name; it may be gone already."""
        (self.path / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Release the folder. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Listener:
    """A socket of one kind that hears every sender of that kind. Used by one thread at a time."""

    def __init__(self, folder: SocketFolder, kind: str, buffer_bytes: int = 0) -> None:
        """Bind it. buffer_bytes: what the kernel keeps for it, 0: its default. Raises OSError."""
        self._folder = folder
        self.name = f"{kind}-{os.getpid()}-{secrets.token_hex(6)}"
        self._socket = _datagram_socket()
        if buffer_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        try:
            self._socket.bind(folder.address(self.name))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor to watch; -1 once it is closed."""
        return self._socket.fileno()

    def waiting(self) -> Iterator[bytes]:
        """Yield the datagrams that have arrived, without waiting for more."""
        while True:
            try:
                yield self._socket.recv(MAX_DATAGRAM_BYTES)
            except OSError:
                return

    def close(self) -> None:
        """Stop listening and remove the socket's name. Idempotent."""
        if self._socket.fileno() >= 0:
            self._socket.close()
            self._folder.remove(self.name)


class Sender:
    """Sends to every listener of one kind. Used by one thread at a time; never blocks, never raises."""

    def __init__(
        self, folder: SocketFolder, kind: str, *, keep: int = 0, leave_out: Collection[str] = ()
    ) -> None:
        """Nothing is sent before `send`.

        keep: datagrams that are kept for a listener whose buffer is full, until `flush`; the oldest go first.
        leave_out: names of listeners that need not hear; they may be added later.
        """
        self._folder = folder
        self._kind = kind
        self._keep = keep
        self._leave_out = leave_out
        self._peers: dict[str, _Peer] = {}
        self._seen_ns = -1
        self._seen_at = 0.0

    def send(self, datagram: bytes) -> bool:
        """Send one datagram to all who listen now; False when something is kept for `flush`."""
        if len(datagram) > MAX_DATAGRAM_BYTES:
            _log.debug("a datagram is too large", extra={"kind": self._kind, "size_bytes": len(datagram)})
            return True
        try:
            self._look()
        except OSError as error:
            _log.debug("no listeners can be found", extra={"kind": self._kind, "error": str(error)})
        for peer in self._peers.values():
            peer.kept.append(datagram)
        return self.flush()

    def flush(self) -> bool:
        """Send what is kept, as far as there is room; False when something is kept still."""
        for name in [name for name, peer in self._peers.items() if not peer.flush()]:
            self._forget(name)
            self._folder.remove(name)
        for peer in self._peers.values():
            while len(peer.kept) > self._keep:
                peer.kept.popleft()
        return not any(peer.kept for peer in self._peers.values())

    def drop(self) -> None:
        """Forget what is kept."""
        for peer in self._peers.values():
            peer.kept.clear()

    def close(self) -> None:
        """Release every socket. Idempotent."""
        for name in list(self._peers):
            self._forget(name)

    def _look(self) -> None:
        """Learn who listens, when the folder has changed.

        File systems stamp changes in ticks of some milliseconds, so a change that is fresh may hide another.
        """
        changed_ns = self._folder.changed_ns()
        now = time.time()
        if changed_ns == self._seen_ns and self._seen_at > changed_ns / 1e9 + _FRESH_S:
            return
        self._seen_ns, self._seen_at = changed_ns, now
        names = set(self._folder.names(self._kind)).difference(self._leave_out)
        for name in self._peers.keys() - names:
            self._forget(name)
        for name in names - self._peers.keys():
            self._meet(name)

    def _meet(self, name: str) -> None:
        connection = _datagram_socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MAX_DATAGRAM_BYTES)
        try:
            connection.connect(self._folder.address(name))
        except OSError as error:
            connection.close()
            if error.errno in _GONE:
                self._folder.remove(name)
            return
        self._peers[name] = _Peer(connection)

    def _forget(self, name: str) -> None:
        self._peers.pop(name).connection.close()


class _Peer:
    """A listener, and what it has had no room for yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.kept: deque[bytes] = deque()

    def flush(self) -> bool:
        """Send as much as there is room for; False when the listener is gone."""
        while self.kept:
            try:
                self.connection.send(self.kept[0])
            except OSError as error:
                if error.errno == errno.EMSGSIZE:  # this kernel allows less than we do
                    self.kept.popleft()
                    continue
                return error.errno not in _GONE
            self.kept.popleft()
        return True


def _datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    made.setblocking(False)
    return made
