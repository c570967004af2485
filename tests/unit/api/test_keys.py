"""API keys: what is stored opens nothing, and only the very key opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from evoke.domain.errors import InvalidInput
from services.api.key_file import KeyFile, create_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "keys.jsonl"


def test_a_key_opens_its_tenant_until_it_expires(file: Path) -> None:
    key = create_key(file, "acme", ["read"], 1000)
    keys = KeyFile(file)
    found = keys.find(key, 999)
    assert found is not None
    assert (found.tenant, found.scopes) == ("acme", frozenset({"read"}))
    assert keys.find(key, 1000) is None


def test_no_other_text_opens(file: Path) -> None:
    key = create_key(file, "acme", ["*"], None)
    keys = KeyFile(file)
    for place in range(len(key)):
        changed = "a" if key[place] != "a" else "b"
        assert keys.find(key[:place] + changed + key[place + 1 :], 0) is None
    for text in ("", key + "0", key[1:], key.upper(), f" {key}"):
        assert keys.find(text, 0) is None


def test_two_keys_of_a_tenant_are_both_valid_and_differ(file: Path) -> None:
    one, other = create_key(file, "acme", ["read"], None), create_key(file, "acme", ["read"], None)
    keys = KeyFile(file)
    assert one != other
    assert keys.find(one, 0)
    assert keys.find(other, 0)
    assert keys.tenants == ("acme",)


def test_a_new_key_is_known_after_a_refresh_and_a_broken_file_changes_nothing(file: Path) -> None:
    first = create_key(file, "acme", ["read"], None)
    keys = KeyFile(file)
    second = create_key(file, "acme", ["read"], None)
    assert keys.find(second, 0) is None
    keys.refresh()
    assert keys.find(second, 0)
    file.write_text("nonsense")
    with pytest.raises(InvalidInput):
        keys.refresh()
    assert keys.find(first, 0)


@pytest.mark.parametrize(
    ("tenant", "scopes"), [("", ["read"]), ("a/b", ["read"]), ("..", ["read"]), ("a", ["root"])]
)
def test_a_tenant_or_scope_that_cannot_be_is_refused(file: Path, tenant: str, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput):
        create_key(file, tenant, scopes, None)
    assert not file.exists()


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="EVOKE_API_KEYS_FILE"):
        KeyFile(tmp_path / "missing")
