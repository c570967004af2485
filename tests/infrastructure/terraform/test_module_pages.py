"""The modules' pages tell the truth about their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.terraform import module_pages


def test_the_committed_pages_are_up_to_date() -> None:
    assert module_pages.main(["--check"]) == 0


def test_a_page_that_is_out_of_date_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "network"
    module.mkdir()
    (module / "main.tf").write_text('# A network.\nresource "a" "b" {}\n')
    (module / "variables.tf").write_text(
        'variable "zones" {\n  description = "Zones."\n  type = list(\n    string\n  )\n}\n\n'
        'variable "nat" {\n  description = "One | all."\n  type        = bool\n  default     = true\n'
        "  validation {\n    condition = true\n  }\n}\n"
    )
    (module / "outputs.tf").write_text('output "id" {\n  description = "Its id."\n  value = 1\n}\n')
    monkeypatch.setattr(module_pages, "FOLDER", tmp_path)
    assert module_pages.main(["--check"]) == 1
    assert "network/README.md" in capsys.readouterr().err
    assert module_pages.main([]) == 0
    assert module_pages.main(["--check"]) == 0
    told = (module / "README.md").read_text()
    assert "| `zones` | `list( string )` | needed | Zones. |" in told
    assert "| `nat` | `bool` | `true` | One &#124; all. |" in told
    assert "| `id` | Its id. |" in told
