"""Tell those who wait that the ledger grew: senders get the facts, watchers a wake-up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tier.ledger.model import Committed


class Feed:
    """Passes on what was committed, in order, inside this process."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listeners: list[Callable[[Committed], None]] = []
        self._grown = asyncio.Event()
        self.version = 0

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Call `listener` after every commit; it must not block."""
        self._listeners.append(listener)

    def publish(self, committed: Committed) -> None:
        """Pass on what a transaction appended."""
        for listener in self._listeners:
            listener(committed)
        self.version += 1
        self._grown.set()
        self._grown = asyncio.Event()

    async def grown(self, seen: int, seconds: float) -> None:
        """Return once `version` is not `seen`, or after `seconds`.

        Read `version` before the ledger, or a commit between the two is slept through.
        The bound is there because another process may write too.
        """
        if self.version != seen:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._grown.wait()
        except TimeoutError:
            return
