"""Writes what is installed beside this Python as a CycloneDX 1.6 document: `python sbom.py NAME VERSION > FILE`.

Images are built on machines that may have no other tool for it; the standard library knows all that is needed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from importlib import metadata

SPECIFICATION = "1.6"


def document(name: str, version: str) -> dict[str, object]:
    """The bill of materials of an image with that name: one component for each installed distribution."""
    components = sorted(
        (component(found) for found in metadata.distributions()), key=lambda each: str(each["purl"])
    )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": version}},
        "components": components,
    }


def component(distribution: metadata.Distribution) -> dict[str, object]:
    """One distribution, named by its package URL (PyPI's names are lower case with single hyphens there)."""
    name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
    found: dict[str, object] = {
        "type": "library",
        "name": name,
        "version": distribution.version,
        "purl": f"pkg:pypi/{name}@{distribution.version}",
    }
    if "License-Expression" not in distribution.metadata:
        return found
    return {**found, "licenses": [{"expression": distribution.metadata["License-Expression"]}]}


def main(arguments: Sequence[str]) -> int:
    """Print the document; returns the exit code."""
    if len(arguments) != 2:
        print("usage: sbom.py NAME VERSION", file=sys.stderr)
        return 2
    json.dump(document(*arguments), sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
