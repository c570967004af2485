"""`evoke admin init` makes what the engine lacks, once, and can be run again at any time."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from evoke.bootstrap import open_blob_store, prepare_engine
from evoke.settings import Settings, load_settings
from tests.stack.servers import PrivateStack

pytestmark = pytest.mark.distributed


@pytest.fixture
def settings(servers: PrivateStack, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An engine of which nothing is there yet but the servers."""
    servers.start("pulsar", "versitygw")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    own = f"new-{secrets.token_hex(6)}"
    places = {"pulsar_tenant": own, "pulsar_namespace": own, "s3_bucket": own}
    return load_settings({"engine": "distributed", **servers.settings(), **places})


async def test_all_is_made_at_first_and_there_afterwards(settings: Settings) -> None:
    first = list(prepare_engine(settings, ["one"]))
    assert f"bucket {settings.s3_bucket}: made" in first
    assert f"tenant {settings.pulsar_tenant}: made" in first
    assert any(line.startswith("topic requested_one: made") for line in first)
    again = list(prepare_engine(settings, ["one", "two"]))
    assert [line for line in again if ": made" in line and "_two" not in line] == []
    assert any(line.startswith("topic requested_two: made") for line in again)


async def test_artifacts_can_be_stored_once_it_is_done(settings: Settings) -> None:
    for _ in prepare_engine(settings, []):
        pass
    blobs = await open_blob_store(settings)
    info = await blobs.put("tenant/job/attempt/name", _chunks(b"bytes"), "text/plain")
    assert info.size_bytes == 5
    await blobs.close()


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data
