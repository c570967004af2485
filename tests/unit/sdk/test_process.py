"""The process of a container: its socket, its health, its end."""

from __future__ import annotations

import signal
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import DESCRIBE, GENERATE, SERVICE
from tests.system.processes import ProcessUnderTest, eventually, free_port

SERVING = health_pb2.HealthCheckResponse.SERVING
MODULE = "tests.contract.model_client.scripted_container"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="evoke-") as path:
        yield Path(path)


@pytest.fixture
def container(folder: Path) -> Iterator[ProcessUnderTest]:
    process = container_at(folder, f"unix:{folder}/model.sock")
    yield process
    process.kill()


def container_at(folder: Path, address: str, *options: str) -> ProcessUnderTest:
    return ProcessUnderTest(
        "container", MODULE, ("--address", address, *options), {}, folder / "container.log"
    )


def ready(process: ProcessUnderTest) -> None:
    eventually(lambda: "ready" in process.output or not process.alive, "the container is ready")
    assert process.alive, process.output


def health(address: str) -> int:
    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        return int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=30, wait_for_ready=True).status)


def run_of(channel: grpc.Channel, script: str) -> Iterator[pb.GenerateResponse]:
    generate = channel.unary_stream(
        GENERATE,
        request_serializer=pb.GenerateRequest.SerializeToString,
        response_deserializer=pb.GenerateResponse.FromString,
    )
    start = pb.Start(job_id="j", attempt=1, model="scripted", input_json=script.encode(), deadline_s=60)
    return iter(generate(pb.GenerateRequest(start=start), wait_for_ready=True))


def test_only_its_own_user_may_open_the_socket(container: ProcessUnderTest, folder: Path) -> None:
    container.start()
    ready(container)
    assert stat.S_IMODE((folder / "model.sock").stat().st_mode) == 0o600


def test_a_socket_that_a_killed_container_left_behind_is_no_obstacle(
    container: ProcessUnderTest, folder: Path
) -> None:
    container.start()
    ready(container)
    container.kill()
    assert (folder / "model.sock").exists()
    (folder / "container.log").unlink()
    container.start()
    ready(container)
    assert health(f"unix:{folder}/model.sock") == SERVING


def test_a_socket_that_somebody_listens_at_is_left_alone(container: ProcessUnderTest, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "model.sock"))
        other.listen()
        container.start()
        assert container.wait_for_exit() == 1
    assert "another process listens" in container.output


def test_a_file_in_the_sockets_place_is_left_alone(container: ProcessUnderTest, folder: Path) -> None:
    (folder / "model.sock").write_text("precious")
    container.start()
    assert container.wait_for_exit() == 1
    assert (folder / "model.sock").read_text() == "precious"


def test_it_listens_at_tcp_too(folder: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    process = container_at(folder, address)
    process.start()
    try:
        ready(process)
        assert health(address) == SERVING
    finally:
        process.kill()


def test_until_everything_is_set_up_it_is_not_healthy_and_does_not_describe_itself(folder: Path) -> None:
    address = f"unix:{folder}/model.sock"
    process = container_at(folder, address, "--setup-gate", str(folder / "gate"))
    process.start()
    try:
        assert health(address) != SERVING
        with grpc.insecure_channel(address) as channel:
            describe = channel.unary_unary(
                DESCRIBE,
                request_serializer=pb.DescribeRequest.SerializeToString,
                response_deserializer=pb.DescribeResponse.FromString,
            )
            answer = describe.future(pb.DescribeRequest(), timeout=60, wait_for_ready=True)
            time.sleep(0.3)
            assert not answer.done()
            (folder / "gate").touch()
            assert [model.id for model in answer.result().models] == ["scripted", "scripted-async", "gated"]
        eventually(lambda: health(address) == SERVING, "it is healthy")
    finally:
        process.kill()


def test_a_setup_that_crashes_ends_the_container_with_its_traceback_in_the_log(folder: Path) -> None:
    process = container_at(folder, f"unix:{folder}/model.sock", "--crash")
    process.start()
    assert process.wait_for_exit() == 1
    assert "nobody expected this" in process.output


def test_on_sigterm_runs_may_end_within_the_grace(folder: Path) -> None:
    container = container_at(folder, f"unix:{folder}/model.sock", "--grace", "60")
    container.start()
    note = folder / "note"
    script = (
        f'{{"script": [{{"do": "note", "path": "{note}"}}, {{"do": "sleep", "seconds": 0.7}}], "seed": 5}}'
    )
    with grpc.insecure_channel(f"unix:{folder}/model.sock") as channel:
        answers = run_of(channel, script)
        eventually(note.exists, "the run has begun")
        container.send(signal.SIGTERM)
        assert [answer.done.seed for answer in answers] == [5]
    assert container.wait_for_exit() == 0
    assert not (folder / "model.sock").exists()


def test_after_the_grace_runs_are_cancelled(folder: Path) -> None:
    process = container_at(folder, f"unix:{folder}/model.sock", "--grace", "0.2")
    process.start()
    note = folder / "note"
    script = f'{{"script": [{{"do": "log", "text": "x"}}, {{"do": "wait_for_cancel", "path": "{note}"}}]}}'
    with grpc.insecure_channel(f"unix:{folder}/model.sock") as channel:
        answers = run_of(channel, script)
        assert next(answers).log.text == "x"
        process.send(signal.SIGTERM)
        with pytest.raises(grpc.RpcError):
            next(answers)
    assert process.wait_for_exit() == 0


def test_a_model_that_ignores_its_cancellation_does_not_keep_the_process_alive(folder: Path) -> None:
    process = container_at(folder, f"unix:{folder}/model.sock", "--grace", "0.2")
    process.start()
    script = '{"script": [{"do": "log", "text": "x"}, {"do": "sleep_deaf", "seconds": 600}]}'
    with grpc.insecure_channel(f"unix:{folder}/model.sock") as channel:
        answers = run_of(channel, script)
        assert next(answers).log.text == "x"
        started = time.monotonic()
        process.send(signal.SIGTERM)
        assert process.wait_for_exit() == 0
        assert time.monotonic() - started < 300
    assert "models still ran" in process.output


def test_help_names_every_option(folder: Path) -> None:
    process = ProcessUnderTest("help", MODULE, ("--help",), {}, folder / "help.log")
    process.start()
    assert process.wait_for_exit() == 0
    for option in ("--address", "--grace", "--max-waiting", "--log-level", "--log-format", "--concurrency"):
        assert option in process.output
