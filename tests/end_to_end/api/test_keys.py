"""API keys: who may do what, and that tenants see nothing of each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.api.bootstrap import clock_ms
from services.api.key_file import create_key
from tests.end_to_end.api.world import MODEL, PROMPT, World, running_api
from tests.stack.engines import Engine

BODY: dict[str, Any] = {"model": MODEL, "input": PROMPT}


class Keys:
    """A file of keys, and a running API that asks for them."""

    def __init__(self, file: Path, world: World) -> None:
        self.file = file
        self.world = world

    async def call(self, key: str, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        return await self.world.http.request(method, path, headers=headers, **more)

    def make(self, tenant: str, *scopes: str, expires_ms: int | None = None) -> str:
        return create_key(self.file, tenant, scopes, expires_ms)


@pytest.fixture(scope="module")
async def keys(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[Keys]:
    folder = tmp_path_factory.mktemp("keys")
    file = folder / "keys.jsonl"
    create_key(file, "first", ["read"], None)
    async with running_api(engine, folder, api_keys_file=file) as world:
        yield Keys(file, world)


async def key(keys: Keys, tenant: str, *scopes: str) -> str:
    """A new key, once the API knows it."""
    made = keys.make(tenant, *scopes)
    keys.world.context.authentication.refresh()
    return made


async def test_without_a_key_nothing_but_health_is_answered(keys: Keys) -> None:
    for path in ("/v1/jobs", "/v1/models", "/images/", "/v1/queues", "/v1/dlq"):
        answer = await keys.world.http.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="evoke"')
    for path in ("/livez", "/readyz", "/health/", "/openapi.json"):
        assert (await keys.world.http.get(path)).status_code == 200


async def test_a_wrong_key_is_401(keys: Keys) -> None:
    good = await key(keys, "a", "*")
    for bad in ("x", good[:-1], good + "0", good.upper(), "evoke_" + "a" * 8 + "_" + "b" * 32 + "000000"):
        assert (await keys.call(bad, "GET", "/v1/jobs")).status_code == 401
    assert (await keys.call(good, "GET", "/v1/jobs")).status_code == 200


async def test_a_key_does_what_its_scopes_allow(keys: Keys) -> None:
    reader, writer = await key(keys, "b", "read"), await key(keys, "b", "write")
    assert (await keys.call(reader, "POST", "/v1/jobs", json=BODY)).status_code == 403
    accepted = await keys.call(writer, "POST", "/v1/jobs", json=BODY)
    assert accepted.status_code == 202
    assert (await keys.call(writer, "GET", "/v1/jobs")).status_code == 403
    assert (await keys.call(reader, "GET", f"/v1/jobs/{accepted.json()['id']}")).status_code == 200
    assert (await keys.call(reader, "POST", "/v1/query", json={"sql": "SELECT 1"})).status_code == 403
    assert (await keys.call(reader, "POST", "/v1/dlq/replay", json={"all": True})).status_code == 403


async def test_an_expired_key_is_401(keys: Keys) -> None:
    expired = keys.make("c", "*", expires_ms=clock_ms() - 1)
    valid = keys.make("c", "*", expires_ms=clock_ms() + 60_000)
    keys.world.context.authentication.refresh()
    assert (await keys.call(expired, "GET", "/v1/jobs")).status_code == 401
    assert (await keys.call(valid, "GET", "/v1/jobs")).status_code == 200


async def test_a_key_that_is_taken_out_of_the_file_stops_working(keys: Keys) -> None:
    gone = await key(keys, "d", "*")
    assert (await keys.call(gone, "GET", "/v1/jobs")).status_code == 200
    lines = keys.file.read_bytes().splitlines(keepends=True)
    keys.file.write_bytes(b"".join(lines[:-1]))
    keys.world.context.authentication.refresh()
    assert (await keys.call(gone, "GET", "/v1/jobs")).status_code == 401


async def test_a_tenant_sees_nothing_of_another(keys: Keys) -> None:
    mine, theirs = await key(keys, "mine", "*"), await key(keys, "theirs", "*")
    job = (await keys.call(mine, "POST", "/v1/jobs", json={**BODY, "metadata": {"grouping": "g"}})).json()
    await keys.world.succeed({**job, "tenant": "mine"}, data=b"secret")
    base = f"/v1/jobs/{job['id']}"
    for method, path in (
        ("GET", base),
        ("GET", f"{base}/events"),
        ("GET", f"{base}/artifacts"),
        ("GET", f"{base}/artifacts/0"),
        ("POST", f"{base}/cancel"),
        ("GET", f"/images/{job['id']}/"),
    ):
        assert (await keys.call(theirs, method, path)).status_code == 404, path
        unknown = path.replace(job["id"], "019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f")
        assert (await keys.call(theirs, method, unknown)).status_code == 404
    for path in ("/v1/jobs", "/v1/jobs?grouping=g", "/images/"):
        assert (await keys.call(theirs, "GET", path)).json()["items"] == []
    assert len((await keys.call(mine, "GET", "/v1/jobs?grouping=g")).json()["items"]) == 1


async def test_tenants_may_use_the_same_idempotency_key(keys: Keys) -> None:
    one, other = await key(keys, "one", "*"), await key(keys, "other", "*")
    headers = {"Idempotency-Key": "the-same"}
    answers = [await keys.call(who, "POST", "/v1/jobs", json=BODY, headers=headers) for who in (one, other)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_letters_of_no_tenant_are_for_operators(keys: Keys) -> None:
    writer, operator = (
        await key(keys, "e", "read", "write", "dlq"),
        await key(keys, "e", "read", "dlq", "operate"),
    )
    job = (await keys.call(writer, "POST", "/v1/jobs", json=BODY)).json()
    await keys.world.dead_letter(job, "letter-e", tenant="e")
    await keys.world.dead_letter(job, "letter-none", tenant="", request=b"\xff")
    await keys.world.dead_letter(job, "letter-f", tenant="f")

    async def seen(who: str) -> list[str]:
        return sorted(item["id"] for item in (await keys.call(who, "GET", "/v1/dlq")).json()["items"])

    assert await seen(writer) == ["letter-e"]
    assert await seen(operator) == ["letter-e", "letter-none"]
    assert (await keys.call(operator, "DELETE", "/v1/dlq/letter-f")).status_code == 404


async def test_the_file_holds_no_secret(keys: Keys) -> None:
    made = await key(keys, "f", "*")
    assert made.split("_")[2][:32] not in keys.file.read_text()
    assert keys.file.stat().st_mode & 0o077 == 0
