"""What the processes are told of the engine that they run on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evoke.domain.errors import InvalidInput
from evoke.settings import load_settings
from infrastructure.local.stack.ports import free_port
from infrastructure.local.stack.servers import SERVERS
from services.standalone.engine import chosen_engine

OUTSIDE = {"PATH": "/bin", "AWS_PROFILE": "work"}


@pytest.fixture
def no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a stack whose servers are down, on ports that nobody else's answer at."""
    ports = {name: free_port() for server in SERVERS for name in server.ports}
    (tmp_path / "stack.json").write_text(json.dumps({"ports": ports, "running": {}}))
    monkeypatch.setenv("EVOKE_STACK_DIR", str(tmp_path))
    return tmp_path


def test_the_embedded_engine_needs_nothing_and_leaves_the_environment_as_it_is(tmp_path: Path) -> None:
    engine = chosen_engine(load_settings({"data_dir": tmp_path}), OUTSIDE)
    assert engine.applied_to(OUTSIDE) == {**OUTSIDE, "EVOKE_ENGINE": "embedded"}
    assert engine.kept_in == str(tmp_path)


def test_the_engine_of_an_option_wins_over_that_of_the_environment(tmp_path: Path) -> None:
    engine = chosen_engine(load_settings({"engine": "embedded"}), {"EVOKE_ENGINE": "distributed"})
    assert engine.applied_to({"EVOKE_ENGINE": "distributed"})["EVOKE_ENGINE"] == "embedded"


def test_a_stack_that_is_down_is_told_with_what_to_do(no_stack: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        chosen_engine(load_settings({"engine": "distributed"}), OUTSIDE)
    told = str(refused.value)
    for part in ("EVOKE_ENGINE", "--engine", "pulsar, versitygw, nessie, trino", str(no_stack), "make stack"):
        assert part in told
    assert "EVOKE_PULSAR_URL" in told


def test_who_names_servers_of_their_own_is_left_alone_with_them(no_stack: Path) -> None:
    named = {**OUTSIDE, "EVOKE_S3_BUCKET": "ours"}
    settings = load_settings({"engine": "distributed", "s3_bucket": "ours"})
    engine = chosen_engine(settings, named)
    assert engine.settings is settings
    assert engine.applied_to(named) == {**named, "EVOKE_ENGINE": "distributed"}
