"""`evoke up --engine distributed` on the servers of a local stack: the same system, and nothing to be set by hand."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import httpx
import psutil
import pytest

from evoke.process import ExitCode
from tests.stack.engines import ALL
from tests.stack.servers import PrivateStack
from tests.system.processes import eventually
from tests.system.supervised import Up, gone, running_up

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def up(servers: PrivateStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Started by somebody whose environment is about some other cloud."""
    servers.start(*ALL)
    own = f"evoke_{secrets.token_hex(6)}"
    environment = {
        "EVOKE_STACK_DIR": str(servers.stack.folder),
        "EVOKE_PULSAR_NAMESPACE": own,
        "EVOKE_CATALOG_NAMESPACE": own,
        "AWS_ACCESS_KEY_ID": "of-another-cloud",
        "AWS_SECRET_ACCESS_KEY": "of-another-cloud",
        "AWS_SESSION_TOKEN": "of-another-cloud",
    }
    options = ("--models", "factorial", "--engine", "distributed")
    with running_up(tmp_path_factory.mktemp("up"), *options, **environment) as started:
        started.wait_until_ready()
        yield started


def test_what_was_missing_is_made_and_told(up: Up) -> None:
    assert "distributed engine:" in up.output
    assert "were missing, and are made" in up.output


def test_a_job_goes_all_the_way_and_is_found_by_sql(up: Up) -> None:
    body = {"model": "factorial", "input": {"no": 20}}
    headers = {"prefer": "wait=60"}
    job = httpx.post(f"{up.url}/v1/jobs", json=body, headers=headers, timeout=90).json()
    assert job["status"] == "succeeded"
    artifact = httpx.get(f"{up.url}/v1/jobs/{job['id']}/artifacts/0")
    assert artifact.text.strip() == "2432902008176640000"
    sql = {"sql": f"SELECT status FROM jobs WHERE id = '{job['id']}'"}

    def archived() -> bool:
        found = httpx.post(f"{up.url}/v1/query", json=sql).json()
        return bool(found.get("rows") == [["succeeded"]])

    eventually(archived, "SQL sees the job")


def test_the_console_answers(up: Up) -> None:
    page = httpx.get(up.url)
    assert page.status_code == 200
    assert "evoke" in page.text


def test_no_address_and_no_key_of_the_servers_reaches_a_model(up: Up) -> None:
    environment = up.children()["model_containers.factorial"].environ()
    assert not [name for name in environment if name.startswith(("EVOKE_", "AWS_"))]


def test_told_to_stop_it_leaves_the_servers_running_and_nothing_else(up: Up, servers: PrivateStack) -> None:
    children = list(up.children().values())
    psutil.Process(up.process.pid).terminate()
    assert up.wait_for_exit(deadline_s=60) == ExitCode.STOPPED
    assert all(gone(child) for child in children)
    assert servers.stack.silent() == []
