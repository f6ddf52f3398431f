"""Somebody who calls, and, run as a program, somebody who calls far too much."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import psutil
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from clients.runtime.credentials import Credentials, Issuing
from ducha.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from ducha.server.v1 import server_service_pb2 as server
from ducha.server.v1.server_service_pb2_grpc import ServerServiceStub

LINES = 5
"""A connection has 256 streams: a flood needs more than one."""


def issuing(running: Path) -> Issuing:
    """Return who mints the tokens of a running line."""
    bearer = Credentials.load(running).bearer
    assert isinstance(bearer, Issuing)
    return bearer


class Caller:
    """Somebody with a token of their own, on a line of their own."""

    def __init__(self, running: Path, address: str, subject: str) -> None:
        credentials = Credentials.load(running)
        token = issuing(running).issue("53", ["officer"], subject=subject)
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.channel = grpc.aio.secure_channel(address, credentials.tls())
        self.info = ServerServiceStub(self.channel)
        self.progress = ReportingServiceStub(self.channel)

    async def ask(self) -> None:
        """Make one small call."""
        await self.info.GetServerInfo(
            server.GetServerInfoRequest(), metadata=self.metadata, timeout=30
        )


@asynccontextmanager
async def caller(running: Path, address: str, subject: str) -> AsyncIterator[Caller]:
    """Give a caller, whose line is closed afterwards."""
    one = Caller(running, address, subject)
    try:
        yield one
    finally:
        await one.channel.close()


async def outcome(call: Awaitable[object]) -> str:
    """Return the reason of a refusal that says when to come back, "" for an answer."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return _reason(error)
    return ""


def _reason(error: grpc.aio.AioRpcError) -> str:
    """Return the reason of a refusal; what is no refusal fails the test."""
    if "error code 7" in (error.details() or ""):
        return "REFUSED_STREAM"  # sent before the server's limit was heard
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has what is read
    assert status is not None, error
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, error
    assert retry.retry_delay.ToMilliseconds() > 0
    return str(info.reason)


def memory(running: Path) -> int:
    """Return the bytes of memory of the province's service."""
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("services.province" in part for part in process.info["cmdline"] or ())
        and any(str(running) in part for part in process.info["cmdline"] or ())
    ]
    assert len(found) == 1
    size: int = found[0].memory_info().rss
    return size


async def greedy(
    running: Path, address: str, at_once: int, seconds: float
) -> Counter[str]:
    """Keep so many calls under way for a while, whatever is answered; count the outcomes."""
    told: Counter[str] = Counter()
    ends = time.monotonic() + seconds

    async def again(one: Caller) -> None:
        while time.monotonic() < ends:
            told[await outcome(one.ask())] += 1

    async with AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(caller(running, address, "greedy"))
            for _ in range(LINES)
        ]
        await asyncio.gather(*(again(one) for one in lines * (at_once // LINES)))
    return told


if __name__ == "__main__":
    data, address, at_once, seconds = sys.argv[1:]
    outcomes = asyncio.run(greedy(Path(data), address, int(at_once), float(seconds)))
    sys.stdout.write(json.dumps(outcomes))
