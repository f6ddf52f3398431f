"""A bare grpc.aio echo server: what a unary call costs when it does nothing.

`python -m bench.echo` says its address on standard output and ends with its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import uvloop

METHOD = "/bench.Echo/Echo"


@dataclass(frozen=True, slots=True)
class Echo:
    """A running echo server."""

    address: str
    pid: int


@contextlib.contextmanager
def echo() -> Iterator[Echo]:
    """Run an echo server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.echo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # closes its input, which ends it, and waits
        assert process.stdout is not None  # noqa: S101 - we asked for a pipe
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("The echo server did not start; see its output.")
        yield Echo(address, process.pid)


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
