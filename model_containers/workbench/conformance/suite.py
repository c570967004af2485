"""All checks, in the order in which they build on each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from model_containers.workbench.conformance import description, ending, refusals, runs
from model_containers.workbench.conformance.subject import (
    Broken,
    Check,
    Finding,
    Skipped,
    Subject,
    Verdict,
)

CHECKS: Mapping[str, Check] = {
    "health": description.health,
    "describe": description.describe,
    "schema": description.schema,
    "order": runs.order,
    "progress": runs.progress,
    "pieces": runs.pieces,
    "bad-input": refusals.bad_input,
    "unknown-model": refusals.unknown_model,
    "input-files": refusals.input_files,
    "concurrency": runs.concurrency,
    "cancel": ending.cancel,
    "deadline": ending.deadline,
    "stop": ending.stop,
}
LAST = "stop"


async def examine(subject: Subject, *, last: bool) -> AsyncIterator[Finding]:
    """Make every check of a model and yield what it found. last: also the one that ends the container."""
    for name, check in CHECKS.items():
        if name == LAST and not last:
            continue
        verdict, note = Verdict.PASSED, ""
        try:
            note = await check(subject)
        except Broken as broken:
            verdict, note = Verdict.BROKEN, str(broken)
        except Skipped as skipped:
            verdict, note = Verdict.SKIPPED, str(skipped)
        yield Finding(subject.description.id, name, verdict, note)
