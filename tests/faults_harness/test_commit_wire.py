"""The wire that breaks inside COMMIT breaks exactly there, before or after."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.embedded.postgres import Postgres
from faults.commit_wire import CommitWire
from tests.servers import Databases
from tier.runtime.db import Database, open_database
from tier.runtime.errors import DatabaseAway

TABLE = "CREATE TABLE IF NOT EXISTS told (number int)"
NUMBERS = "SELECT number FROM told ORDER BY number"
INSERT = "INSERT INTO told VALUES ($1)"
MANY = 60


@pytest.fixture
def wire(postgres: Postgres) -> CommitWire:
    """A wire to the server, seeded."""
    return CommitWire(lambda: postgres.port, seed=20200501)


@pytest.fixture
async def straight(databases: Databases) -> AsyncIterator[tuple[str, Database]]:
    """A fresh database with a table, reached without the wire; and its URL."""
    async with databases.url() as url:
        database = await open_database(url, name="straight", readers=1)
        async with database.transaction() as tx:
            await tx.execute(TABLE)
        try:
            yield url, database
        finally:
            await database.close()


async def numbers(database: Database) -> list[int]:
    """Return what is in the table."""
    async with database.reading() as tx:
        return [row["number"] for row in await tx.fetch(NUMBERS)]


async def insert(database: Database, number: int) -> bool:
    """Write one number in a transaction; whether it was acknowledged."""
    try:
        async with database.transaction() as tx:
            await tx.execute(INSERT, number)
    except DatabaseAway:
        return False
    return True


async def test_commits_are_cut_before_or_after_and_nothing_else_is(
    postgres: Postgres, wire: CommitWire, straight: tuple[str, Database]
) -> None:
    """Acknowledged is committed; cut before is not; cut after is, and was not told."""
    url, direct = straight
    with wire:
        over = url.replace(f":{postgres.port}/", f":{wire.port}/")
        database = await open_database(over, name="over the wire", readers=1)
        wire.odds = 0.5
        told = {number for number in range(MANY) if await insert(database, number)}
        wire.odds = 0.0
        assert await numbers(database)  # readers are left alone
        await database.close()
    held = await numbers(direct)

    assert told <= set(held)
    assert len(held) == len(set(held))
    assert len(held) - len(told) == wire.fates["cut after"] == wire.committed > 0
    assert MANY - len(held) == wire.fates["cut before"] > 0
    assert wire.fates["carried"] == len(told)


async def test_at_odds_of_nothing_everything_is_carried(
    postgres: Postgres, wire: CommitWire, straight: tuple[str, Database]
) -> None:
    """The wire itself does no harm."""
    url, direct = straight
    with wire:
        over = url.replace(f":{postgres.port}/", f":{wire.port}/")
        connection = await asyncpg.connect(over)
        await connection.execute(INSERT, 1)
        await connection.close()
    held = await numbers(direct)

    assert held == [1]
    assert wire.cuts == 0
