"""The code of the cluster is carried out, against a stand-in for AWS: made, found unchanged, seen to drift, taken away.

The stand-in is `aws_stand_in.py`, or what EVOKE_AWS_ENDPOINT names. That says that the graph, the references, the types
and the calls hold, and nothing of what AWS itself would permit.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infrastructure.terraform.aws import signed, stand_in
from tests.infrastructure.terraform.policies import broken, resources_of
from tests.infrastructure.terraform.tools import copied

OVERRIDE = """
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true
  max_retries                 = 2
}
"""
SETTINGS = {
    "name": "evoke",
    "region": "eu-central-1",
    "force_destroy": True,
    "artifact_days": 30,
    "public_access_cidrs": ["203.0.113.7/32"],
}
LEAST_RESOURCES = 85

pytestmark = [pytest.mark.terraform, pytest.mark.slow, pytest.mark.timeout(1800)]


class Applied:
    """A copy of `eks/` whose provider speaks with a stand-in."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def terraform(self, *words: str, allowed: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["terraform", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode in allowed, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def state(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.terraform("show", "-json").stdout)
        return shown


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stand_in(tmp_path_factory.mktemp("stand-in")) as url:
        yield url


@pytest.fixture(scope="module")
def applied(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    root = copied(tmp_path_factory.mktemp("apply"))
    found = Applied(root / "eks", endpoint)
    (found.folder / "provider_override.tf").write_text(OVERRIDE)
    (found.folder / "terraform.tfvars.json").write_text(json.dumps(SETTINGS))
    found.terraform("init")
    found.terraform("apply", "-auto-approve", "-parallelism=20", "-no-color")
    yield found
    found.terraform("destroy", "-auto-approve", "-parallelism=20", "-no-color")
    assert found.state().get("values") is None
    assert left(endpoint) == []


ASKED = {
    "bucket": ("s3", "GET", "/", r"<Name>([^<]+)"),
    "cluster": ("eks", "GET", "/clusters", r'"(evoke[^"]*)"'),
    "file system": ("elasticfilesystem", "GET", "/2015-02-01/file-systems", r'"(fs-\w+)"'),
    "launch template": ("ec2", "POST", "/?Action=DescribeLaunchTemplates", r"<launchTemplateId>([^<]+)"),
    "address": ("ec2", "POST", "/?Action=DescribeAddresses", r"<allocationId>([^<]+)"),
}
"""What goes on costing money: service, call, and how it is named in the answer."""


def left(endpoint: str) -> list[str]:
    """What the stand-in still has: asked of itself, since Terraform's state says nothing of what it forgot."""
    found = []
    for kind, (service, method, path, name) in ASKED.items():
        answer = httpx.request(method, f"{endpoint}{path}", headers=signed(service), timeout=60)
        assert answer.is_success, answer.text
        found += [f"{kind} {each}" for each in re.findall(name, answer.text)]
    return found


def test_a_second_plan_changes_nothing(applied: Applied) -> None:
    told = applied.terraform("plan", "-detailed-exitcode", "-no-color", allowed=(0, 2))
    assert told.returncode == 0, told.stdout[-4000:]


def test_all_of_it_was_made(applied: Applied, endpoint: str) -> None:
    assert {each.rpartition(" ")[0] for each in left(endpoint)} == set(ASKED)
    there = resources_of(applied.state())
    assert len(there) >= LEAST_RESOURCES
    assert {"aws_eks_cluster", "aws_eks_node_group", "aws_efs_file_system"} <= {
        each["type"] for each in there
    }


def test_no_policy_is_broken(applied: Applied) -> None:
    assert broken(resources_of(applied.state())) == []


def test_what_somebody_changed_by_hand_is_seen(applied: Applied) -> None:
    bucket = applied.state()["values"]["outputs"]["artifacts_bucket"]["value"]
    url = f"{applied.environment['AWS_ENDPOINT_URL']}/{bucket}?publicAccessBlock"
    assert httpx.delete(url, headers=signed("s3"), timeout=30).status_code == 204
    told = applied.terraform("plan", "-detailed-exitcode", "-no-color", allowed=(0, 2))
    assert told.returncode == 2
    assert "aws_s3_bucket_public_access_block" in told.stdout
    applied.terraform("apply", "-auto-approve", "-no-color")
    assert applied.terraform("plan", "-detailed-exitcode", allowed=(0, 2)).returncode == 0
