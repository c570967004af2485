"""Where Prometheus is told to look."""

from __future__ import annotations

import json
from pathlib import Path

from services.standalone.figures import free_metrics_port, write_targets
from services.standalone.plan import Command, Stage


def command(name: str, port: int = 0, address: str | None = None) -> Command:
    environment = {"EVOKE_METRICS_PORT": str(port)}
    return Command(name=name, words=("x",), stage=Stage.FRONT, environment=environment, address=address)


def test_every_process_with_figures_is_a_target(tmp_path: Path) -> None:
    commands = [
        command("api"),
        command("archiver", 9001),
        command("factorial", 9002, "unix:/x.sock"),
        command("sidecar:txt2img", 9003),
        command("sidecar:quiet"),
    ]
    groups = json.loads(write_targets(tmp_path, "127.0.0.1", 8000, commands).read_text())
    found = {group["targets"][0]: group["labels"]["process"] for group in groups}
    assert found == {"127.0.0.1:8000": "api", "127.0.0.1:9001": "archiver", "127.0.0.1:9003": "sidecar"}


def test_what_listens_everywhere_is_reached_here(tmp_path: Path) -> None:
    groups = json.loads(write_targets(tmp_path, "0.0.0.0", 8000, []).read_text())
    assert groups[0]["targets"] == ["127.0.0.1:8000"]


def test_a_metrics_port_can_be_had() -> None:
    assert 0 < free_metrics_port("127.0.0.1") < 65536
