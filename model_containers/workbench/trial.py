"""`evoke model test`: runs one input without sidecar or queue, shows what happens and saves the outputs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.connection import Request
from model_containers.workbench.container import Container
from model_containers.workbench.inputs import WrongWords, read_files, typed_input
from model_containers.workbench.outcome import Outcome, RunFailed, outcome_of
from model_containers.workbench.running import run_request


@dataclass(frozen=True)
class Wanted:
    """What to run. text, parameters: as `typed_input` takes them. files: NAME=PATH. folder: where outputs go."""

    model: str | None
    text: str | None
    parameters: Sequence[str]
    files: Sequence[str]
    folder: Path
    deadline_s: float


async def try_once(container: Container, wanted: Wanted) -> int:
    """Run one input; returns the exit code: 0 it succeeded, 1 it failed. Raises WrongWords."""
    described = container.model(wanted.model)
    value = typed_input(json.loads(described.input_schema_json), wanted.text, wanted.parameters)
    print(f"{described.id}: {json.dumps(value, ensure_ascii=False)[:400]}", file=sys.stderr)
    request = Request(described.id, json.dumps(value).encode(), wanted.deadline_s, read_files(wanted.files))
    try:
        outcome = outcome_of(await run_request(container.connection, request, _show))
    except RunFailed as failure:
        print(f"failed: {failure}", file=sys.stderr)
        return 1
    saved = save(outcome, wanted.folder)
    facts = {"seed": outcome.seed, "result": dict(outcome.result), "timings_ms": dict(outcome.timings_ms)}
    told = ", ".join(f"{name} {json.dumps(fact)}" for name, fact in facts.items() if fact not in (None, {}))
    print(f"succeeded in {outcome.took_s:.2f} s" + (f": {told}" if told else ""))
    for path, output in zip(saved, outcome.outputs.values(), strict=True):
        print(f"{path}  {output.media_type}  {len(output.data)} bytes  {json.dumps(output.details)}")
    return 0


def save(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the outputs into the folder, each by its own name. Raises WrongWords."""
    paths = []
    for name, output in outcome.outputs.items():
        path = folder / Path(name).name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(output.data)
        except OSError as error:
            raise WrongWords(f"can't write {path}: {error.strerror}") from error
        paths.append(path)
    return paths


def _show(message: pb.GenerateResponse) -> None:
    """Tell the person at the terminal what a run reports."""
    match message.WhichOneof("part"):
        case "progress":
            told = f"{message.progress.step}/{message.progress.total} {message.progress.unit}"
        case "log":
            told = message.log.text
        case "preview":
            told = f"preview: {message.preview.media_type}, {len(message.preview.data)} bytes"
        case "metric":
            told = f"{message.metric.name} = {message.metric.value:g}"
        case _:
            return
    print(f"  {told}", file=sys.stderr, flush=True)
