"""A bare grpc.aio echo server: what a unary call costs when it does nothing.

`python -m bench.echo` says its address on standard output and ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import uvloop

METHOD = "/bench.Echo/Echo"
READY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Echo:
    """A running echo server."""

    address: str
    pid: int


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[Echo]:
    """Run an echo server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.echo"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - we asked for a pipe
    assert process.stdin is not None  # noqa: S101 - and for this one
    try:
        async with asyncio.timeout(READY_SECONDS):
            address = (await process.stdout.readline()).decode().strip()
        yield Echo(address, process.pid)
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await process.wait()


async def serve() -> None:
    """Serve until standard input closes."""
    server = grpc.aio.server()

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        _same
    )
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)  # the word its parent waits for
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


async def _same(request: bytes, _: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return request


if __name__ == "__main__":
    uvloop.run(serve())
