"""Whether the four tiers' databases and the API say the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from clients.cli.progress import counts
from clients.demo.board import tally_of
from clients.demo.store import Tally, tally
from clients.runtime import Client, Endpoints
from clients.runtime.endpoints import TIERS

POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Databases:
    """Connections to the databases of every node, by tier."""

    by_tier: Mapping[str, tuple[asyncpg.Connection[asyncpg.Record], ...]]

    async def tally(self, tier: str, item: str) -> Tally:
        """Count what a whole tier holds."""
        total = Tally()
        for connection in self.by_tier[tier]:
            total += await tally(connection, item)
        return total

    async def tallies(self, item: str) -> dict[str, Tally]:
        """Count what every tier holds."""
        return {tier: await self.tally(tier, item) for tier in TIERS}

    async def until_delivered(self, item: str, targets: int) -> None:
        """Wait until the last target's assignment is in a township database."""
        while True:
            held = await self.tally("township", item)
            if held.targets >= targets:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def until_all_are(self, expected: Tally, item: str, seconds: float) -> None:
        """Wait until every tier holds what is expected, at most so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if all(held == expected for held in (await self.tallies(item)).values()):
                return
            await asyncio.sleep(POLL_SECONDS * 4)


@asynccontextmanager
async def databases(endpoints: Endpoints) -> AsyncIterator[Databases]:
    """Open a connection to each node's database."""
    async with AsyncExitStack() as stack:
        opened: dict[str, tuple[asyncpg.Connection[asyncpg.Record], ...]] = {}
        for tier in TIERS:
            connections = []
            for node in endpoints.at_tier(tier):
                connection = await asyncpg.connect(node.database_url, timeout=10)
                stack.push_async_callback(connection.close)
                connections.append(connection)
            opened[tier] = tuple(connections)
        yield Databases(opened)


async def by_api(client: Client, item: str) -> Tally:
    """Return the counts that the API tells at the top."""
    return tally_of(list((await counts(client, item, None)).progress))


def expected(targets: int) -> Tally:
    """Return what must be held everywhere in the end."""
    return Tally(
        targets=targets,
        received=targets,
        reported=targets,
        verified=targets,
        closed=targets,
    )
