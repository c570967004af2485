"""What every source of weights promises: see `evoke/ports/weights_source.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Protocol

import boto3
import pytest

from evoke.adapters.weights_http.hub import HubSource
from evoke.adapters.weights_http.web import WebSource
from evoke.adapters.weights_s3.source import BucketSource
from evoke.domain.errors import InvalidInput, NotFound, Unavailable
from evoke.domain.weights_place import InBucket, OnHub, OnWeb
from evoke.ports.weights_source import RemoteFile, WeightsSource
from tests.stack.servers import PrivateStack
from tests.system.weights_server import COMMIT, WeightsServer, safetensors, weights_server

CONTENT = safetensors(bytes(range(256)) * 3000)
OTHER = safetensors(bytes(range(255)) * 3000)


class World(Protocol):
    """A place with one file of weights."""

    def source(self, name: str = "a.safetensors") -> WeightsSource: ...

    def put(self, content: bytes) -> None: ...


class Web:
    def __init__(self, server: WeightsServer) -> None:
        self.server = server

    def source(self, name: str = "a.safetensors") -> WeightsSource:
        return WebSource(OnWeb(f"{self.server.url}/{name}?key=secret"), {})

    def put(self, content: bytes) -> None:
        self.server.files["/a.safetensors"] = content


class Hub(Web):
    def source(self, name: str = "a.safetensors") -> WeightsSource:
        repository = "someone/model" if name == "a.safetensors" else f"someone/{name.partition('.')[0]}"
        return HubSource(OnHub(repository, "main"), self.server.url)

    def put(self, content: bytes) -> None:
        self.server.repositories["someone/model"] = {"a.safetensors": content, "config.json": b"{}"}


class S3:
    def __init__(self, endpoint: str) -> None:
        self._place = {"region": "us-east-1", "endpoint": endpoint, "path_style": True}
        self._client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        with suppress(self._client.exceptions.BucketAlreadyOwnedByYou):  # the server outlives tests
            self._client.create_bucket(Bucket="weights")

    def source(self, name: str = "a.safetensors") -> WeightsSource:
        return BucketSource(InBucket("weights", f"some/{name}"), **self._place)  # type: ignore[arg-type]  # as they are

    def put(self, content: bytes) -> None:
        self._client.put_object(Bucket="weights", Key="some/a.safetensors", Body=content)


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with weights_server() as running:
        yield running


@pytest.fixture(params=["web", "hub", pytest.param("s3", marks=pytest.mark.distributed)])
def world(request: pytest.FixtureRequest, server: WeightsServer, monkeypatch: pytest.MonkeyPatch) -> World:
    made: World
    if request.param == "s3":
        servers: PrivateStack = request.getfixturevalue("servers")
        for name, value in servers.credentials().items():
            monkeypatch.setenv(name, value)
        made = S3(f"http://127.0.0.1:{servers.start('versitygw')['s3']}")
    else:
        made = Web(server) if request.param == "web" else Hub(server)
    made.put(CONTENT)
    return made


def weights(source: WeightsSource) -> tuple[RemoteFile, str]:
    listing = source.listing()
    (file,) = [file for file in listing.files if file.name == "a.safetensors"]
    return file, listing.version


def test_a_listing_knows_name_size_and_version(world: World) -> None:
    with closing(world.source()) as source:
        file, version = weights(source)
    assert file.size_bytes == len(CONTENT)
    assert version
    assert file.sha256 in (None, hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("start", [0, 1, 70_000, len(CONTENT) - 1])
def test_a_file_is_read_from_any_byte_to_its_end(world: World, start: int) -> None:
    with closing(world.source()) as source:
        file, version = weights(source)
        begins, pieces = source.read(file, start, version)
        assert begins == start
        assert b"".join(pieces) == CONTENT[start:]


def test_a_file_that_is_here_whole_is_read_as_nothing_or_anew(world: World) -> None:
    with closing(world.source()) as source:
        file, version = weights(source)
        begins, pieces = source.read(file, len(CONTENT), version)
        assert CONTENT[:begins] + b"".join(pieces) == CONTENT


def test_what_is_not_there_is_told(world: World) -> None:
    with closing(world.source("nothing.safetensors")) as source, pytest.raises(NotFound, match="nothing"):
        source.listing()


@pytest.mark.parametrize("world", ["web", pytest.param("s3", marks=pytest.mark.distributed)], indirect=True)
def test_a_file_that_has_changed_is_not_gone_on_with(world: World) -> None:
    with closing(world.source()) as source:
        file, version = weights(source)
        world.put(OTHER)
        begins, pieces = source.read(file, 1000, version)
        assert (begins, b"".join(pieces)) == (0, OTHER)


@pytest.mark.parametrize("world", ["web", "hub"], indirect=True)
def test_a_break_in_the_middle_is_told(world: World, server: WeightsServer) -> None:
    with closing(world.source()) as source:
        file, version = weights(source)
        server.cut_after, server.cuts = 100_000, 1
        _, pieces = source.read(file, 0, version)
        with pytest.raises(Unavailable, match="can't be fetched"):
            b"".join(pieces)


@pytest.mark.parametrize("world", ["web", "hub"], indirect=True)
def test_a_server_that_knows_no_parts_is_read_from_the_beginning(world: World, server: WeightsServer) -> None:
    server.ranges = False
    with closing(world.source()) as source:
        file, version = weights(source)
        begins, pieces = source.read(file, 1000, version)
        assert (begins, b"".join(pieces)) == (0, CONTENT)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_told_as_such(server: WeightsServer, status: int) -> None:
    server.status = status
    with closing(Web(server).source()) as source, pytest.raises(Unavailable, match=str(status)):
        source.listing()


def test_a_server_that_is_away_is_told_without_what_is_secret() -> None:
    for source in (WebSource(OnWeb("http://127.0.0.1:9/a.safetensors?key=secret"), {}),):
        with closing(source), pytest.raises(Unavailable) as told:
            source.listing()
        assert "secret" not in str(told.value)
        assert "127.0.0.1:9/a.safetensors" in str(told.value)
    with closing(HubSource(OnHub("a/b", "main"), "http://127.0.0.1:9")) as hub, pytest.raises(Unavailable):
        hub.listing()


def test_a_token_goes_to_its_own_host_and_to_no_other(server: WeightsServer) -> None:
    server.token = "hush"
    server.files["/a.safetensors"] = CONTENT
    with closing(WebSource(OnWeb(f"{server.url}/a.safetensors"), {"example.org": "hush"})) as source:
        with pytest.raises(InvalidInput, match="EVOKE_MODELS_TOKENS"):
            source.listing()
    with closing(WebSource(OnWeb(f"{server.url}/a.safetensors"), {"127.0.0.1": "hush"})) as source:
        assert weights(source)[0].size_bytes == len(CONTENT)


def test_a_token_of_the_hub_is_not_sent_to_where_the_hub_redirects(
    server: WeightsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_hush")
    server.token, server.moved_to = "hf_hush", "localhost"
    server.repositories["someone/model"] = {"a.safetensors": CONTENT}
    with closing(HubSource(OnHub("someone/model", COMMIT), server.url)) as source:
        file, version = weights(source)
        _, pieces = source.read(file, 5, version)
        assert b"".join(pieces) == CONTENT[5:]
    (asked, moved) = server.asked
    assert asked[2] == "Bearer hf_hush"
    assert moved == (f"/cdn/someone/model/resolve/{COMMIT}/a.safetensors", "bytes=5-", "")


def test_a_gated_repository_and_an_unknown_revision_are_told(server: WeightsServer) -> None:
    server.repositories["someone/model"] = {"a.safetensors": CONTENT}
    with (
        closing(HubSource(OnHub("someone/model", "v9"), server.url)) as source,
        pytest.raises(NotFound, match="v9"),
    ):
        source.listing()
    server.gated, server.token = True, "hush"
    with closing(HubSource(OnHub("someone/model", "main"), server.url)) as source:
        with pytest.raises(InvalidInput, match=r"gated.*HF_TOKEN"):
            source.listing()


@pytest.mark.distributed
def test_all_objects_below_a_prefix_are_the_files(
    servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    world = S3(f"http://127.0.0.1:{servers.start('versitygw')['s3']}")
    world.put(CONTENT)
    place = InBucket("weights", "some/")
    source = BucketSource(
        place, region="us-east-1", endpoint=str(servers.settings()["s3_endpoint"]), path_style=True
    )
    with closing(source):
        file, version = weights(source)
        _, pieces = source.read(file, 9, version)
        assert b"".join(pieces) == CONTENT[9:]
