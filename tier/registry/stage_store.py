"""Every SQL statement about how far sheets are approved; what is decided lies in `approval`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tier.jurisdiction import Code
from tier.runtime.db import Tx


class Marked(NamedTuple):
    """A sheet of a period as approval sees it: `given` and `flags` run along its values."""

    division: Code
    revision: int
    given: Sequence[int]
    flags: Sequence[int]


# ':' is the character after '9': the range holds the code and all below it.
WITHIN = """
    SELECT division, cardinality(answers), given, flags
      FROM registry_sheet
     WHERE period = $1 AND division >= $2 AND division < $2 || ':' AND elements <> '{}'
     ORDER BY division
"""

KEYED = """
    SELECT s.division, cardinality(s.answers), s.given, s.flags
      FROM unnest($2::text[]) AS wanted (d)
     CROSS JOIN LATERAL (
           SELECT * FROM registry_sheet WHERE (period, division) = ($1, wanted.d) OFFSET 0) s
"""

# As many statements as sheets, all in one round trip: quicker than taking the arrays apart.
WRITE = "UPDATE registry_sheet SET flags = $3 WHERE (period, division) = ($1, $2)"

OPEN_CONFLICTS = """
    SELECT count(*) FROM registry_conflict
     WHERE state = 1 AND division >= $2 AND division < $2 || ':' AND period = $1
"""


async def marked_within(tx: Tx, period: str, area: Code) -> list[Marked]:
    """Return the sheets of an area and period that hold values, by division."""
    return [Marked(*row) for row in await tx.fetch(WITHIN, period, area)]


async def marked(tx: Tx, period: str, divisions: Iterable[Code]) -> list[Marked]:
    """Return those of the sheets that are here."""
    return [Marked(*row) for row in await tx.fetch(KEYED, period, list(divisions))]


async def mark(tx: Tx, period: str, flags: Mapping[Code, Sequence[int]]) -> None:
    """Write the flags of sheets; the values stay what they are."""
    if flags:
        rows = [(period, division, marks) for division, marks in flags.items()]
        await tx.execute_many(WRITE, rows)


async def open_conflicts(tx: Tx, period: str, area: Code) -> int:
    """Count the conflicts of an area and period that wait for a decision."""
    count: int = await tx.fetchval(OPEN_CONFLICTS, period, area)
    return count
