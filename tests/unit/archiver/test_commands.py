"""`python -m services.archiver prepare` makes the table, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def archiver(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.archiver", command],
        cwd=ROOT,
        env={**os.environ, "EVOKE_DATA_DIR": str(folder), "EVOKE_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_table_is_there_after_it_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    done = archiver("prepare", tmp_path)
    assert done.returncode == 0, done.stderr
    made = sorted((tmp_path / "archive").rglob("*.metadata.json"))
    assert made
    assert not list((tmp_path / "archive").rglob("*.parquet"))
    assert archiver("prepare", tmp_path).returncode == 0
    assert sorted((tmp_path / "archive").rglob("*.metadata.json")) == made


def test_a_command_that_is_none_is_refused(tmp_path: Path) -> None:
    done = archiver("compress", tmp_path)
    assert done.returncode == 2
    assert "prepare" in done.stderr
