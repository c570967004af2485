"""The health commands of images and pods say yes only to what is well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from evoke import healthcheck
from model_containers.sdk import health
from tests.system.processes import ProcessUnderTest, eventually, free_port

EXPOSITION = b"# HELP evoke_model_up 1 while it answers.\nevoke_model_up 0.0\nevoke_jobs_in_flight 3\nodd x\n"
LABELLED = b'evoke_up{queue="a b"} 1.0\nevoke_up{queue="c"} 0.0\nevoke_well{queue="a"} 1.0\n'


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/readyz": 503}.get(self.path, 200))
        self.end_headers()
        self.wfile.write(EXPOSITION + LABELLED)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_is_health(url: str) -> None:
    assert healthcheck.main([f"{url}/livez"]) == 0


def test_a_refusal_is_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main([f"{url}/readyz"]) == 1
    assert "503" in capsys.readouterr().err


def test_silence_is_none() -> None:
    assert healthcheck.main([f"http://127.0.0.1:{free_port()}/livez"]) == 1


@pytest.mark.parametrize(
    ("bound", "code"),
    [
        ("evoke_jobs_in_flight=3", 0),
        ("evoke_jobs_in_flight=4", 1),
        ("evoke_model_up=1", 1),
        ("evoke_model=0", 1),
        ("odd=0", 1),
        ("evoke_well=1", 0),
        ("evoke_up=1", 1),
    ],
)
def test_a_metric_that_is_too_low_or_missing_is_none(url: str, bound: str, code: int) -> None:
    assert healthcheck.main([f"{url}/metrics", "--at-least", bound]) == code


@pytest.mark.parametrize("bound", ["evoke_model_up", "=1", "evoke_model_up=much"])
def test_a_bound_that_is_none_is_refused(bound: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        healthcheck.main(["http://127.0.0.1:1/", "--at-least", bound])
    assert ended.value.code == 2
    assert "METRIC=NUMBER" in capsys.readouterr().err


def test_a_container_that_serves_is_well_and_one_that_is_away_is_not(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert health.main([address, "--timeout", "1"]) == 1
    container = ProcessUnderTest(
        "factorial", "model_containers.factorial", ("--address", address), {}, tmp_path / "container.log"
    )
    container.start()
    try:
        eventually(lambda: health.main([address]) == 0, "the container serves", 60)
    finally:
        container.kill()
