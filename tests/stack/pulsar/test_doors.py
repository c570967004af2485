"""A broker behind TLS that asks for tokens."""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evoke.bootstrap import (
    open_archiver_lease,
    open_event_log,
    open_progress_channel,
    open_request_queue,
    prepare_engine,
)
from evoke.domain import topics
from evoke.domain.errors import Unavailable
from evoke.ports.event_log import Record
from evoke.settings import Settings, load_settings
from infrastructure.local.stack.ports import free_port
from tests.stack.pulsar.broker import Broker
from tests.stack.pulsar.certificates import authority, server_certificate, token

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(300)]

QUEUE = "guarded"
SECRET = secrets.token_bytes(32)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Settings of a broker that takes TLS and tokens alone."""
    folder = tmp_path_factory.mktemp("guarded")
    trusted = authority(folder, "trusted")
    certificate, key = server_certificate(folder, trusted)
    ports = {"brokerServicePortTls": free_port(), "webServicePortTls": free_port()}
    admin = token(SECRET, "evoke")
    broker = Broker(
        folder,
        {
            **ports,
            "tlsCertificateFilePath": certificate,
            "tlsKeyFilePath": key,
            "tlsTrustCertsFilePath": trusted[0],
            "authenticationEnabled": "true",
            "authenticationProviders": "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
            "tokenSecretKey": f"data:;base64,{base64.b64encode(SECRET).decode()}",
            "authorizationEnabled": "true",
            "superUserRoles": "evoke",
            "brokerClientTlsEnabled": "true",
            "brokerClientTrustCertsFilePath": trusted[0],
            "brokerClientAuthenticationPlugin": "org.apache.pulsar.client.impl.auth.AuthenticationToken",
            "brokerClientAuthenticationParameters": f"token:{admin}",
        },
    )
    chosen: dict[str, object] = {
        "engine": "distributed",
        "pulsar_url": f"pulsar+ssl://127.0.0.1:{ports['brokerServicePortTls']}",
        "pulsar_admin_url": f"https://127.0.0.1:{ports['webServicePortTls']}",
        "pulsar_ca_file": trusted[0],
        "pulsar_token": admin,
    }
    broker.start(lambda: _serves(chosen))
    for _ in prepare_engine(load_settings(chosen), [QUEUE]):
        pass
    yield chosen
    broker.end()


def _serves(chosen: dict[str, Any]) -> bool:
    request = urllib.request.Request(f"{chosen['pulsar_admin_url']}/admin/v2/namespaces/public")
    request.add_header("Authorization", f"Bearer {chosen['pulsar_token']}")
    context = ssl.create_default_context(cafile=chosen["pulsar_ca_file"])
    try:
        with urllib.request.urlopen(request, timeout=3, context=context) as answer:
            return b"public/default" in answer.read()
    except OSError:
        return False


async def test_everything_works_through_tls_with_a_token(guarded: dict[str, object]) -> None:
    settings = load_settings(guarded)
    log, requests = await open_event_log(settings), await open_request_queue(settings)
    progress, lease = await open_progress_channel(settings), await open_archiver_lease(settings)
    await lease.acquire()
    reports: Any = await progress.subscribe([QUEUE])
    subscription = await requests.subscribe(QUEUE, "worker")
    position = await log.append(Record(topics.requested(QUEUE), "job", b"{}"))
    [delivery] = await asyncio.wait_for(subscription.receive(1), 30)
    await subscription.retry_later(delivery, 0.0)
    [again] = await asyncio.wait_for(subscription.receive(1), 30)
    await subscription.ack(again)
    assert [entry.position for entry in await log.read(topics.requested(QUEUE), None, 10)] == [position]
    assert [entry.key for entry in await log.find([topics.requested(QUEUE)], ["job"])] == ["job"]
    progress.publish(QUEUE, b"report")
    assert await asyncio.wait_for(anext(reports), 30) == b"report"
    await reports.aclose()
    for opened in (progress, requests, log):
        await opened.close()
    await lease.release()


def without(guarded: dict[str, object], **changed: object) -> Settings:
    return load_settings({**guarded, **changed})


@pytest.mark.parametrize("wrong", ["", "not.a.token", token(b"x" * 32, "evoke")])
async def test_without_a_good_token_nothing_opens_and_the_setting_is_named(
    guarded: dict[str, object], wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = without(guarded, pulsar_token=wrong or None)
    with pytest.raises(Unavailable, match="EVOKE_PULSAR_TOKEN"):
        await open_event_log(settings)
    requests = await open_request_queue(settings)
    with pytest.raises(Unavailable):
        await requests.subscribe(QUEUE, "stranger")
    await requests.close()
    assert not wrong or wrong not in caplog.text


async def test_a_broker_whose_certificate_nobody_vouches_for_is_not_trusted(
    guarded: dict[str, object], tmp_path: Path
) -> None:
    other, _ = authority(tmp_path, "other")
    with pytest.raises(Unavailable, match="certificate"):
        await open_event_log(without(guarded, pulsar_ca_file=other))


async def test_a_token_that_may_do_nothing_is_told_so(guarded: dict[str, object]) -> None:
    with pytest.raises(Unavailable, match="EVOKE_PULSAR_TOKEN"):
        await open_event_log(without(guarded, pulsar_token=token(SECRET, "nobody")))
