"""The generated table of settings tells the truth about `evoke/settings.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from evoke import settings_table
from evoke.domain.errors import InvalidInput
from evoke.settings import Settings, load_settings


class Sample(BaseSettings):
    """One setting of each kind."""

    words: Literal["left", "right"] = Field("left", description="A side.")
    between: int = Field(3, ge=1, le=9, description="A | pipe.")
    above: float = Field(2.5, gt=0, description="More than nothing.")
    maybe: Path | None = Field(None, description="A place.")


def field(name: str) -> FieldInfo:
    return Sample.model_fields[name]


def test_every_setting_has_a_row_with_its_meaning() -> None:
    rows = [line for line in settings_table.page().splitlines() if line.startswith("| `EVOKE_")]
    assert len(rows) == len(Settings.model_fields)
    for row in rows:
        assert all(cell.strip() for cell in row.strip("|").split(" | ")), row


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("words", "`left`, `right`"),
        ("between", "whole number, ≥ 1, ≤ 9"),
        ("above", "number, > 0"),
        ("maybe", "path or unset"),
    ],
)
def test_what_is_allowed_is_said_in_words(name: str, expected: str) -> None:
    assert settings_table.allowed(field(name)) == expected


def test_a_pipe_in_a_description_does_not_break_the_table() -> None:
    assert settings_table.row("between", field("between")).count(" | ") == 3


def test_a_default_is_shown_as_it_would_be_typed() -> None:
    assert settings_table.default_of(field("above")) == "`2.5`"
    assert settings_table.default_of(field("maybe")) == "—"


def test_the_committed_page_is_up_to_date() -> None:
    assert settings_table.main(["--check"]) == 0


def test_a_stale_page_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "settings.md"
    monkeypatch.setattr(settings_table, "PAGE", page)
    assert settings_table.main(["--check"]) == 1
    page.write_text(settings_table.page() + "| more |", encoding="utf-8")
    assert settings_table.main(["--check"]) == 1
    assert "make docs" in capsys.readouterr().err
    assert settings_table.main([]) == 0
    assert settings_table.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("EVOKE_PORT", "99999", "65535"),
        ("EVOKE_PORT", "web", "integer"),
        ("EVOKE_ENGINE", "clustered", "'embedded' or 'distributed'"),
        ("EVOKE_RETRY_BASE_S", "-1", "greater than 0"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    variable: str, value: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert variable in str(caught.value)
    assert value in str(caught.value)
    assert hint in str(caught.value)
