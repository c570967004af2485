"""A Trino that wants TLS and a token: evoke shows who it is, checks whom it speaks to, and tells nobody its secret."""

from __future__ import annotations

import base64
import logging
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.domain.errors import InvalidInput, Unavailable
from evoke.ports.history import History, JobFilter, QueryLimits
from evoke.settings import Settings, load_settings
from infrastructure.local.stack import processes, trino
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.ports import free_port
from infrastructure.local.stack.server import properties
from tests.contract.archive_world import LONG_AGO_MS, World
from tests.stack.pulsar.certificates import authority, server_certificate, token
from tests.stack.servers import HEAPS_MB, PrivateStack

pytestmark = pytest.mark.distributed

START_S = 180.0


@dataclass(frozen=True)
class Secured:
    """Where it is, the authority of its certificate, and the key that signs tokens."""

    url: str
    plain_url: str
    authority: Path
    key: bytes


@pytest.fixture(scope="module")
def secured(servers: PrivateStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A second Trino over the same archive, which nobody asks without TLS and a token."""
    servers.start("nessie")
    folder = tmp_path_factory.mktemp("secured")
    issuer = authority(folder, "authority")
    store = folder / "trino.pem"
    store.write_text(
        "".join(part.read_text() for part in server_certificate(folder, issuer)), encoding="utf-8"
    )
    key = secrets.token_bytes(32)
    (folder / "jwt.key").write_text(base64.b64encode(key).decode(), encoding="utf-8")
    port = free_port()
    ports = {**servers.stack.ports, "trino": free_port()}
    launch = trino.launch(trino.fetch(cache_folder()), folder, ports, HEAPS_MB["trino"])
    texts = dict(launch.settings)
    texts["etc/config.properties"] += properties(
        {
            "http-server.https.enabled": "true",
            "http-server.https.port": port,
            "http-server.https.keystore.path": store,
            "http-server.authentication.type": "JWT",
            "http-server.authentication.jwt.key-file": folder / "jwt.key",
            "internal-communication.shared-secret": secrets.token_hex(32),
        }
    )
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    running = processes.start(launch.command, folder, folder / "trino.log", launch.environment)
    try:
        _wait(f"https://127.0.0.1:{port}/v1/info", issuer[0])
        plain = f"http://127.0.0.1:{ports['trino']}"
        yield Secured(f"https://127.0.0.1:{port}", plain, issuer[0], key)
    finally:
        running.kill()


def _wait(url: str, authority: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(authority))
    until_s = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=trusted) as answer:
                if b'"starting":false' in answer.read():
                    return
        except (OSError, urllib.error.URLError):
            pass
        assert time.monotonic() < until_s, "Trino does not start"
        time.sleep(0.5)


@pytest.fixture
def chosen(servers: PrivateStack, secured: Secured, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    servers.forget_archive()
    return {
        "engine": "distributed",
        **servers.settings(),
        "trino_url": secured.url,
        "trino_ca_file": secured.authority,
        "trino_token": token(secured.key, "evoke"),
    }


@pytest.fixture
async def world(chosen: dict[str, Any]) -> AsyncIterator[World]:
    archive = await open_archive(load_settings(chosen))
    await archive.prepare()
    await archive.watermark()
    world = World(archive, "images")
    world.job(LONG_AGO_MS)
    await world.commit()
    yield world
    await archive.close()


async def listed(settings: Settings, tenant: str) -> int:
    history = await open_history(settings)
    try:
        return len(await history.jobs(tenant, JobFilter(), None, 5))
    finally:
        await history.close()


async def test_history_is_read_with_a_token_over_tls_and_the_token_is_in_no_log(
    chosen: dict[str, Any], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = load_settings(chosen)
    history: History = await open_history(settings)
    assert len(await history.jobs(world.tenant, JobFilter(), None, 5)) == 1
    result = await history.query(world.tenant, "SELECT count(*) FROM jobs", QueryLimits())
    assert result.rows == [[1]]
    await history.close()
    assert chosen["trino_token"] not in caplog.text + repr(settings) + repr(vars(history))


async def test_a_token_of_somebody_else_or_of_nobody_is_not_accepted(
    chosen: dict[str, Any], world: World, secured: Secured
) -> None:
    forged = token(b"another key of the right length..", "evoke")
    for shown in (forged, "nonsense", token(secured.key, "stranger"), None):
        with pytest.raises(Unavailable) as refused:
            await listed(load_settings({**chosen, "trino_token": shown}), world.tenant)
        assert str(shown) not in str(refused.value)


async def test_a_server_of_unknown_certificate_is_not_spoken_to(chosen: dict[str, Any], world: World) -> None:
    with pytest.raises(Unavailable, match="EVOKE_TRINO_CA_FILE"):
        await listed(load_settings({**chosen, "trino_ca_file": None}), world.tenant)


async def test_no_secret_is_sent_without_tls(chosen: dict[str, Any], secured: Secured) -> None:
    for secret in ("trino_token", "trino_password"):
        plain = {**chosen, "trino_url": secured.plain_url, "trino_token": None, secret: "a secret"}
        with pytest.raises(InvalidInput, match="EVOKE_TRINO_URL"):
            await open_history(load_settings(plain))
