"""What Kubernetes and the operators take: their own published schemas, made strict about fields that they don't have.

They come as Go modules, which any machine with Go can have without a cluster.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

KUBERNETES = "k8s.io/kubernetes@v1.34.4"
DEFINITIONS = {
    "github.com/kedacore/keda/v2@v2.16.1": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/aws/karpenter-provider-aws@v1.6.3": (
        "pkg/apis/crds/karpenter.sh_nodepools.yaml",
        "pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml",
    ),
    "sigs.k8s.io/gateway-api@v1.3.0": ("config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    ),
}
Schema = dict[str, Any]


def module_folder(module: str) -> Path:
    """Where the files of a Go module lie on this machine; they are fetched when they are not there."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["go", "mod", "download", "-json", module]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "GOFLAGS": "-mod=mod"},
            capture_output=True,
            text=True,
            check=False,
        )
    told = json.loads(done.stdout)
    assert "Dir" in told, told.get("Error", done.stderr)
    return Path(told["Dir"])


def custom_definitions() -> list[Path]:
    """The files of the custom resources that the chart can make."""
    return [module_folder(module) / file for module, files in DEFINITIONS.items() for file in files]


def strict(schema: Any) -> Any:
    """The schema, refusing fields that it does not name, with integers where text of numbers may stand."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(each) for name, each in schema.items()}
    if found.get("format") == "int-or-string" or found.get("x-kubernetes-int-or-string") is True:
        found.pop("type", None)
        found.pop("format", None)
        return {**found, "type": ["string", "integer"]}
    properties = found.get("properties")
    open_ = found.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in found
    if isinstance(properties, dict) and found.get("type") == "object" and not open_:
        found["additionalProperties"] = False
    return found


@functools.cache
def schemas() -> dict[tuple[str, str], Schema]:
    """The schemas by apiVersion and kind."""
    document = json.loads((module_folder(KUBERNETES) / "api/openapi-spec/swagger.json").read_text())
    definitions = strict(document["definitions"])
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    found: dict[tuple[str, str], Schema] = {}
    for name, definition in document["definitions"].items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            version = "/".join(part for part in (kind["group"], kind["version"]) if part)
            found[version, kind["kind"]] = {"$ref": f"#/definitions/{name}", "definitions": definitions}
    for path in custom_definitions():
        found |= _custom(yaml.safe_load(path.read_text()))
    return found


def _custom(definition: Schema) -> dict[tuple[str, str], Schema]:
    spec = definition["spec"]
    found = {}
    for version in spec["versions"]:
        schema = copy.deepcopy(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}
        found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = strict(schema)
    return found


@functools.cache
def _validator(version: str, kind: str) -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(schemas()[version, kind])


def faults(each: dict[str, Any]) -> list[str]:
    """What Kubernetes would refuse of an object; empty when it would take it."""
    validator = _validator(each["apiVersion"], each["kind"])
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(each)
    ]
