"""The stack in containers is the stack without them: the same versions and settings, in a file that Compose accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from infrastructure.local.stack import nessie, pulsar, trino, trino_rules
from infrastructure.local.stack.compose import FILE, main, text
from infrastructure.local.stack.evoke_settings import addresses
from infrastructure.local.stack.servers import SERVERS

SCHEMA = Path(__file__).parent / "compose_spec" / "compose-spec.json"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_the_file_is_the_one_that_the_stacks_code_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == text()
    assert main(["--check"]) == 0


def test_it_is_a_compose_file(compose: Any) -> None:
    valid = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [str(error) for error in valid.iter_errors(compose)] == []
    compose["services"]["trino"]["port"] = compose["services"]["trino"].pop("ports")
    assert not valid.is_valid(compose)
    compose["services"]["trino"]["ports"] = compose["services"]["trino"].pop("port")


def test_every_server_is_there_in_the_version_that_runs_without_containers(compose: Any) -> None:
    versions = {
        name: service["image"].rpartition(":")[2].lstrip("v") for name, service in compose["services"].items()
    }
    assert versions == {server.name: server.version for server in SERVERS}


def test_every_usual_port_is_open_on_loopback_alone(compose: Any) -> None:
    opened = [port for service in compose["services"].values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in opened)
    usual = {number for server in SERVERS for number in server.ports.values()}
    inside_alone = {pulsar.SERVER.ports["pulsar-bookkeeper"]}
    assert {int(port.split(":")[1]) for port in opened} == usual - inside_alone


def test_the_servers_are_told_the_same_in_both_forms(compose: Any) -> None:
    services = compose["services"]
    told = services["pulsar"]["environment"]
    assert {name: told[f"PULSAR_PREFIX_{name}"] for name in pulsar.SETTINGS} == {
        name: str(value) for name, value in pulsar.SETTINGS.items()
    }
    assert nessie.settings("http://versitygw:7070").items() <= services["nessie"]["environment"].items()
    catalog = compose["configs"]["trino-catalog"]["content"].splitlines()
    assert "iceberg.rest-catalog.uri=http://nessie:19120/iceberg/" in catalog
    assert len(catalog) == len(trino.catalog("", ""))


def test_compose_reads_the_rules_of_trino_as_they_are_meant(compose: Any) -> None:
    written = compose["configs"]["trino-rules"]["content"]
    assert "$" not in written.replace("$$", "")
    assert json.loads(written.replace("$$", "$")) == json.loads(trino_rules.rules(trino.CATALOG))


def test_evoke_finds_them_where_it_looks_for_the_local_stack(compose: Any) -> None:
    usual = {name: number for server in SERVERS for name, number in server.ports.items()}
    found = addresses(usual)
    opened = {
        port.rpartition(":")[0] for service in compose["services"].values() for port in service["ports"]
    }
    for setting in ("pulsar_url", "pulsar_admin_url", "s3_endpoint", "catalog_uri", "trino_url"):
        assert str(found[setting]).split("/")[2] in opened
