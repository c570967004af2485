"""`environments/production` is carried out on a real cluster, beside a stand-in for AWS that keeps the state of `eks/`.

It reads that state from S3, and gets its access by `aws eks get-token`, which a stand-in answers.
The charts of others are empty; evoke's own is made on the API server, with none of its hooks and nobody who waits for
its pods: Glue, ECR and GPUs are not there.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.terraform.module_pages import blocks
from tests.infrastructure.cluster.charts_of_others import Chart, repository
from tests.infrastructure.cluster.environment import Environment, there
from tests.infrastructure.cluster.kubectl import asked, kubectl
from tests.infrastructure.terraform.aws import signed, stand_in

STATE = {"bucket": "evoke-states", "key": "evoke/eks.tfstate", "region": "eu-central-1"}
CHARTS = {
    "monitoring": ("kube-prometheus-stack", "67.8.0"),
    "keda": ("keda", "2.16.1"),
    "pulsar": ("pulsar", "4.6.0"),
    "trino": ("trino", "0.32.0"),
    "signoz": ("signoz", "0.131.0"),
    "collector": ("opentelemetry-collector", "0.170.0"),
}
REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/evoke"
PLACE = f"""<CreateBucketConfiguration><LocationConstraint>{STATE["region"]}</LocationConstraint>
</CreateBucketConfiguration>"""
OVERRIDE = """
# The stand-in knows no names of buckets in hosts.
data "terraform_remote_state" "eks" {
  config = merge(var.eks_state, {
    use_path_style              = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
  })
}

# Names that no cluster has.
resource "kubernetes_namespace_v1" "this" {
  metadata {
    name   = "PREFIX-${each.key}"
    labels = each.key == "evoke" ? { "pod-security.kubernetes.io/enforce" = "restricted" } : {}
  }
}

resource "helm_release" "evoke" {
  atomic           = false
  wait             = false
  disable_webhooks = true
}
"""

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass
class Production:
    """The environment, applied once."""

    environment: Environment
    prefix: str
    applied: str

    @property
    def namespace(self) -> str:
        """That of evoke."""
        return f"{self.prefix}-evoke"


def access() -> tuple[dict[str, Any], dict[str, Any]]:
    """Cluster and user of KUBECONFIG's context."""
    told = json.loads(kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json"))
    return told["clusters"][0]["cluster"], told["users"][0]["user"]


def state_of_eks(folder: Path) -> dict[str, Any]:
    """What `eks/` leaves to this environment: each of its outputs, and no other."""
    cluster, _ = access()
    values = {
        "region": "eu-central-1",
        "cluster_name": "evoke",
        "cluster_endpoint": cluster["server"],
        "cluster_certificate_authority": cluster["certificate-authority-data"],
        "registry": REGISTRY,
        "artifacts_bucket": "evoke-artifacts-123456789012",
        "archive_bucket": "evoke-archive-123456789012",
        "catalog_database": "evoke",
        "file_system_id": "fs-0123456789abcdef0",
        "account_id": "123456789012",
    }
    assert set(values) == {name for name, _ in blocks(folder / "outputs.tf", "output")}
    outputs = {name: {"value": value, "type": "string"} for name, value in values.items()}
    return {"version": 4, "serial": 1, "lineage": "evoke", "outputs": outputs, "resources": []}


def get_token(folder: Path) -> Path:
    """A folder for PATH with an `aws` that answers `eks get-token` with the rights of KUBECONFIG."""
    _, user = access()
    if not {"client-certificate-data", "client-key-data"} <= set(user):
        pytest.skip(
            "KUBECONFIG names no client certificate, which the stand-in for `aws eks get-token` hands on"
        )
    certificate, key = (
        base64.b64decode(user[f"client-{name}-data"]).decode() for name in ("certificate", "key")
    )
    told = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "status": {"clientCertificateData": certificate, "clientKeyData": key},
    }
    folder.mkdir()
    (folder / "answer.json").write_text(json.dumps(told))
    program = folder / "aws"
    program.write_text(
        '#!/bin/sh\n[ "$*" = "eks get-token --cluster-name evoke --region eu-central-1" ] || exit 2\n'
        f'exec cat "{folder / "answer.json"}"\n'
    )
    program.chmod(0o700)
    (folder / "answer.json").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def production(definitions: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    if taken := {"gp3", "weights"} & set(there("storageclasses")):
        pytest.skip(f"the cluster has storage classes of these names already: {', '.join(sorted(taken))}")
    folder, prefix = tmp_path_factory.mktemp("production"), f"evoke-test-{secrets.token_hex(3)}"
    charts = [Chart(name, version, []) for name, version in CHARTS.values()]
    with stand_in(folder) as aws, repository(charts, folder) as url:
        path = f"{get_token(folder / 'bin')}:{os.environ['PATH']}"
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        environment = Environment("production", folder, {"AWS_ENDPOINT_URL_S3": aws, "PATH": path, **keys})
        state = state_of_eks(environment.folder.parents[1] / "eks")
        for put, body in ((STATE["bucket"], PLACE), (f"{STATE['bucket']}/{STATE['key']}", json.dumps(state))):
            assert httpx.put(f"{aws}/{put}", content=body, headers=signed("s3"), timeout=30).is_success
        (environment.folder / "stand_in_override.tf").write_text(OVERRIDE.replace("PREFIX", prefix))
        environment.write(
            {
                "eks_state": STATE,
                "image_tag": "1.2.3",
                "api_keys_secret": "evoke-keys",
                "chart_repositories": dict.fromkeys(CHARTS, url),
                "pulsar_cluster_config_file": "tests/broker.conf",
            }
        )
        environment.initialise()
        try:
            yield Production(environment, prefix, environment.apply())
        finally:
            environment.run("destroy", "-auto-approve", allowed=(0, 1))


def test_it_is_applied_in_one_go_with_the_state_of_eks(production: Production) -> None:
    assert re.search(r"Apply complete! Resources: \d+ added, 0 changed, 0 destroyed", production.applied)
    names = {f"{production.prefix}-{name}" for name in (*CHARTS, "evoke")}
    assert names <= set(there("namespaces"))
    weights = asked("storageclass", "weights")
    assert weights["parameters"]["fileSystemId"] == "fs-0123456789abcdef0"


def test_a_second_plan_changes_nothing(production: Production) -> None:
    assert production.environment.unchanged()


def test_the_server_takes_all_of_evoke(production: Production) -> None:
    namespace = production.namespace
    api = asked("-n", namespace, "deployment", "evoke-api")["spec"]
    (container,) = api["template"]["spec"]["containers"]
    assert container["image"] == f"{REGISTRY}/evoke-api:1.2.3"
    assert {"name": "EVOKE_S3_BUCKET", "value": "evoke-artifacts-123456789012"} in container["env"]
    assert there("scaledobjects", "-n", namespace) == ["evoke-worker-pictures"]
    assert there("podmonitors", "-n", namespace)
    (claim,) = asked("-n", namespace, "persistentvolumeclaims")["items"]
    assert claim["spec"]["storageClassName"] == "weights"


def test_a_changed_variable_changes_its_release_and_no_other(production: Production) -> None:
    variables = production.environment.folder / "terraform.tfvars.json"
    before = variables.read_text()
    try:
        variables.write_text(json.dumps({**json.loads(before), "trino_workers": 3}))
        code, told = production.environment.run("plan", "-detailed-exitcode", allowed=(2,))
    finally:
        variables.write_text(before)
    assert code == 2
    assert "Plan: 0 to add, 1 to change, 0 to destroy" in told
    assert 'helm_release.other["trino"] will be updated in-place' in told


def test_it_goes_away_and_leaves_nothing(production: Production) -> None:
    assert "Destroy complete!" in production.environment.run("destroy", "-auto-approve")[1]
    assert production.environment.resources() == []
    assert not [name for name in there("namespaces") if name.startswith(production.prefix)]
    assert not {"gp3", "weights"} & set(there("storageclasses"))
    assert not [name for name in there("priorityclasses") if name.startswith("evoke-")]
