"""Turn calls that arrive together into one batch.

While one batch is worked, the calls that arrive wait; the next batch takes them all, up
to a bound. A lone call waits for nothing. After several small calls a moment is left for
those who were answered to call again: every tier above works a larger batch cheaper.
A full queue refuses at once. Callers are served in turn, so that one who floods waits for
itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from tier.runtime.errors import Draining, Overloaded, TierError

C = TypeVar("C")
R = TypeVar("R")
W = TypeVar("W")

RETRY_SECONDS = 0.5
GATHER_SECONDS = 0.005
SMALL_SHARE = 4  # a batch is small below a quarter of the bound


class Turns(Generic[W]):
    """Who waits, one of each in turn; in the order of arrival for each."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._queues: dict[str, deque[W]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._count

    def add(self, who: str, one: W) -> None:
        """Let one more of somebody wait."""
        self._queues.setdefault(who, deque()).append(one)
        self._count += 1

    def next(self) -> W:
        """Return whose turn it is; there must be one."""
        return next(iter(self._queues.values()))[0]

    def take(self) -> W:
        """Take it, and put those who wait with it at the end."""
        who, queue = next(iter(self._queues.items()))
        one = queue.popleft()
        self._count -= 1
        del self._queues[who]
        if queue:
            self._queues[who] = queue
        return one


class Batcher(Generic[C, R]):
    """Collects calls and works them off, `bound` units of weight at a time."""

    def __init__(
        self,
        work: Callable[[Sequence[C]], Awaitable[Sequence[R | TierError]]],
        *,
        weigh: Callable[[C], int],
        bound: int,
        limit: int,
    ) -> None:
        """Give `work` batches of at most `bound` weight; refuse calls beyond `limit`."""
        self._work = work
        self._weigh = weigh
        self._bound = bound
        self._limit = limit
        self._waiting: Turns[tuple[C, asyncio.Future[R]]] = Turns()
        self._arrived = asyncio.Event()

    async def submit(self, call: C, who: str = "") -> R:
        """Return the result of `call` of somebody, worked with whatever came with it.

        Raises:
            Overloaded: `limit` calls wait already.
            TierError: the refusal of this call.
        """
        if len(self._waiting) >= self._limit:
            raise Overloaded(
                waiting=len(self._waiting),
                retry_after_seconds=RETRY_SECONDS,
                retry_after=RETRY_SECONDS,
            )
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.add(who, (call, result))
        self._arrived.set()
        return await result

    async def run(self) -> None:
        """Work until cancelled; then refuse what still waits."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    if await self._one():
                        await asyncio.sleep(GATHER_SECONDS)
        finally:
            while self._waiting:
                _, result = self._waiting.take()
                if not result.done():
                    result.set_exception(Draining())

    async def _one(self) -> bool:
        """Work one batch and hand each caller its own result.

        Return whether it was several small calls, so that waiting a moment pays.
        """
        batch = self._take()
        try:
            outcomes = await self._work([call for call, _ in batch])
        except asyncio.CancelledError:
            self._settle(batch, [Draining()] * len(batch))
            raise
        except Exception as failure:  # noqa: BLE001 - every caller must get an answer
            self._settle(batch, [failure] * len(batch))
        else:
            self._settle(batch, outcomes)
        weight = sum(self._weigh(call) for call, _ in batch)
        return len(batch) > 1 and weight * SMALL_SHARE < self._bound

    def _take(self) -> list[tuple[C, asyncio.Future[R]]]:
        """Take calls up to the bound, and always at least one."""
        batch: list[tuple[C, asyncio.Future[R]]] = []
        weight = 0
        while self._waiting:
            weight += self._weigh(self._waiting.next()[0])
            if batch and weight > self._bound:
                break
            batch.append(self._waiting.take())
        return batch

    @staticmethod
    def _settle(
        batch: Sequence[tuple[C, asyncio.Future[R]]], outcomes: Sequence[R | Exception]
    ) -> None:
        """Answer every caller that still listens."""
        for (_, result), outcome in zip(batch, outcomes, strict=True):
            if result.done():  # the caller hung up
                continue
            if isinstance(outcome, Exception):
                result.set_exception(outcome)
            else:
                result.set_result(outcome)
