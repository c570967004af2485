"""The chart's table of values tells the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.charts import values_table


def test_the_committed_table_is_up_to_date() -> None:
    assert values_table.main(["--check"]) == 0


def test_a_page_that_is_out_of_date_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(values_table, "PAGE", tmp_path / "README.md")
    assert values_table.main(["--check"]) == 1
    assert "make docs" in capsys.readouterr().err
    values_table.main([])
    assert values_table.main(["--check"]) == 0


def test_every_default_is_told_and_every_value_has_a_meaning() -> None:
    page = values_table.page()
    assert "| `api.replicas` | `2` | Pods. |" in page
    assert "| `workers[].queue` | — | Queue of the catalogue that it serves. |" in page
    assert '| `image.pullPolicy` | `"IfNotPresent"` |' in page
    assert "|  |" not in page
