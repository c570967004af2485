"""A container that breaks the protocol in the way that the model's name says; written on bare gRPC.

python -m tests.contract.model_client.rogue_container PATH
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import SERVICE

R = pb.GenerateResponse
OPEN = R(output_start=pb.OutputStart(name="a", media_type="text/plain"))
DONE = R(done=pb.Done())
MANNERS = {
    "silent-end": [],
    "end-after-progress": [R(progress=pb.Progress(step=1, total=2))],
    "bytes-without-start": [R(output=pb.OutputChunk(name="a", data=b"x", last=True)), DONE],
    "bytes-after-last": [OPEN, *2 * [R(output=pb.OutputChunk(name="a", last=True))], DONE],
    "opened-twice": [OPEN, OPEN, DONE],
    "done-in-the-middle": [OPEN, DONE],
    "result-no-json": [R(done=pb.Done(result_json=b"{nope"))],
    "result-no-object": [R(done=pb.Done(result_json=b"[1]"))],
    "details-nan": [R(output_start=pb.OutputStart(name="a", details_json=b'{"a": NaN}'))],
    "unknown-error-class": [R(error=pb.Error(error_class=99, message="strange"))],  # type: ignore[arg-type]  # on purpose
    "empty-message": [R(), DONE],
    "too-large": [R(output_start=pb.OutputStart(name="x" * (5 << 20)))],
}


async def generate(requests: AsyncIterator[pb.GenerateRequest], context: Any) -> AsyncIterator[R]:
    async for request in requests:
        if request.start.model == "aborts":
            await context.abort(grpc.StatusCode.INTERNAL, "no reason")
        for response in MANNERS[request.start.model]:
            yield response
        return


async def describe(request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:
    return pb.DescribeResponse(models=[pb.ModelDescription(id="", max_concurrency=0)])


async def serve(path: str) -> None:
    server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
    methods: dict[str, Any] = {
        "Generate": grpc.stream_stream_rpc_method_handler(
            generate, pb.GenerateRequest.FromString, pb.GenerateResponse.SerializeToString
        ),
        "Describe": grpc.unary_unary_rpc_method_handler(
            describe, pb.DescribeRequest.FromString, pb.DescribeResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    print("listening", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
