"""Which log it is, and positions that never lie before those of the log that was there before."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from evoke.adapters.pulsar.administration import Administration
from evoke.bootstrap import continue_log, log_continues, open_event_log, prepare_engine, pulsar_place
from evoke.domain import topics
from evoke.domain.errors import LogReplaced, Unavailable
from evoke.ports.event_log import EventLog, Position, Record
from evoke.settings import Settings, load_settings
from tests.stack.servers import PrivateStack

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(120)]


@pytest.fixture
def settings(servers: PrivateStack) -> Settings:
    """A namespace that nobody has prepared."""
    servers.start("pulsar")
    own = {**servers.settings(), "pulsar_namespace": f"log_{secrets.token_hex(6)}", "s3_endpoint": None}
    return load_settings({"engine": "distributed", **own})


def prepared(settings: Settings, *queues: str) -> list[str]:
    return list(prepare_engine(settings, queues))


async def append(log: EventLog, topic: str, count: int) -> list[Position]:
    return [await log.append(Record(topic, str(number), b"{}")) for number in range(count)]


async def test_two_who_prepare_a_namespace_at_once_name_the_same_log(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as threads:
        said = [list(lines) for lines in threads.map(lambda _: prepared(settings), range(4))]
    named = {line for lines in said for line in lines if line.startswith("log: ")}
    assert len(named) == 1


async def test_preparing_again_leaves_the_log_its_name(settings: Settings) -> None:
    prepared(settings)
    log = await open_event_log(settings)
    before = await log.identity()
    prepared(settings)
    assert await log.identity() == before
    await log.close()


async def test_a_namespace_that_was_not_prepared_has_no_log(settings: Settings) -> None:
    prepared(settings)
    broker = Administration(pulsar_place(settings))
    place = f"namespaces/{settings.pulsar_tenant}/{settings.pulsar_namespace}"
    broker.call("DELETE", f"{place}/properties")
    with pytest.raises(Unavailable, match="evoke admin init"):
        await open_event_log(settings)
    prepared(settings)  # as for a namespace that was made before logs had names
    await (await open_event_log(settings)).close()


async def test_a_log_that_follows_another_puts_all_behind_what_that_one_held(settings: Settings) -> None:
    prepared(settings, "one")
    topic = topics.attempts("one")
    earlier = await open_event_log(settings)
    archived = await earlier.identity()
    assert archived is not None
    old = await append(earlier, topic, 3)
    assert not log_continues(settings, archived)
    continue_log(settings, archived)
    assert log_continues(settings, archived)
    with pytest.raises(LogReplaced, match="evoke admin restore"):
        await earlier.identity()
    await earlier.close()

    log = await open_event_log(settings)
    identity = await log.identity()
    continue_log(settings, archived)  # once more, as by who was killed
    assert await log.identity() == identity
    new = await append(log, topic, 3)
    assert max(old) < min(new)
    assert await log.end(topic) == new[-1]
    # All of this log follows the watermark of the earlier one, whatever lies in its topics.
    entries = await log.read(topic, old[-1], 100)
    assert [entry.position for entry in entries][3:] == new
    assert [entry.position for entry in await log.read(topic, new[0], 100)] == new[1:]
    assert [entry.position for entry in await log.find([topic], ["2"])][-1] == new[2]
    assert await log.ends_before({topic: old[-1]}) == []
    await log.close()


async def test_a_topic_that_was_let_go_of_is_behind_no_watermark(settings: Settings) -> None:
    prepared(settings, "one")
    topic = topics.attempts("one")
    log = await open_event_log(settings)
    positions = await append(log, topic, 3)
    broker = Administration(pulsar_place(settings))
    broker.of_topic("POST", topic, "/subscription/archive/skip_all")
    broker.of_topic("PUT", topic, "/unload")
    assert await log.ends_before({topic: positions[-1], topics.completed("one"): None}) == []
    await log.close()
