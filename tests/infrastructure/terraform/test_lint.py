"""Linters have nothing to say of the infrastructure code, and see what is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.terraform.tools import python_of, tflint

TERRAFORM = Path(__file__).resolve().parents[3] / "infrastructure" / "terraform"
LEAST_CHECKS = 150

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(1800)]


def issues(folder: Path) -> list[str]:
    """What tflint says of a folder and all below it."""
    tools = tflint()
    done = subprocess.run(
        [tools / "tflint", "--recursive", "--format=json", f"--config={TERRAFORM / '.tflint.hcl'}"],
        cwd=folder,
        env={**os.environ, "TFLINT_PLUGIN_DIR": str(tools)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    told = json.loads(done.stdout)
    assert told["errors"] == []
    return [
        f"{each['rule']['name']}: {each['range']['filename']}: {each['message']}" for each in told["issues"]
    ]


def checked(folder: Path) -> dict[str, Any]:
    """What checkov says of a folder, without asking anybody."""
    words = ["--directory", ".", "--framework", "terraform", "--output", "json", "--quiet", "--skip-download"]
    done = subprocess.run(
        [python_of("checkov"), "-m", "checkov.main", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_tflint_has_nothing_to_say() -> None:
    assert issues(TERRAFORM) == []


def test_tflint_sees_what_is_wrong_in_the_language_and_for_aws(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "unused" {}\nresource "aws_instance" "this" {\n  instance_type = "t9.enormous"\n}\n'
    )
    told = {issue.partition(":")[0] for issue in issues(tmp_path)}
    assert {"terraform_unused_declarations", "aws_instance_invalid_type"} <= told


def test_checkov_has_nothing_to_say() -> None:
    found = checked(TERRAFORM)
    assert found["results"]["failed_checks"] == []
    assert found["summary"]["passed"] > LEAST_CHECKS
    assert found["summary"]["parsing_errors"] == 0


def test_checkov_sees_a_bucket_without_its_lock(tmp_path: Path) -> None:
    shutil.copytree(TERRAFORM / "modules" / "storage", tmp_path / "storage")
    main = tmp_path / "storage" / "main.tf"
    main.write_text(
        main.read_text().replace("block_public_policy     = true", "block_public_policy     = false")
    )
    failed = checked(tmp_path)["results"]["failed_checks"]
    assert "CKV_AWS_54" in {each["check_id"] for each in failed}


def test_every_check_that_is_left_out_has_its_reason() -> None:
    lines = [line for path in TERRAFORM.rglob("*.tf") for line in path.read_text().splitlines()]
    left_out = [line.strip() for line in lines if "checkov:skip" in line or "tflint-ignore" in line]
    assert left_out
    for line in left_out:
        assert re.fullmatch(r"#checkov:skip=CKV2?_\w+:\w.{20,}|# tflint-ignore: \w+ # .{20,}", line), line
