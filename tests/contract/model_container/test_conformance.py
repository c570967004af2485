"""Containers that keep the protocol pass; one that breaks it fails the check that says so, and tells how."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model_containers.cough.example import sample
from model_containers.workbench.conformance.subject import Bounds, Finding, Subject, Verdict
from model_containers.workbench.conformance.suite import CHECKS, examine
from model_containers.workbench.container import Place, serving
from model_containers.workbench.inputs import example_input
from tests.system.processes import ROOT

FLAWED = "tests.contract.model_container.flawed_container"
SHORT = Bounds(run_s=10.0, patience_s=1.5, stop_s=3.0)
LONG = {"steps": 200}

FLAWS: Mapping[str, tuple[str, str]] = {
    "no-health": ("health", "UNIMPLEMENTED"),
    "unhealthy": ("health", "NOT_SERVING"),
    "no-id": ("describe", "id is empty"),
    "no-task": ("describe", "task is empty"),
    "no-slots": ("describe", "max_concurrency is 0"),
    "limit-is-no-number": ("describe", "limit size is nan"),
    "one-id-twice": ("describe", "two models have one id"),
    "schema-is-no-json": ("schema", "no JSON"),
    "schema-of-a-list": ("schema", '"type": "object"'),
    "schema-with-an-unknown-type": ("schema", "no JSON Schema"),
    "default-is-not-allowed": ("schema", "default of steps"),
    "valid-input-fails": ("order", "stumbled"),
    "done-twice": ("order", "come once"),
    "done-in-the-middle": ("order", "last message"),
    "no-end": ("order", "without done"),
    "written-before-opened": ("order", "before it was opened"),
    "opened-twice": ("order", "opened twice"),
    "output-not-ended": ("order", "not ended"),
    "output-goes-on-after-its-end": ("order", "after its `last`"),
    "result-is-no-object": ("order", "result_json"),
    "details-with-nan": ("order", "no JSON"),
    "name-is-a-path": ("order", "no file name"),
    "empty-message": ("order", "is empty"),
    "progress-goes-back": ("progress", "went back from 5 to 4"),
    "progress-beyond-its-total": ("progress", "step 9 of 3"),
    "piece-too-large": ("pieces", "1048577 bytes"),
    "preview-too-large": ("pieces", "100000 bytes"),
    "message-too-large": ("pieces", "a message has"),
    "serves-any-input": ("bad-input", "was served"),
    "refuses-by-status": ("bad-input", "INVALID_ARGUMENT"),
    "refuses-as-model-error": ("bad-input", "model_error"),
    "refuses-after-an-output": ("bad-input", "after an output"),
    "serves-any-model": ("unknown-model", "was served"),
    "waits-for-ever-for-files": ("input-files", "DEADLINE_EXCEEDED"),
    "takes-half-a-file-for-whole": ("input-files", "was served"),
    "fewer-slots-than-it-says": ("concurrency", "RESOURCE_EXHAUSTED"),
    "cancelled-runs-keep-their-slots": ("cancel", "cancelled runs"),
    "deaf-to-its-deadline": ("deadline", "still went on"),
    "calls-its-deadline-a-model-error": ("deadline", "model_error"),
    "deaf-to-sigterm": ("stop", "still runs"),
    "stops-with-an-error": ("stop", "exit code 3"),
    "dies-of-sigterm": ("stop", "SIGTERM"),
}


async def findings(
    words: tuple[str, ...],
    bounds: Bounds,
    long_input: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    usual: Mapping[str, Any] | None = None,
) -> dict[str, Finding]:
    """What the checks find out about the first model of a container."""
    async with serving(Place(words=words, folder=ROOT), 60.0) as container:
        model = container.models[0]
        subject = Subject(container, model, {}, {}, bounds)
        usual = usual or example_input(subject.schema) or {"steps": 3}
        subject = Subject(container, model, usual, {**usual, **(long_input or {})}, bounds, files or {})
        return {finding.check: finding async for finding in examine(subject, last=True)}


def flawed(flaw: str) -> tuple[str, ...]:
    return (sys.executable, "-m", FLAWED, "--flaw", flaw)


def broken(found: Mapping[str, Finding]) -> dict[str, str]:
    return {name: finding.note for name, finding in found.items() if finding.verdict is Verdict.BROKEN}


async def test_a_container_without_a_flaw_passes_every_check() -> None:
    found = await findings(flawed(""), SHORT, LONG)
    assert list(found) == list(CHECKS)
    assert broken(found) == {}
    assert "2 cancelled" in found["cancel"].note
    assert "0.2 s were allowed" in found["deadline"].note


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_flaw_fails_the_check_that_is_about_it(flaw: str) -> None:
    check, words = FLAWS[flaw]
    found = broken(await findings(flawed(flaw), SHORT, LONG))
    assert words in found.get(check, "it passed"), found


async def test_the_factorial_container_keeps_the_protocol() -> None:
    words = (sys.executable, "-m", "model_containers.factorial")
    found = await findings(words, Bounds(), {"no": 1_000_000})
    assert broken(found) == {}
    assert "2 cancelled" in found["cancel"].note


@pytest.mark.model
@pytest.mark.timeout(600)
async def test_the_diffusers_container_keeps_the_protocol() -> None:
    pytest.importorskip("diffusers")
    checkpoint = Path("model_containers/diffusers/shapes64/checkpoint")
    words = (sys.executable, "-m", "model_containers.diffusers", "--model", f"shapes-64={checkpoint}")
    found = await findings((*words, "--threads", "1"), Bounds(), {"prompt": "a red circle", "steps": 150})
    assert broken(found) == {}
    assert "cancelled" in found["cancel"].note


@pytest.mark.timeout(600)
async def test_the_audiocraft_container_keeps_the_protocol(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tests.unit.audiocraft_container.tiny_checkpoint import write_folder

    weights = write_folder(tmp_path / "tiny")
    words = (sys.executable, "-m", "model_containers.audiocraft", "--model", f"tiny={weights}")
    usual = {"prompt": "a siren", "duration_s": 1}
    found = await findings((*words, "--threads", "1"), Bounds(), {"duration_s": 30}, usual=usual)
    assert broken(found) == {}
    assert "cancelled" in found["cancel"].note
    assert found["deadline"].verdict is Verdict.PASSED


async def test_the_cough_container_keeps_the_protocol() -> None:
    words = (sys.executable, "-m", "model_containers.cough")
    found = await findings(words, Bounds(), files={"audio": sample().read()}, usual={"pictures": 2})
    assert broken(found) == {}


async def test_a_container_that_runs_elsewhere_is_checked_but_not_stopped(tmp_path: Path) -> None:
    async with serving(Place(words=flawed(""), folder=ROOT), 60.0) as container:
        async with serving(Place(address=container.connection.address)) as known:
            usual = {"steps": 2}
            subject = Subject(known, known.models[0], usual, usual, SHORT)
            found = {finding.check: finding async for finding in examine(subject, last=True)}
        assert found["stop"].verdict is Verdict.SKIPPED
        assert found["order"].verdict is Verdict.PASSED
        assert container.process is not None
        assert container.process.returncode is None
