"""Promises of the floor for values: both shapes keep the same, once, and it is checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest

from bench import elements
from bench.collected import DUCHA
from bench.floor.entry import SHAPES, keeper
from bench.floor.tier import Row
from bench.kept import QUERIES, NotKept, check
from tests.servers import Databases
from tier.runtime.db import Database

CODES = [str(530102001 + place) for place in range(5)]
PERIOD = "2027-01"
WANTED = elements.cells(CODES)
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    """An empty database."""
    async with databases.url() as empty:
        yield empty


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    """A connection to it, as a tier of the floor has."""
    opened = await asyncpg.connect(url)
    yield opened
    await opened.close()


def answers(codes: list[str]) -> list[Row]:
    """Return answers as they travel."""
    return [
        (PERIOD, code, elements.numbers(code), 1.8e9, 1.8e9, f"{int(code):032x}")
        for code in codes
    ]


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_answer_that_comes_twice_is_kept_once(
    url: str, connection: Connection, shape: str
) -> None:
    """The floor makes the promise that makes a bundle safe to repeat."""
    keep = await keeper(connection, SHAPES[shape])

    await keep(answers(CODES[:3]))
    await keep(answers(CODES))

    await check({"county": url}, shape, PERIOD, WANTED)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_missing_answer_is_found(
    url: str, connection: Connection, shape: str
) -> None:
    """A figure of wrong data is an error, and names the tier."""
    keep = await keeper(connection, SHAPES[shape])
    await keep(answers(CODES[1:]))

    with pytest.raises(NotKept, match="county"):
        await check({"county": url}, shape, PERIOD, WANTED)


async def test_a_wrong_value_is_found(url: str, connection: Connection) -> None:
    """The count alone would not tell."""
    keep = await keeper(connection, SHAPES["answer"])
    wrong: list[Row] = [
        (*row[:2], [1] * elements.COUNT, *row[3:]) for row in answers(CODES)
    ]
    await keep(wrong)

    with pytest.raises(NotKept):
        await check({"city": url}, "answer", PERIOD, WANTED)


async def test_what_is_asked_of_duchas_tables_fits_them(database: Database) -> None:
    """Tables change; the benchmark must not find out after ten minutes."""
    async with database.reading() as tx:
        row = await tx.fetchrow(QUERIES[DUCHA], PERIOD)

    assert row is not None
    assert (row["count"], row["total"]) == (0, 0)
