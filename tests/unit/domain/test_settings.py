"""Settings: read from `EVOKE_*`, refused with name, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from evoke.domain.errors import InvalidInput
from evoke.settings import PREFIX, Settings, load_settings, misspelt


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_without_any_setting_evoke_runs_embedded_on_this_machine_alone() -> None:
    settings = load_settings()
    assert (settings.engine, settings.host, settings.port) == ("embedded", "127.0.0.1", 8000)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOKE_PORT", "0")
    monkeypatch.setenv("EVOKE_DATA_DIR", "/srv/evoke")
    monkeypatch.setenv("EVOKE_LEASE_S", "2.5")
    settings = load_settings()
    assert (settings.port, settings.data_dir, settings.lease_s) == (0, Path("/srv/evoke"), 2.5)


def test_what_is_passed_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOKE_PORT", "1")
    assert load_settings({"port": 2}).port == 2


def test_a_variable_that_nearly_is_a_setting_is_told_with_the_setting_that_was_meant() -> None:
    assert misspelt(["EVOKE_PROT", "EVOKE_DATADIR", "EVOKE_PORT", "PATH"]) == {
        "EVOKE_PROT": "EVOKE_PORT",
        "EVOKE_DATADIR": "EVOKE_DATA_DIR",
    }


def test_what_a_cluster_or_our_own_tools_name_so_is_no_misspelt_setting() -> None:
    foreign = [
        "EVOKE_API_KEY",
        "EVOKE_URL",
        "EVOKE_STACK_DIR",
        "EVOKE_API_SERVICE_HOST",
        "EVOKE_API_PORT_80_TCP",
    ]
    assert misspelt(foreign) == {}


def test_other_variables_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOKE_URL", "http://elsewhere")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVOKE_PORT", "70000"),
        ("EVOKE_PORT", "-1"),
        ("EVOKE_PORT", "http"),
        ("EVOKE_ENGINE", "magic"),
        ("EVOKE_LOG_LEVEL", "loud"),
        ("EVOKE_MAX_ATTEMPTS", "0"),
        ("EVOKE_LEASE_S", "0"),
        ("EVOKE_BULK_EVERY", "1"),
        ("EVOKE_CONCURRENCY", "0"),
        ("EVOKE_ARCHIVE_PARTITION", "minute"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as raised:
        load_settings()
    assert raised.value.field == name
    assert repr(value) in raised.value.reason
    assert len(raised.value.reason) > len(repr(value)) + len(", got "), "it does not say what is allowed"


def test_every_setting_is_described_and_has_a_default() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        setattr(load_settings(), "port", 1)  # noqa: B010 - the type checker would refuse it too
