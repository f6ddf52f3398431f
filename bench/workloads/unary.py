"""One unary call after another, a bounded number of them in flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

IN_FLIGHT = 256
"""As in a rush before a deadline; the same for the echo."""

CALL_SECONDS = 30

Call = Callable[[bytes], Awaitable[bytes]]


async def paced(call: Call, requests: Sequence[bytes], rate: float) -> float:
    """Send every request when it is due, `rate` a second, however long the others take.

    Return seconds to the last answer.
    """
    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for place, request in enumerate(requests):
            await asyncio.sleep(began + place / rate - time.perf_counter())
            workers.create_task(_send(call, request))
    return time.perf_counter() - began


async def _send(call: Call, request: bytes) -> None:
    await call(request)


async def flood(call: Call, requests: Sequence[bytes]) -> float:
    """Send every request, `IN_FLIGHT` at a time; return seconds to the last answer."""
    waiting = iter(requests)

    async def work(mine: Iterator[bytes]) -> None:
        for request in mine:
            await call(request)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(IN_FLIGHT):
            workers.create_task(work(waiting))
    return time.perf_counter() - began
