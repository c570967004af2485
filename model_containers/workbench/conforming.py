"""`evoke model conform`: says of every model of a container whether it keeps the protocol."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.conformance.subject import Bounds, Finding, Subject, Verdict
from model_containers.workbench.conformance.suite import examine
from model_containers.workbench.container import Container, last_lines, place_of, serving
from model_containers.workbench.inputs import read_files, read_object, typed_input


async def conform(options: argparse.Namespace) -> int:
    """Check and print; returns the exit code: 0 the protocol is kept, 1 it is not."""
    place = place_of(options.path, options.address, options.command_line)
    findings: list[Finding] = []
    async with serving(place, options.start_s) as container:
        if not container.models:
            print("BROKEN   describe: the container serves no model", file=sys.stderr)
            return 1
        chosen = [container.model(options.model)] if options.model else list(container.models)
        for model in chosen:
            subject = _subject(container, model, options)
            async for finding in examine(subject, last=model is chosen[-1]):
                findings.append(finding)
                if not options.json:
                    print(
                        f"{finding.verdict:<8} {finding.model}  {finding.check}: {finding.note}", flush=True
                    )
        broken = [finding for finding in findings if finding.verdict is Verdict.BROKEN]
        if broken and container.log is not None:
            print(f"its last lines:\n{last_lines(container.log)}", file=sys.stderr)
    if options.json:
        print(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        counts = Counter(finding.verdict for finding in findings)
        print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 1 if broken else 0


def _subject(container: Container, model: pb.ModelDescription, options: argparse.Namespace) -> Subject:
    try:
        schema = json.loads(model.input_schema_json)
        usual = typed_input(schema if isinstance(schema, dict) else {}, options.input, options.parameters)
    except (ValueError, AttributeError, TypeError):  # not WrongWords, which is the user's
        usual = {}  # the schema is none: a check of its own tells
    long_input = usual if options.long is None else {**usual, **read_object(options.long)}
    bounds = Bounds(options.run_s, options.patience_s)
    return Subject(container, model, usual, long_input, bounds, read_files(options.file))
