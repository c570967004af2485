"""The code of the cluster is carried out, against a stand-in for AWS: made, found unchanged, taken away again.

EVOKE_AWS_ENDPOINT is the URL of a server that answers for AWS, such as moto with what it lacks of EKS. That says that
the graph, the references, the types and the calls hold, and nothing of what AWS itself would permit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TERRAFORM = Path(__file__).resolve().parents[3] / "infrastructure" / "terraform"
ENDPOINT = os.environ.get("EVOKE_AWS_ENDPOINT", "")
OVERRIDE = """
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
  max_retries                 = 2
}
"""
SETTINGS = {"name": "evoke", "region": "eu-central-1", "force_destroy": True, "artifact_days": 30}

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.slow,
    pytest.mark.skipif(not ENDPOINT, reason="EVOKE_AWS_ENDPOINT names no stand-in for AWS"),
]


def terraform(folder: Path, *words: str, allowed: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["terraform", *words],
        cwd=folder,
        env={
            **os.environ,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "AWS_ENDPOINT_URL": ENDPOINT,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode in allowed, done.stdout[-4000:] + done.stderr[-4000:]
    return done


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("apply") / "terraform"
    shutil.copytree(TERRAFORM, root, ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl"))
    folder = root / "eks"
    (folder / "provider_override.tf").write_text(OVERRIDE)
    (folder / "terraform.tfvars.json").write_text(json.dumps(SETTINGS))
    terraform(folder, "init")
    terraform(folder, "apply", "-auto-approve", "-parallelism=20", "-no-color")
    yield folder
    terraform(folder, "destroy", "-auto-approve", "-parallelism=20", "-no-color")
    assert json.loads(terraform(folder, "show", "-json").stdout).get("values") is None


def resources(folder: Path, kind: str) -> list[dict[str, Any]]:
    """What was made of a kind, with all of its attributes."""
    state = json.loads(terraform(folder, "show", "-json").stdout)["values"]["root_module"]
    parts = [state, *state["child_modules"]]
    return [each["values"] for part in parts for each in part.get("resources", []) if each["type"] == kind]


def test_a_second_plan_changes_nothing(applied: Path) -> None:
    told = terraform(applied, "plan", "-detailed-exitcode", "-no-color", allowed=(0, 2))
    assert told.returncode == 0, told.stdout[-4000:]


def test_no_policy_of_a_process_is_a_wildcard(applied: Path) -> None:
    policies = resources(applied, "aws_iam_role_policy")
    assert len(policies) == 5
    for policy in policies:
        for statement in json.loads(policy["policy"])["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert statement["Resource"] != "*"
            assert not [action for action in actions if action.endswith("*")]


def test_every_bucket_is_closed_encrypted_and_answers_over_tls_alone(applied: Path) -> None:
    buckets = {each["id"] for each in resources(applied, "aws_s3_bucket")}
    assert len(buckets) == 2
    closed = resources(applied, "aws_s3_bucket_public_access_block")
    assert {
        each["bucket"] for each in closed if each["restrict_public_buckets"] and each["block_public_policy"]
    } == buckets
    assert {
        each["bucket"] for each in resources(applied, "aws_s3_bucket_server_side_encryption_configuration")
    } == buckets
    policies = {
        each["bucket"]: json.loads(each["policy"]) for each in resources(applied, "aws_s3_bucket_policy")
    }
    assert set(policies) == buckets
    for policy in policies.values():
        assert policy["Statement"][0]["Effect"] == "Deny"
        assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
