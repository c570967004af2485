"""Renders the chart with helm, as an installation would."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "infrastructure" / "charts" / "evoke"
FULL = Path(__file__).parent / "values" / "full.yaml"

KUBERNETES = "--kube-version=1.34.0"
"""Without a server helm takes its own idea of a version, which is an old one in a helm that was built by hand."""

Object = dict[str, Any]


class Refused(Exception):
    """Helm refused; the message is what it said."""


def helm(*words: str, values: Mapping[str, Any] | None = None, deadline_s: float = 60) -> str:
    """Run helm, with some values where they are given; return what it printed. Raises Refused."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values or {}, file)
        file.flush()
        command = ["helm", *words, *(() if values is None else ("--values", file.name))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=deadline_s)
    if done.returncode != 0:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def rendered(values: Mapping[str, Any] | None = None, *files: Path) -> list[Object]:
    """The objects that an installation with these values makes."""
    given = [word for file in files for word in ("--values", str(file))]
    text = helm("template", "evoke", str(CHART), "--namespace", "evoke", KUBERNETES, *given, values=values)
    return [each for each in yaml.safe_load_all(text) if each]


def everything() -> list[Object]:
    """The objects with every option in use."""
    return rendered(None, FULL)


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pods(objects: list[Object]) -> list[tuple[str, Object]]:
    """Every pod that is made, with the name of what makes it: its metadata and spec."""
    found = []
    for each in objects:
        spec = each.get("spec", {})
        if each["kind"] == "Pod":
            found.append((name_of(each), each))
        elif each["kind"] in ("Deployment", "Job"):
            found.append((name_of(each), spec["template"]))
        elif each["kind"] == "CronJob":
            found.append((name_of(each), spec["jobTemplate"]["spec"]["template"]))
    return found


def containers(pod: Object) -> list[Object]:
    """All containers of a pod, those that start first too."""
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def environment(container: Object) -> dict[str, Any]:
    """What is told to a container by name; a reference to a Secret stays one."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container.get("env", [])}


def name_of(each: Object) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"
