"""Datagrams between processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evoke.local_sockets import MAX_DATAGRAM_BYTES, Listener, Sender, SocketFolder


@pytest.fixture
def folder(tmp_path: Path) -> SocketFolder:
    return SocketFolder(tmp_path)


def test_every_listener_of_the_kind_hears_and_others_do_not(folder: SocketFolder) -> None:
    first, second, other = Listener(folder, "log"), Listener(folder, "log"), Listener(folder, "progress")
    Sender(folder, "log").send(b"x")
    assert [list(listener.waiting()) for listener in (first, second, other)] == [[b"x"], [b"x"], []]


def test_a_listener_that_comes_and_one_that_goes_are_noticed_at_once(folder: SocketFolder) -> None:
    """Whatever the granularity of the file system's clock."""
    sender = Sender(folder, "log")
    listeners: list[Listener] = []
    for number in range(40):
        listeners.append(Listener(folder, "log"))
        if number % 3 == 2:
            listeners.pop(0).close()
        sender.send(b"%d" % number)
        assert all(list(listener.waiting()) == [b"%d" % number] for listener in listeners)


def test_folders_may_be_deeper_than_unix_allows_for_addresses(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a folder with a long name"] * 8)
    folder = SocketFolder(deep)
    assert len(str(folder.path)) > 200
    listener = Listener(folder, "log")
    assert (folder.path / listener.name).is_socket()
    Sender(SocketFolder(deep), "log").send(b"x")
    assert list(listener.waiting()) == [b"x"]
    listener.close()
    assert os.listdir(folder.path) == []


def test_only_the_owner_can_reach_the_sockets(folder: SocketFolder) -> None:
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_sockets_that_were_left_behind_are_removed(folder: SocketFolder) -> None:
    dead = Listener(folder, "log")
    dead._socket.close()  # as when its process dies: the name stays
    Sender(folder, "log").send(b"x")
    assert os.listdir(folder.path) == []


def test_a_listener_that_dies_between_two_datagrams_is_forgotten(folder: SocketFolder) -> None:
    dies, stays = Listener(folder, "log"), Listener(folder, "log")
    sender = Sender(folder, "log")
    sender.send(b"1")
    dies._socket.close()
    for _ in range(3):
        sender.send(b"2")
    assert list(stays.waiting()) == [b"1", b"2", b"2", b"2"]
    assert os.listdir(folder.path) == [stays.name]


def test_a_full_listener_misses_what_is_not_kept(folder: SocketFolder) -> None:
    listener, sender = Listener(folder, "log"), Sender(folder, "log")
    for number in range(1000):
        assert sender.send(b"%d" % number)
    heard = list(listener.waiting())
    assert heard == [b"%d" % number for number in range(len(heard))]
    assert len(heard) < 1000


def test_what_is_kept_for_a_full_listener_is_sent_later_without_the_oldest(folder: SocketFolder) -> None:
    listener, sender = Listener(folder, "log"), Sender(folder, "log", keep=20)
    for number in range(1000):
        sender.send(b"%d" % number)
    before = len(list(listener.waiting()))
    heard: list[bytes] = []
    while not sender.flush():
        heard += listener.waiting()
    heard += listener.waiting()
    assert before < 980
    assert heard == [b"%d" % number for number in range(980, 1000)]


def test_what_is_kept_can_be_dropped(folder: SocketFolder) -> None:
    listener, sender = Listener(folder, "log"), Sender(folder, "log", keep=20)
    while sender.send(b"x"):
        continue
    sender.drop()
    assert sender.flush()
    assert list(listener.waiting())


def test_a_datagram_that_is_too_large_goes_to_nobody_and_harms_nobody(folder: SocketFolder) -> None:
    listener, sender = Listener(folder, "log"), Sender(folder, "log", keep=5)
    assert sender.send(bytes(MAX_DATAGRAM_BYTES + 1))
    sender.send(b"x")
    assert list(listener.waiting()) == [b"x"]


def test_when_the_folder_is_gone_sending_is_no_error(folder: SocketFolder) -> None:
    sender = Sender(folder, "log")
    folder.path.rmdir()
    sender.send(b"x")
    sender.close()


def test_closing_twice_is_no_error(folder: SocketFolder) -> None:
    listener, sender = Listener(folder, "log"), Sender(folder, "log")
    for _ in range(2):
        listener.close()
        sender.close()
        folder.close()
    assert list(listener.waiting()) == []
