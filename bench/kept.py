"""Look into the databases of a line: is everything there, at every tier?"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from bench.elements import Cells

QUERIES = {
    "ducha": """
        SELECT count(*) AS count, coalesce(sum(number), 0)::bigint AS total
          FROM registry_sheet, unnest(numbers) AS number
         WHERE period = $1
    """,
    "value": """
        SELECT count(*) AS count, coalesce(sum(value), 0)::bigint AS total
          FROM kept_value
         WHERE period = $1
    """,
    "answer": """
        SELECT count(*) AS count, coalesce(sum(value), 0)::bigint AS total
          FROM kept_answer, unnest(numbers) AS value
         WHERE period = $1
    """,
}
"""What is held of a period, by the shape of the tables."""


class NotKept(RuntimeError):
    """A database does not hold what it should: the figure is worth nothing."""

    def __init__(self, tier: str, found: Cells, wanted: Cells) -> None:
        """Say where, and what."""
        super().__init__(f"The {tier}'s database holds {found}, not {wanted}.")


async def check(
    databases: Mapping[str, str], shape: str, period: str, wanted: Cells
) -> None:
    """Compare counts and sums in each database.

    Raises:
        NotKept: one holds something else.
    """
    for tier, dsn in databases.items():
        found = await cells(dsn, shape, period)
        if found != wanted:
            raise NotKept(tier, found, wanted)


async def cells(dsn: str, shape: str, period: str) -> Cells:
    """Return what a database holds of a period."""
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(QUERIES[shape], period)
    finally:
        await connection.close()
    return Cells(row["count"], row["total"]) if row else Cells(0, 0)
