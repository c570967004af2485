"""The lines that make a job again say exactly what the job was."""

from __future__ import annotations

import ast
import json
import shlex
from typing import Any

import pytest

from services.console.snippets import curl_of, python_of, request_of
from tests.unit.console.scripted_api import job

AWKWARD = "it's a \"quoted\" $HOME `circle`\n\\ é 🙂 {braces} %s '''"


def test_the_seed_that_was_used_is_asked_for() -> None:
    assert request_of(job(seed=7))["input"]["seed"] == 7
    assert request_of(job(seed=None))["input"]["seed"] == -1
    assert "seed" not in request_of(job(seed=7, input={"no": 5}))["input"]


def test_metadata_are_repeated_when_there_are_any() -> None:
    assert "metadata" not in request_of(job())
    assert request_of(job(metadata={"grouping": "g"}))["metadata"] == {"grouping": "g"}


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://evil'; rm -rf ~; '"])
def test_a_shell_reads_the_curl_line_as_it_was_meant(origin: str) -> None:
    asked = job(input={"prompt": AWKWARD})
    words = shlex.split(curl_of(origin, asked, with_key=False))
    assert words[:3] == ["curl", "-sS", origin + "/v1/jobs"]
    assert json.loads(words[-1]) == request_of(asked)


def test_the_key_itself_is_in_no_line() -> None:
    assert "Bearer $EVOKE_API_KEY" in curl_of("http://x", job(), with_key=True)
    assert 'os.environ["EVOKE_API_KEY"]' in python_of("http://x", job(), with_key=True)
    assert "EVOKE_API_KEY" not in curl_of("http://x", job(), False) + python_of("http://x", job(), False)


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("prompt", [AWKWARD, "x" * 300, ""])
def test_python_reads_the_script_as_it_was_meant(prompt: str, with_key: bool) -> None:
    asked: dict[str, Any] = job(
        input={"prompt": prompt, "flag": True, "none": None, "list": [1.5, {"a": "b"}]}
    )
    tree = ast.parse(python_of("http://x", asked, with_key))
    body = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "body"
    )
    assert ast.literal_eval(body) == request_of(asked)
