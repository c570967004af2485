"""A model that does nothing, to measure everything around it: `python -m bench.noop_model --address unix:PATH`."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from typing import Any

from model_containers.sdk import Manifest, Model, Output, Part, Result, Run, main

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}, "output_bytes": {"type": "integer"}}}


class Noop(Model):
    """Returns at once; with `output_bytes` in its input it writes a file of that size."""

    manifest = Manifest(id="noop", task="noop", input=SCHEMA, max_concurrency=64)

    async def generate(self, input: dict[str, Any], run: Run) -> AsyncIterator[Part]:
        """Yield the end, perhaps after one output."""
        if size_bytes := input.get("output_bytes"):
            yield Output("0.bin", "application/octet-stream", bytes(size_bytes))
        yield Result(result={"length": len(str(input.get("text", "")))})


class ThreadedNoop(Noop):
    """The same as a plain method, on a thread."""

    manifest = Manifest(id="noop", task="noop", input=SCHEMA, max_concurrency=64)

    def generate(self, input: dict[str, Any], run: Run) -> Result:  # type: ignore[override]  # plain, not async
        """Return the end, perhaps after one output."""
        if size_bytes := input.get("output_bytes"):
            run.write_output("0.bin", "application/octet-stream", bytes(size_bytes))
        return Result(result={"length": len(str(input.get("text", "")))})


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threaded", action="store_true", help="run the model on threads")


if __name__ == "__main__":
    main(lambda arguments: [ThreadedNoop() if arguments.threaded else Noop()], "Does nothing.", _options)
