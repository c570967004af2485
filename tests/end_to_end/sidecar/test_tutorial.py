"""`docs/write-a-model.md` works as it is printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.processes import ROOT, ProcessUnderTest, eventually, free_port

PAGE = (ROOT / "docs" / "write-a-model.md").read_text(encoding="utf-8")
PNG = b"\x89PNG\r\n\x1a\n"
pytestmark = pytest.mark.timeout(300)


def block(language: str, containing: str) -> str:
    """The code block of the page that holds these words."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (found,) = [text for text in blocks if containing in text]
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="evoke-") as path:
        yield Path(path)


def test_the_model_of_the_tutorial_draws_through_the_whole_system(folder: Path) -> None:
    package = folder / "gradient_container"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(block("python", "class GradientModel"), encoding="utf-8")
    (folder / "my-models.yaml").write_text(block("yaml", "queue: gradients"), encoding="utf-8")
    port, address = free_port(), f"unix:{folder}/gradient.sock"
    environment = {
        "EVOKE_CATALOGUE": str(folder / "my-models.yaml"),
        "EVOKE_DATA_DIR": str(folder / "data"),
        "EVOKE_QUEUE": "gradients",
        "EVOKE_MODEL_ADDRESS": address,
        "EVOKE_PORT": str(port),
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
    }
    with ExitStack() as stack:
        processes = {}
        for name, module, *arguments in (
            ("model", "gradient_container", "--address", address),
            ("api", "services.api"),
            ("sidecar", "worker_sidecar"),
        ):
            process = ProcessUnderTest(name, module, arguments, environment, folder / f"{name}.log")
            processes[name] = process
            stack.callback(process.kill)
            process.start()
        url = f"http://localhost:{port}"
        ready = ["curl", "-sf", f"{url}/readyz"]
        eventually(lambda: run(ready).returncode == 0, f"{url} is ready; {processes['api'].output}")
        answer = json.loads(run(command(block("", "Prefer: wait"), port)).stdout)
        assert (answer["status"], answer["seed"]) == ("succeeded", 7), answer
        (artifact,) = answer["artifacts"]
        assert artifact["details"] == {"width": 300, "height": 64}
        fetch = command(block("", "/artifacts/0").replace("/ID/", f"/{answer['id']}/"), port)
        run(fetch, folder)
        picture = (folder / "gradient.png").read_bytes()
        assert picture.startswith(PNG)
        assert len(picture) == artifact["size_bytes"]


def command(text: str, port: int) -> list[str]:
    """A printed command as a list of words, at this test's port."""
    return shlex.split(text.replace("\\\n", " ").replace("localhost:8000", f"localhost:{port}"))


def run(words: list[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
