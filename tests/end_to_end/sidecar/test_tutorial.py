"""`docs/write-a-model.md` works as it is printed: every file is written, every command typed, in the page's order."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.processes import ROOT, eventually, free_port

PAGE = (ROOT / "docs" / "write-a-model.md").read_text(encoding="utf-8")
FENCE = re.compile(r'^```(\w*)(?: (\w+)="([^"]*)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
PNG = b"\x89PNG\r\n\x1a\n"
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Block:
    """A code block. note, name: what stands behind its language, e.g. title="model.py"."""

    language: str
    note: str
    name: str
    text: str


def blocks() -> list[Block]:
    return [Block(*found) for found in FENCE.findall(PAGE)]


class Reader:
    """Somebody who follows the page, in a shell that keeps its folder and its variables."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.cwd = folder
        self.said = ""
        self.up: subprocess.Popen[bytes] | None = None
        self._state = folder / "shell-state"
        self._state.write_text("", encoding="utf-8")
        self._make_commands(folder / ".venv" / "bin")

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        if block.note == "title" and block.language == "python":
            (self.cwd / block.name).write_text(block.text, encoding="utf-8")
        elif block.note == "replace":
            self._replace(block)
        elif block.name == "second terminal":
            self._start(block.text)
        elif block.language == "sh":
            self.said = self._type(block.text)
        elif block.language == "text":
            self._compare(block.text)

    def end(self) -> None:
        if self.up is not None:
            self.up.send_signal(signal.SIGTERM)
            self.up.wait(60)

    def _make_commands(self, folder: Path) -> None:
        """The checkout's commands, as `make develop` puts them into `.venv/bin`."""
        folder.mkdir(parents=True)
        for name, module in (("evoke", "cli.main"), ("pytest", "pytest")):
            script = f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {module} "$@"\n'
            (folder / name).write_text(script, encoding="utf-8")
            (folder / name).chmod(0o755)

    @property
    def _environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("EVOKE_")}
        ours = {"EVOKE_PORT": str(self.port), "EVOKE_URL": f"http://localhost:{self.port}"}
        return {
            **outside,
            **ours,
            "EVOKE_DATA_DIR": str(self.folder / "data"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _script(self, text: str) -> str:
        return f'set -eu\n. "{self._state}"\n{text.replace("localhost:8000", f"localhost:{self.port}")}'

    def _type(self, text: str) -> str:
        """Type commands; return what they print. They must succeed."""
        keep = f'\nexport -p > "{self._state}"\npwd > "{self._state}.cwd"\n'
        done = subprocess.run(
            ["bash", "-c", self._script(text) + keep],
            cwd=self.cwd,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        self.cwd = Path(Path(f"{self._state}.cwd").read_text(encoding="utf-8").strip())
        return done.stdout + done.stderr

    def _start(self, text: str) -> None:
        """Type a command that goes on running, and wait until it is ready."""
        log = self.folder / "up.log"
        with log.open("wb") as output:
            self.up = subprocess.Popen(
                ["bash", "-c", self._script("exec env " + text.strip())],
                cwd=self.cwd,
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        eventually(
            lambda: "evoke is ready" in log.read_text() or self.up is None or self.up.poll() is not None, "up"
        )
        assert "evoke is ready" in log.read_text(), log.read_text()

    def _replace(self, block: Block) -> None:
        """Put a class, and its imports, in the place of the one of that name."""
        file = self.cwd / "model.py"
        code = file.read_text(encoding="utf-8")
        imports, _, new_class = block.text.partition("\n\n\n")
        old_import = next(line for line in code.splitlines() if line.startswith("from model_containers.sdk"))
        old_class = code[code.index(block.name) : code.index("\n\n\ndef ")]
        file.write_text(
            code.replace(old_import, imports).replace(old_class, new_class.strip()), encoding="utf-8"
        )

    def _compare(self, text: str) -> None:
        """Every line that the page shows was printed, but for numbers that differ from time to time."""
        said = {_without_numbers(line) for line in self.said.splitlines()}
        for line in text.splitlines():
            assert _without_numbers(line) in said, f"not printed: {line}\n{self.said}"


def _without_numbers(line: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "#", line).strip()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with tempfile.TemporaryDirectory(prefix="evoke-") as path:
        follower = Reader(Path(path).resolve())
        yield follower
        follower.end()


def test_the_page_can_be_followed_word_for_word(reader: Reader) -> None:
    answers = []
    for block in blocks():
        reader.follow(block)
        if "curl" in block.text:
            answers.append(json.loads(reader.said))
    (job,) = answers
    assert (job["status"], job["seed"]) == ("succeeded", 7), job
    assert job["artifacts"][0]["details"] == {"width": 300, "height": 64}
    tried = (reader.cwd / "out" / "gradient.png").read_bytes()
    assert tried.startswith(PNG)
    assert (reader.cwd / "gradient.png").read_bytes() == tried
    assert len(tried) == job["artifacts"][0]["size_bytes"]
    assert "class Gradient(BatchModel)" in (reader.cwd / "model.py").read_text(encoding="utf-8")


def test_the_page_says_how_long_a_new_container_is() -> None:
    told = re.search(r"five files, (\d+) lines", PAGE)
    assert told is not None
    assert int(told[1]) <= 100
