"""SQL on the division tree: which areas stood on a day, and where those that ended went."""

from __future__ import annotations

from datetime import date

from tier.jurisdiction import Code, Level
from tier.runtime.db import Tx

# The tree changes with a fact about it, and never else.
VERSION = (
    "SELECT coalesce(max(position), 0) FROM ledger_fact WHERE subject = 'divisions'"
)

FIRST_DAY = "SELECT min(valid_from) FROM division"

AREAS = """
    SELECT code, name FROM division
     WHERE level = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
     ORDER BY code
"""

STANDING = """
    SELECT left(code, $3) AS area, count(*) FROM division
     WHERE level = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
     GROUP BY 1
"""

# Its last entry has ended, with one successor: a merger. What was split has several.
MERGED = """
    SELECT code, successor_codes[1] AS successor
      FROM division AS ended
     WHERE cardinality(successor_codes) = 1 AND valid_to <= $1
       AND NOT EXISTS (SELECT FROM division AS later
                        WHERE later.code = ended.code AND later.valid_from > ended.valid_from)
"""


async def version(tx: Tx) -> int:
    """Return what grows with every change of the tree; 0 while nothing told of one."""
    position: int = await tx.fetchval(VERSION)
    return position


async def first_day(tx: Tx) -> date | None:
    """Return the first day that the tree knows of."""
    day: date | None = await tx.fetchval(FIRST_DAY)
    return day


async def areas(tx: Tx, level: Level, on: date) -> dict[Code, str]:
    """Return the areas of a level that stood on a day, by code, with their names."""
    rows = await tx.fetch(AREAS, level, on)
    return {Code(row["code"]): row["name"] for row in rows}


async def standing(tx: Tx, level: Level, on: date, digits: int) -> dict[str, int]:
    """Return how many divisions of a level stood on a day, by the first digits of their codes."""
    rows = await tx.fetch(STANDING, level, on, digits)
    return {row["area"]: row["count"] for row in rows}


async def merged(tx: Tx, today: date) -> dict[Code, Code]:
    """Return the one successor of each division that ended with one."""
    rows = await tx.fetch(MERGED, today)
    return {Code(row["code"]): Code(row["successor"]) for row in rows}
