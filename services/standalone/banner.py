"""What is printed when everything serves: where to click and what to type."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from evoke.domain.catalogue import Model
from services.standalone.plan import Plan

DEFAULT_URL = "http://localhost:8000"


def banner(plan: Plan, url: str, kept_in: str, took_s: float) -> str:
    """The text, for a system that answers at `url` and keeps its data in the place that is told."""
    model = plan.models[0]
    lines = [
        f"  evoke is ready after {took_s:.0f} s.",
        "",
        f"    Open       {url}",
        f"    API        {url}/docs",
        f"    Or type    {submit_line(model, url)}",
        f"    Or         {curl_line(model, url)}",
        "",
        f"    Models     {', '.join(m.id for m in plan.models)}",
        *(f"    Left out   {name}: {reason}" for name, reason in plan.skipped),
        f"    Data       {kept_in}",
        "    Stop       Ctrl-C",
    ]
    return "\n".join(lines)


def submit_line(model: Model, url: str) -> str:
    """The `evoke submit` line that tries this model."""
    prefix = "" if url == DEFAULT_URL else f"EVOKE_URL={url} "
    example = example_input(model)
    prompt = example.pop("prompt", None)
    words = [command_path(), "submit", model.id]
    words += [str(prompt)] if prompt is not None else []
    words += [option for name, value in example.items() for option in ("-p", f"{name}={value}")]
    words += ["-o", "out.png"] if model.task == "text-to-image" else []
    return prefix + " ".join(word if word.isalnum() else shlex.quote(word) for word in words).replace(
        "'", '"'
    )


def curl_line(model: Model, url: str) -> str:
    """The curl line that does the same and waits for the answer."""
    body = shlex.quote(json.dumps({"model": model.id, "input": example_input(model)}))
    return f"curl -s {url}/v1/jobs -H 'content-type: application/json' -H 'prefer: wait=60' -d {body}"


def example_input(model: Model) -> dict[str, Any]:
    """The required fields of a model's input with the examples of its schema."""
    fields: dict[str, Any] = model.input.get("properties", {})
    return {
        name: (fields.get(name, {}).get("examples") or ["..."])[0] for name in model.input.get("required", [])
    }


def command_path() -> str:
    """How to call `evoke` from here: by name where the shell finds it, else by its path."""
    beside = Path(sys.executable).with_name("evoke")
    found = shutil.which("evoke")
    if found is not None and Path(found).resolve() == beside.resolve():
        return "evoke"
    if not beside.exists():
        return f"{sys.executable} -m cli.main"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)
