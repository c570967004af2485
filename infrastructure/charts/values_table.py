"""Writes the chart's table of values from its schema and defaults: `python -m infrastructure.charts.values_table`.

With `--check` nothing is written; the exit code is 1 when the page is out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent / "evoke"
PAGE = CHART / "README.md"
HEAD = """# The chart evoke

<!-- Written by `make docs` from values.yaml and values.schema.json. Do not edit. -->

evoke's API, archiver and worker pools on a cluster, with Pulsar, S3, an Iceberg REST catalog and Trino that are there
already. How to install it, step by step: [on EKS](../../../docs/deploy-eks.md),
[on minikube](../../../docs/deploy-minikube.md).
What is not allowed by `values.schema.json` stops the installation with the value's name.

```sh
helm upgrade --install evoke infrastructure/charts/evoke --namespace evoke --create-namespace --values my-values.yaml
helm test evoke --namespace evoke        # submits a job and waits for its end
```

`workers` is a list of pools; a pool takes the fields of `workers[]` below, and what it leaves out from
`workerDefaults`.

| value | default | meaning |
|---|---|---|
"""


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` compare it; returns the exit code."""
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("the chart's README.md is out of date: run `make docs` and commit it", file=sys.stderr)
    return 1


def page() -> str:
    """The whole page: one row for each value, in the order of the schema."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    listed = {name: part for name, part in schema["properties"].items() if name != "global"}
    return HEAD + "".join(rows("", listed, values, schema["definitions"]))


def rows(
    prefix: str, properties: Mapping[str, Any], values: Mapping[str, Any], definitions: Mapping[str, Any]
) -> Iterator[str]:
    """A row for each value below a prefix; groups are gone into, what has a definition of its own is not."""
    for name, part in properties.items():
        path = f"{prefix}{name}"
        known = name in values
        if "properties" in part and "$ref" not in part:
            yield from rows(f"{path}.", part["properties"], values.get(name) or {}, definitions)
            continue
        described = {**definitions[part["$ref"].rpartition("/")[2]], **part} if "$ref" in part else part
        yield row(path, values.get(name), described, known=known)
        items = described.get("items", {})
        if "properties" in items:
            yield from rows(f"{path}[].", items["properties"], {}, definitions)


def row(path: str, default: object, part: Mapping[str, Any], *, known: bool) -> str:
    """One line of the table."""
    shown = f"`{json.dumps(default)}`".replace("|", "\\|") if known else "—"
    meaning = str(part.get("description", "Pods beyond or below the number while they are replaced."))
    if "enum" in part:
        meaning += f" One of {', '.join(f'`{word}`' for word in part['enum'])}."
    return f"| `{path}` | {shown} | {meaning.replace('|', '&#124;')} |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
