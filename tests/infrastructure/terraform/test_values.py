"""What the modules compute is what the charts and the local stack know."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infrastructure.local.stack.pulsar import SETTINGS
from infrastructure.local.stack.trino_rules import rules
from tests.infrastructure.chart.rendering import named, rendered

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "infrastructure" / "terraform" / "modules" / "values"

pytestmark = [pytest.mark.terraform, pytest.mark.chart]


def values_of(module: str, variables: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values that a module computes from some variables."""
    call = {"module": {"values": {"source": str(MODULES / module), **variables}}}
    call |= {"output": {"values": {"value": "${module.values.values}"}}}
    (folder / "main.tf.json").write_text(json.dumps(call))
    for words in (["init", "-backend=false"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *words], cwd=folder, check=True, capture_output=True, timeout=120)
    told = subprocess.run(
        ["terraform", "output", "-json", "values"], cwd=folder, check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = yaml.safe_load(json.loads(told.stdout))
    return found


POOL = {
    "name": "pictures",
    "queue": "txt2img_generation",
    "container": "diffusers",
    "gpus": 1,
    "weights": True,
}


@pytest.mark.skipif(shutil.which("helm") is None, reason="helm, which renders the chart, is not in the PATH")
def test_evokes_values_are_taken_by_its_chart(tmp_path: Path) -> None:
    values = values_of(
        "evoke",
        {
            "registry": "registry.example/evoke",
            "image_tag": "1.2.3",
            "engine": {"catalog": {"signing": "glue"}},
            "engine_namespaces": {"pulsar": "pulsar", "trino": "trino"},
            "worker_pools": [
                POOL,
                {"name": "b", "queue": "factorial", "container": "factorial", "replicas": 2},
            ],
            "models_volume": {"storageClass": "efs", "size": "5Gi", "accessMode": "ReadWriteMany"},
            "model_links": [{"url": "https://example.org/a", "rename_to": "a.safetensors"}],
        },
        tmp_path,
    )
    objects = rendered(values)
    assert named(objects, "ScaledObject", "evoke-worker-pictures")
    assert named(objects, "Deployment", "evoke-worker-b")["spec"]["replicas"] == 2
    api = named(objects, "Deployment", "evoke-api")["spec"]["template"]["spec"]["containers"][0]
    assert api["image"] == "registry.example/evoke/evoke-api:1.2.3"


def test_every_alert_and_dashboard_of_the_repository_reaches_the_cluster_as_it_is(tmp_path: Path) -> None:
    folder = ROOT / "infrastructure" / "observability"
    rules = {path.stem: path.read_text() for path in (folder / "rules").glob("*.yaml")}
    dashboards = {path.stem: path.read_text() for path in (folder / "grafana").glob("*.json")}
    # What `${` and `%{` mean to Terraform, they mean to it in this call alone: files are read as they are.
    escaped = {name: text.replace("${", "$${").replace("%{", "%%{") for name, text in dashboards.items()}
    values = values_of(
        "monitoring", {"storage_class": "gp3", "rules": rules, "dashboards": escaped}, tmp_path
    )
    told = values["additionalPrometheusRulesMap"]
    assert told == {name: yaml.safe_load(text) for name, text in rules.items()}
    shown = {
        name: json.loads(each["json"]) for name, each in values["grafana"]["dashboards"]["evoke"].items()
    }
    assert shown == {name: json.loads(text) for name, text in dashboards.items()}


def test_trinos_rules_are_those_that_the_local_stack_is_tested_with(tmp_path: Path) -> None:
    values = values_of("trino", {"workers": 1, "region": "eu-central-1"}, tmp_path)
    assert json.loads(values["accessControl"]["rules"]["rules.json"]) == json.loads(rules("evoke"))


def test_brokers_keep_what_those_of_the_local_stack_keep(tmp_path: Path) -> None:
    values = values_of("pulsar", {"replicas": 3, "storage_class": "gp3"}, tmp_path)
    brokers = values["broker"]["configData"]
    for name in ("keepAliveIntervalSeconds", "brokerDeleteInactiveTopicsEnabled"):
        assert brokers[name] == str(SETTINGS[name])
    assert values["components"]["functions"] is False
