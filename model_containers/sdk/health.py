"""`python -m model_containers.sdk.health ADDRESS`: asks a container by gRPC's health protocol whether it serves.

It is the health command of a container's image and pod. Exit codes: 0 it serves, 1 it does not, 2 wrong options.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from evoke.protocol.methods import SERVICE


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask once; say on standard error why the answer is no."""
    parser = argparse.ArgumentParser(prog="python -m model_containers.sdk.health")
    parser.add_argument("address", help="where the container listens: unix:PATH or HOST:PORT")
    parser.add_argument(
        "--timeout", type=float, default=5.0, help="seconds to wait for the answer (default: 5)"
    )
    options = parser.parse_args(arguments)
    with grpc.insecure_channel(options.address) as channel:
        asked = health_pb2.HealthCheckRequest(service=SERVICE)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=options.timeout)
        except grpc.RpcError as error:
            print(f"{options.address}: {error.code().name}", file=sys.stderr)
            return 1
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return 0
    print(
        f"{options.address}: {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
