"""Watches that go on where they stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Protocol, TypeVar

import grpc

from clients.runtime.answers import from_rpc_error
from clients.runtime.calling import Limits, trace_metadata
from clients.runtime.errors import Answer, CallFailed, Unreachable

STOOD_SECONDS = 5.0
"""Who is not recognised is told at once; a stream that stood so long had been let in."""


class Resumable(Protocol):
    """A message with a place to go on from."""

    resume_token: str


class Stream(Protocol):
    """An open call that streams."""

    def cancel(self) -> bool:
        """End it."""


Asked = TypeVar("Asked", bound=Resumable)
Answered = TypeVar("Answered", bound=Resumable)


async def watch(
    method: grpc.aio.UnaryStreamMultiCallable[Asked, Answered],
    request: Asked,
    *,
    address: str = "",
    patience: float = 60.0,
) -> AsyncGenerator[Answered]:
    """Yield every response, over restarts of the node, without a gap or a repeat.

    Each new call begins at the token of the last response; `request` is changed so.
    Close the iterator (`contextlib.aclosing`) when you have seen enough.

    A token that is over ends a stream, too: the next call bears a new one.

    Raises:
        Refused: the node said no, such as for an unknown item.
        Unreachable: the node stayed away longer than `patience` seconds.
    """
    limits = Limits(longest_pause=1.0)
    attempt, silent_since = 0, time.monotonic()
    while True:
        began = time.monotonic()
        stream = method(request, metadata=trace_metadata())
        failed: CallFailed | None = None
        try:
            async for response in stream:
                request.resume_token = response.resume_token
                yield response
                attempt, silent_since = 0, time.monotonic()
        except grpc.aio.AioRpcError as error:
            failed = from_rpc_error(error, address)
        finally:
            stream.cancel()
        now = time.monotonic()
        if not _is_over(failed, now - began):
            _give_up_if_hopeless(failed, now - silent_since, patience)
        await asyncio.sleep(limits.pause(attempt))
        attempt += 1


def _is_over(failed: CallFailed | None, lasted: float) -> bool:
    """Whether a stream that stood was cut for its token: the next bears a new one."""
    code = failed.code if failed is not None else None
    return code is grpc.StatusCode.UNAUTHENTICATED and lasted > STOOD_SECONDS


def _give_up_if_hopeless(
    failed: CallFailed | None, silence: float, patience: float
) -> None:
    if failed is not None and failed.code is not grpc.StatusCode.UNAVAILABLE:
        raise failed
    if silence > patience:
        raise failed or Unreachable(
            Answer(
                grpc.StatusCode.UNAVAILABLE,
                english="The node ends the watch again and again.",
            )
        )
