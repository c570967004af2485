"""Makes `evoke/protocol/generated/` from `model.proto`; with `--check` only tells whether it is up to date.

    python -m evoke.protocol.generate [--check]

Needs grpcio-tools. Messages and their types are generated; the two methods of the service are named in `methods.py`,
so that no untyped stub stands between our code and gRPC.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import resources
from pathlib import Path

FOLDER = Path(__file__).parent
GENERATED = FOLDER / "generated"
PACKAGE = "evoke/protocol/generated"
FILES = ("model_pb2.py", "model_pb2.pyi")


def generate(target: Path) -> None:
    """Write the generated files below `target`. Raises RuntimeError when the compiler refuses the file."""
    from grpc_tools import protoc

    well_known = resources.files("grpc_tools") / "_proto"
    arguments = [
        f"-I{PACKAGE}={FOLDER}",
        f"-I{well_known}",
        f"--python_out={target}",
        f"--pyi_out={target}",
        f"{PACKAGE}/model.proto",
    ]
    if protoc.main(["protoc", *arguments]):
        raise RuntimeError("protoc refused model.proto")


def stale_files() -> list[str]:
    """Names of generated files that differ from what `model.proto` makes now."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        made = {name: (Path(folder) / PACKAGE / name).read_bytes() for name in FILES}
    return [name for name in FILES if not _same(GENERATED / name, made[name])]


def _same(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content


def main() -> None:
    """Generate, or check and end with status 1 when something is stale."""
    if sys.argv[1:] == ["--check"]:
        stale = stale_files()
        if stale:
            sys.exit(f"out of date: {', '.join(stale)}; run python -m evoke.protocol.generate")
        return
    generate(FOLDER.parent.parent)


if __name__ == "__main__":
    main()
