"""Weights are fetched once, whole or not at all, from real servers that break off, change and lie."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evoke.adapters.weights_http.hub import HubSource
from evoke.adapters.weights_http.web import WebSource
from evoke.domain.errors import (
    Conflict,
    EvokeError,
    InvalidInput,
    NotFound,
    StorageFull,
    Unavailable,
    WeightsDamaged,
)
from evoke.domain.weights_place import OnHub, OnWeb
from evoke.ports.weights_source import Listing
from evoke.weights.joined import JoinedSource
from evoke.weights.receipts import Receipt
from evoke.weights.store import WeightsStore
from evoke.weights.wish import Wish
from tests.system.weights_server import COMMIT, WeightsServer, safetensors, weights_server

CONTENT = safetensors(bytes(range(256)) * 3000)
OTHER = safetensors(bytes(range(255)) * 3000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
REPOSITORY = {
    "model_index.json": b'{"_class_name": "X"}',
    "unet/model.safetensors": CONTENT,
    "unet/pytorch_model.bin": b"pickled",
    "run_me.py": b"print('code')",
    "picture.png": b"png",
    ".gitattributes": b"*",
    "LICENSE": b"free",
}


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with weights_server() as running:
        running.files["/a.safetensors"] = CONTENT
        running.repositories["someone/model"] = dict(REPOSITORY)
        yield running


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path)


def web(server: WeightsServer, name: str = "a.safetensors", **wish: Any) -> Wish:
    return Wish(model="m", uri=f"{server.url}/{name}", **wish)


def hub(revision: str = "main", **wish: Any) -> Wish:
    return Wish(model="m", uri=f"hf:someone/model@{revision}", **wish)


def pull(store: WeightsStore, server: WeightsServer, wish: Wish) -> tuple[Receipt, bool]:
    revision = wish.uri.partition("@")[2]
    on_hub = wish.uri.startswith("hf:")
    source = (
        HubSource(OnHub("someone/model", revision), server.url) if on_hub else WebSource(OnWeb(wish.uri), {})
    )
    with closing(source):
        return store.pull(wish, source, lambda name, done, total: None)


def test_a_single_file_is_fetched_under_the_models_name(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    receipt, fetched = pull(store, server, web(server))
    assert fetched
    assert (tmp_path / "m.safetensors").read_bytes() == CONTENT
    assert [(file.name, file.sha256) for file in receipt.files] == [("a.safetensors", DIGEST)]
    assert stat.S_IMODE((tmp_path / "m.safetensors").stat().st_mode) == 0o444


def test_a_repository_is_fetched_without_what_can_run_code(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    receipt, _ = pull(store, server, hub())
    found = {str(path.relative_to(tmp_path / "m")) for path in (tmp_path / "m").rglob("*") if path.is_file()}
    assert found == {"model_index.json", "unet/model.safetensors", "LICENSE"}
    assert (tmp_path / "m" / "unet" / "model.safetensors").read_bytes() == CONTENT
    assert receipt.version == COMMIT
    assert server.sent.total() == sum(len(REPOSITORY[name]) for name in found)


def test_an_unsafe_file_is_taken_when_it_is_named(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    pull(store, server, hub(allow=("pytorch_model.bin",), files=("*.json",)))
    assert {path.name for path in (tmp_path / "m").rglob("*") if path.is_file()} == {
        "model_index.json",
        "pytorch_model.bin",
    }


def test_a_source_of_unsafe_files_only_is_refused_saying_what_to_allow(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    server.repositories["someone/model"] = {"pytorch_model.bin": b"pickled"}
    with pytest.raises(InvalidInput, match=r"pytorch_model\.bin.*source\.allow"):
        pull(store, server, hub())
    server.files["/a.ckpt"] = b"pickled"
    with pytest.raises(InvalidInput, match=r"a\.ckpt"):
        pull(store, server, web(server, "a.ckpt"))
    assert not (tmp_path / "m").exists()
    assert server.sent.total() <= 1


@pytest.mark.parametrize("name", ["../evil.safetensors", "/evil.safetensors", "a/../../evil.safetensors"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    store: WeightsStore, server: WeightsServer, name: str
) -> None:
    server.repositories["someone/model"] = {"a.safetensors": CONTENT, name: CONTENT}
    with pytest.raises(InvalidInput, match="leads out"):
        pull(store, server, hub())


def test_nothing_is_fetched_twice(store: WeightsStore, server: WeightsServer) -> None:
    pull(store, server, hub())
    single = msgspec.structs.replace(web(server), model="n")
    pull(store, server, single)
    sent = server.sent.total()
    assert pull(store, server, hub())[1] is False
    assert pull(store, server, single)[1] is False
    assert server.sent.total() <= sent + 1


def test_a_pinned_commit_and_a_known_digest_are_not_even_asked_for(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    pull(store, server, hub(COMMIT))
    pinned = Wish(model="n", uri=f"{server.url}/a.safetensors", sha256=DIGEST)
    pull(store, server, pinned)
    server.status, server.repositories = 500, {}
    assert pull(store, server, hub(COMMIT))[1] is False
    assert pull(store, server, pinned)[1] is False


def test_weights_that_are_here_do_not_need_their_source(store: WeightsStore, server: WeightsServer) -> None:
    pull(store, server, web(server))
    server.status = 503
    assert pull(store, server, web(server))[1] is False
    with pytest.raises(Unavailable):
        pull(store, server, msgspec.structs.replace(web(server), model="n"))


def test_a_file_that_is_allowed_later_is_fetched_too(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    pull(store, server, hub(COMMIT))
    assert pull(store, server, hub(COMMIT, allow=("pytorch_model.bin",)))[1] is True
    assert (tmp_path / "m" / "unet" / "pytorch_model.bin").exists()


def test_a_break_is_gone_on_with_where_it_was(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    server.cut_after, server.cuts = 200_000, 2
    pull(store, server, hub())
    assert (tmp_path / "m" / "unet" / "model.safetensors").read_bytes() == CONTENT
    ranges = [part for path, part, _ in server.asked if path.endswith("model.safetensors")]
    assert ranges == ["bytes=0-", "bytes=200000-", "bytes=400000-"]


def test_a_later_pull_goes_on_where_an_earlier_one_gave_up(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        _pull_until(store, server, 250_000)
    assert not (tmp_path / "m.safetensors").exists()
    server.asked = []
    pull(store, server, web(server))
    assert (tmp_path / "m.safetensors").read_bytes() == CONTENT
    (_, last, _) = server.asked[-1]
    assert int(last.removeprefix("bytes=").rstrip("-")) >= 250_000


class Interrupted(Exception):
    """As Ctrl-C is, but caught by nobody else."""


def _pull_until(store: WeightsStore, server: WeightsServer, limit: int) -> None:
    def told(name: str, done: int, total: int | None) -> None:
        if done >= limit:
            raise Interrupted

    wish = web(server)
    with closing(WebSource(OnWeb(wish.uri), {})) as source:
        store.pull(wish, source, told)


def test_a_file_that_changed_in_between_is_fetched_anew(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        _pull_until(store, server, 100_000)
    server.files["/a.safetensors"] = OTHER
    pull(store, server, web(server))
    assert (tmp_path / "m.safetensors").read_bytes() == OTHER


def test_a_server_that_tells_no_version_is_not_gone_on_with(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    server.tags = False
    with pytest.raises(Interrupted):
        _pull_until(store, server, 100_000)
    server.files["/a.safetensors"] = OTHER
    pull(store, server, web(server))
    assert (tmp_path / "m.safetensors").read_bytes() == OTHER


def test_new_weights_at_the_same_address_replace_the_old_ones(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    pull(store, server, web(server))
    server.files["/a.safetensors"] = OTHER
    assert pull(store, server, web(server))[1] is True
    assert (tmp_path / "m.safetensors").read_bytes() == OTHER
    store.verify("m")


@pytest.mark.parametrize(
    ("content", "wish", "told"),
    [
        (CONTENT, {"sha256": "0" * 64}, "SHA-256"),
        (CONTENT, {"size_bytes": len(CONTENT) - 1}, "bytes"),
        (b"<html>Please log in</html>", {}, "no whole .safetensors"),
        (CONTENT[:-1], {}, "cut short"),
        (CONTENT + b"x", {}, "cut short"),
    ],
)
def test_what_is_not_what_was_promised_is_thrown_away(
    store: WeightsStore,
    server: WeightsServer,
    content: bytes,
    wish: dict[str, Any],
    told: str,
) -> None:
    server.files["/a.safetensors"] = content
    with pytest.raises(WeightsDamaged, match=told):
        pull(store, server, web(server, **wish))
    assert not (store.folder / "m.safetensors").exists()
    assert list((store.folder / ".evoke" / "partial").rglob("*.safetensors")) == []
    server.files["/a.safetensors"] = CONTENT
    assert pull(store, server, web(server))[1] is True


def test_a_hub_that_sends_other_bytes_than_it_listed_is_found_out(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    class Lying(HubSource):
        def listing(self) -> Listing:
            found = super().listing()
            server.repositories["someone/model"]["model_index.json"] = b'{"_class_name": "Y"}'
            return found

    with closing(Lying(OnHub("someone/model", "main"), server.url)) as source:
        with pytest.raises(WeightsDamaged, match=r"model_index\.json.*SHA-1"):
            store.pull(hub(), source, lambda name, done, total: None)


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    server: WeightsServer, tmp_path: Path, store: WeightsStore
) -> None:
    statvfs = os.statvfs(tmp_path)
    wish = web(server, size_bytes=statvfs.f_bavail * statvfs.f_frsize + 1)
    with pytest.raises(StorageFull, match="GB free"):
        pull(store, server, wish)


def test_a_server_that_sends_nothing_is_given_up_after_some_tries(
    store: WeightsStore, server: WeightsServer
) -> None:
    server.cut_after, server.cuts = 0, 100
    with pytest.raises(Unavailable):
        pull(store, server, web(server))


def test_weights_that_somebody_else_put_there_are_not_touched(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"precious")
    with pytest.raises(Conflict, match="not fetched by evoke"):
        pull(store, server, web(server))
    assert (tmp_path / "m.safetensors").read_bytes() == b"precious"


@pytest.mark.parametrize("damage", ["change", "cut", "remove"])
def test_verifying_finds_a_file_that_has_changed(
    store: WeightsStore, server: WeightsServer, tmp_path: Path, damage: str
) -> None:
    pull(store, server, hub())
    assert store.verify("m").version == COMMIT
    file = tmp_path / "m" / "unet" / "model.safetensors"
    file.chmod(0o644)
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(CONTENT[:-1] + (b"" if damage == "cut" else b"!"))
    with pytest.raises(WeightsDamaged, match=r"model\.safetensors"):
        store.verify("m")


def test_damaged_weights_are_fetched_again_where_their_size_tells(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    pull(store, server, hub())
    file = tmp_path / "m" / "unet" / "model.safetensors"
    file.chmod(0o644)
    file.write_bytes(b"")
    assert pull(store, server, hub())[1] is True
    assert file.read_bytes() == CONTENT


def test_removed_weights_are_gone_and_can_be_fetched_again(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    pull(store, server, hub())
    store.remove("m")
    assert not (tmp_path / "m").exists()
    for refused in (store.remove, store.verify):
        with pytest.raises(NotFound):
            refused("m")
    assert pull(store, server, hub())[1] is True


def test_two_at_once_fetch_it_once(store: WeightsStore, server: WeightsServer) -> None:
    done: list[bool] = []
    failed: list[EvokeError] = []

    def work() -> None:
        try:
            done.append(pull(store, server, hub(COMMIT))[1])
        except EvokeError as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(done) == [False, False, False, True]


def test_a_receipt_without_its_weights_is_no_obstacle(
    store: WeightsStore, server: WeightsServer, tmp_path: Path
) -> None:
    """As a crash leaves it: the receipt is written first."""
    receipt, _ = pull(store, server, hub())
    store.remove("m")
    store.receipts.put(receipt)
    assert pull(store, server, hub())[1] is True
    store.verify("m")


def test_what_goes_with_a_model_lies_in_a_folder_of_its_own_and_is_fetched_again_when_it_changes(
    store: WeightsStore, server: WeightsServer
) -> None:
    server.repositories["someone/words"] = {
        "config.json": b"{}",
        "model.safetensors": OTHER,
        "x.bin": b"code",
    }
    parts = {"words": "hf:someone/words@main"}

    def fetch() -> tuple[Receipt, bool]:
        places = {"": OnHub("someone/model", "main"), "words": OnHub("someone/words", "main")}
        sources = {name: HubSource(place, server.url) for name, place in places.items()}
        joined = JoinedSource(sources.pop(""), sources)
        with closing(joined):
            return store.pull(hub(parts=parts), joined, lambda name, done, total: None)

    receipt, fetched = fetch()
    assert fetched
    names = {file.name for file in receipt.files}
    assert {"unet/model.safetensors", "words/config.json", "words/model.safetensors"} <= names
    assert (store.folder / "m" / "words" / "model.safetensors").read_bytes() == OTHER
    assert (store.folder / "m" / "unet" / "model.safetensors").read_bytes() == CONTENT
    assert not (store.folder / "m" / "words" / "x.bin").exists()
    assert store.verify("m") == receipt
    assert not fetch()[1]
    server.repositories["someone/words"]["config.json"] = b'{"new": 1}'
    fetch()
    assert store.verify("m")


@pytest.mark.parametrize("name", ["../words", "a/b", "", ".."])
def test_a_part_does_not_leave_the_models_folder(server: WeightsServer, name: str) -> None:
    source = HubSource(OnHub("someone/model", "main"), server.url)
    with closing(source), pytest.raises(InvalidInput, match="no name of a folder"):
        JoinedSource(source, {name: source}).listing()


def test_parts_of_a_single_file_are_refused(server: WeightsServer) -> None:
    source = WebSource(OnWeb(f"{server.url}/a.safetensors"), {})
    with closing(source), pytest.raises(InvalidInput, match="single file"):
        JoinedSource(source, {"words": source}).listing()
