"""One unary call: a deadline, a few repeats where that is safe, a typed error."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import grpc
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from clients.runtime.answers import from_rpc_error
from clients.runtime.errors import CallFailed

REPEATABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)

Request_contra = TypeVar("Request_contra", contravariant=True)
Response_co = TypeVar("Response_co", covariant=True)
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Method(Protocol[Request_contra, Response_co]):
    """A unary method of a generated stub."""

    def __call__(
        self,
        request: Request_contra,
        /,
        *,
        timeout: float | None = None,
        metadata: tuple[tuple[str, str], ...] | None = None,
    ) -> Awaitable[Response_co]:
        """Send the request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to try: seconds over all attempts, attempts, and the pauses between."""

    deadline: float = 30.0
    attempts: int = 6
    first_pause: float = 0.05
    longest_pause: float = 2.0

    def pause(self, attempt: int) -> float:
        """Return how long to wait after `attempt` (0 is the first), spread by chance."""
        longest = min(self.longest_pause, self.first_pause * 2.0**attempt)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, no secret


def trace_metadata() -> tuple[tuple[str, str], ...]:
    """Return the caller's W3C trace context: its current span, or `TRACEPARENT`."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    if not carrier and (given := os.environ.get("TRACEPARENT")):
        carrier["traceparent"] = given
    return tuple(carrier.items())


async def call(
    method: Method[Asked, Answered],
    request: Asked,
    *,
    address: str = "",
    limits: Limits | None = None,
    repeat: bool = True,
) -> Answered:
    """Send one request and return its response.

    A node that is away, contended or full is asked again with the very same
    request: its `request_id` makes that one act. Where the node says how long
    to wait, that is waited. `repeat=False` is for acts without a `request_id`.

    Raises:
        Refused: the node understood and said no.
        Unreachable: there was no answer within the limits.
    """
    bounds = limits or Limits()
    end = time.monotonic() + bounds.deadline
    attempt = 0
    while True:
        try:
            return await method(
                request,
                timeout=max(0.001, end - time.monotonic()),
                metadata=trace_metadata(),
            )
        except grpc.aio.AioRpcError as error:
            failed = from_rpc_error(error, address)
            pause = _pause(failed, attempt, bounds)
            last = attempt + 1 >= bounds.attempts or time.monotonic() + pause >= end
            if not repeat or failed.code not in REPEATABLE or last:
                raise failed from error
        attempt += 1
        await asyncio.sleep(pause)


def _pause(failed: CallFailed, attempt: int, limits: Limits) -> float:
    return (
        failed.retry_after if failed.retry_after is not None else limits.pause(attempt)
    )
