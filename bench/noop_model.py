"""A model that does nothing, to measure everything around it: `python -m bench.noop_model --address unix:PATH`."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from typing import Any

from model_containers.sdk import Manifest, Model, Output, Part, Result, Run, main

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}, "output": {"type": "boolean"}}}


class Noop(Model):
    """Returns at once; with `"output": true` in its input it writes the text to a small file."""

    manifest = Manifest(id="noop", task="noop", input=SCHEMA, max_concurrency=64)

    async def generate(self, input: dict[str, Any], run: Run) -> AsyncIterator[Part]:
        """Yield the end, perhaps after one small output."""
        if input.get("output"):
            yield Output("text.txt", "text/plain", str(input.get("text", "")).encode())
        yield Result(result={"length": len(str(input.get("text", "")))})


class ThreadedNoop(Noop):
    """The same as a plain method, on a thread."""

    manifest = Manifest(id="noop", task="noop", input=SCHEMA, max_concurrency=64)

    def generate(self, input: dict[str, Any], run: Run) -> Result:  # type: ignore[override]  # plain, not async
        """Return the end, perhaps after one small output."""
        if input.get("output"):
            run.write_output("text.txt", "text/plain", str(input.get("text", "")).encode())
        return Result(result={"length": len(str(input.get("text", "")))})


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threaded", action="store_true", help="run the model on threads")


if __name__ == "__main__":
    main(lambda arguments: [ThreadedNoop() if arguments.threaded else Noop()], "Does nothing.", _options)
