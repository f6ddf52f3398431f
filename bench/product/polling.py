"""Wait for what another process comes to know: there is no event to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.1


async def until(holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Return once it holds.

    Raises:
        TimeoutError: it did not, for so long.
    """
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(POLL_SECONDS)
